import { formatDuration } from "../base/duration.js";
import type { Log } from "../base/log.js";
import { type Option, options } from "./options.js";
import type { Settings } from "./settings.js";

/** A value before and after; undefined where there was or is none. */
interface Change {
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What a reload finds changed in the configuration of a running agent. */
export interface ReloadChanges {
  /** What is taken over, but for handlers and tags. */
  readonly settings: readonly Change[];
  readonly handlersAdded: readonly string[];
  readonly handlersRemoved: readonly string[];
  /** The same handlers in another order, in which they are run. */
  readonly handlersReordered: boolean;
  readonly tags: readonly Change[];
  /** The names of settings that stay as they are until a restart; their values may be secrets. */
  readonly needRestart: readonly string[];
}

/** `before` with what a reload takes over from `after`. */
export function reloadedSettings(before: Settings, after: Settings): Settings {
  const reloadable = options.filter(({ reloadable: taken }) => taken === true);
  const taken = Object.fromEntries(reloadable.map(({ field }) => [field, after[field]]));
  return { ...before, ...taken };
}

/** Compares what an agent runs with, its restart not being due, with what it is configured to now. */
export function compareSettings(before: Settings, after: Settings): ReloadChanges {
  const changed = options.filter(({ field }) => !same(before[field], after[field]));
  // A role is told as the tag that it becomes.
  const single = changed.filter(
    ({ kind, field }) => kind !== "list" && kind !== "tags" && field !== "role",
  );
  const handlers = [before.eventHandlers, after.eventHandlers] as const;
  const [handlersAdded, handlersRemoved] = [
    without(handlers[1], handlers[0]),
    without(...handlers),
  ];
  return {
    settings: single
      .filter(({ reloadable }) => reloadable === true)
      .map((option) => ({
        name: nameOf(option),
        from: shown(option, before[option.field]),
        to: shown(option, after[option.field]),
      })),
    handlersAdded,
    handlersRemoved,
    handlersReordered: handlersAdded.length + handlersRemoved.length === 0 && !same(...handlers),
    tags: tagChanges(before.tags, after.tags),
    needRestart: changed.filter(({ reloadable }) => reloadable !== true).map(nameOf),
  };
}

/** One line for each change that is taken over at once, one for all that need a restart; tags are told when they are set. */
export function logReload(log: Log, changes: ReloadChanges): void {
  for (const { name: setting, from, to } of changes.settings) {
    log.info({ setting, from, to }, "setting changed");
  }
  for (const handler of changes.handlersRemoved) log.info({ handler }, "event handler removed");
  for (const handler of changes.handlersAdded) log.info({ handler }, "event handler added");
  if (changes.handlersReordered) log.info({}, "event handlers reordered");
  const { needRestart } = changes;
  if (needRestart.length > 0) {
    log.warn({ settings: needRestart.join(" ") }, "settings changed that need a restart");
  }
  if (isNothing(changes)) log.info({}, "reload changed nothing");
}

/** One line for each tag that the configuration changed. */
export function logTags(log: Log, { tags }: ReloadChanges): void {
  for (const { name: tag, from, to } of tags) log.info({ tag, from, to }, "configured tag changed");
}

function isNothing(changes: ReloadChanges): boolean {
  const { handlersAdded, handlersRemoved, handlersReordered, needRestart, settings, tags } =
    changes;
  const lists = [handlersAdded, handlersRemoved, needRestart, settings, tags];
  return !handlersReordered && lists.every((list) => list.length === 0);
}

function nameOf({ key, flag, field }: Option): string {
  return key ?? flag ?? field;
}

/** An object is told by what is made of it. */
function shown({ kind }: Option, value: unknown): string | undefined {
  if (kind === "object") return undefined;
  return kind === "duration" || kind === "limit" ? formatDuration(value as number) : String(value);
}

function same(one: unknown, other: unknown): boolean {
  if (isPlain(one) && isPlain(other)) return JSON.stringify(one) === JSON.stringify(other);
  if (one instanceof Map && other instanceof Map) {
    return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
  }
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

function isPlain(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Map);
}

/** `list` without what `other` has as well; what is there twice has to be there twice in both. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return list.filter((item) => {
    const index = left.indexOf(item);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function tagChanges(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Change[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .map((name) => ({ name, from: before.get(name), to: after.get(name) }))
    .filter(({ from, to }) => from !== to);
}
