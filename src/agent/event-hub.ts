import { maxNamed, type Told } from "../observe/deed.js";
import type { Member, MemberEvent, SerfEvent } from "../serf/events.js";
import { type AnyHandlerSpec, handlerKey, isEventSpec, isStateSpec } from "./any-handler.js";
import { parseStreamFilters, passes } from "./handler-spec.js";
import {
  type HandlerCounters,
  Handlers,
  type HandlersOptions,
  type Repetition,
  type ScriptCondition,
} from "./handlers.js";
import { type ConfiguredScript, configuredScripts } from "./journal/configured-scripts.js";
import { HandlerJournal } from "./journal/handler-journal.js";
import { Recovery } from "./journal/recovery.js";
import { StateHandlers } from "./state-handlers.js";
import { schedule } from "./timers.js";

export interface EventHubOptions extends Omit<HandlersOptions, "journal"> {
  /** All members that are remembered, sorted by name; undefined while they are not all there is. */
  readonly members: () => readonly Member[] | undefined;
  /** Keeps on record of whom we told, before anybody is told. */
  readonly note?: (deed: Told) => void;
  /** Where runs are on record; by default in memory alone. */
  readonly journal?: HandlerJournal;
}

type Sink = (event: SerfEvent) => void;

/** Takes what happened in the cluster to the log, to the event streams and to the handlers. */
export class EventHub {
  readonly journal: HandlerJournal;
  readonly #options: EventHubOptions;
  readonly #recovery: Recovery;
  readonly #handlers: Handlers;
  readonly #stateHandlers: StateHandlers;
  readonly #sinks = new Set<Sink>();
  #specs: readonly AnyHandlerSpec[] = [];

  constructor(options: EventHubOptions) {
    const { log, members, now } = options;
    this.#options = options;
    const journal =
      options.journal ?? new HandlerJournal({ log, now, wallClock: () => Date.now() });
    const handlers = new Handlers({ ...options, journal });
    this.journal = journal;
    this.#recovery = new Recovery({
      log,
      journal,
      members,
      repeat: (repetition) => handlers.repeat(repetition),
    });
    this.#handlers = handlers;
    this.#stateHandlers = new StateHandlers({
      log,
      now,
      members,
      run: (...told) => handlers.tell(...told),
      schedule,
    });
  }

  get counters(): Readonly<HandlerCounters> {
    return this.#handlers.counters;
  }

  /** Returns at once, however many handlers are busy. */
  handle(event: SerfEvent): void {
    this.#options.log.info({}, `Received event: ${describeEvent(event)}`);
    if (event.kind !== "user" && event.kind !== "query") this.#options.note?.(toldOf(event));
    for (const sink of this.#sinks) sink(event);
    this.#handlers.handle(event);
  }

  /** What is known of the members has changed; events may tell of it later. Returns at once. */
  noteChange(): void {
    this.#stateHandlers.noteChange();
    this.#recovery.look(() => this.#specs.filter(isEventSpec));
  }

  /**
   * Tells `sink` of every event that passes the filters of `filterText` (compat.md section 13.1),
   * before any handler runs for it. Returns what ends this. Throws OperatorError("Invalid event filter").
   */
  subscribe(filterText: string, sink: Sink): () => void {
    const filters = parseStreamFilters(filterText);
    const filtered: Sink = (event) => {
      if (filters.some((filter) => passes(filter, event))) sink(event);
    };
    this.#sinks.add(filtered);
    return () => this.#sinks.delete(filtered);
  }

  /** Replaces the handlers; see {@link Handlers.replace} and {@link StateHandlers.replace}. */
  setHandlers(specs: readonly AnyHandlerSpec[]): void {
    this.#specs = specs;
    this.journal.setHandlers(this.scripts());
    this.#handlers.replace(specs.filter(isEventSpec));
    this.#stateHandlers.replace(specs.filter(isStateSpec));
  }

  /** How many are configured: a script behind several filters is one. */
  get handlerCount(): number {
    return this.scripts().length;
  }

  /** Script by `FILTER:NAME`, for the statistics; scripts of one filter are joined by a comma. */
  handlers(): ReadonlyMap<string, string> {
    const scripts = new Map<string, string>();
    for (const spec of this.#specs) {
      const { script } = spec;
      const key = handlerKey(spec);
      const before = scripts.get(key);
      scripts.set(key, before === undefined ? script : `${before}, ${script}`);
    }
    return scripts;
  }

  /** The scripts that are configured, each once, in their order. */
  scripts(): readonly ConfiguredScript[] {
    return configuredScripts(this.#specs);
  }

  /** How a script fares between its runs. */
  conditionOf({ kind, script }: ConfiguredScript): ScriptCondition {
    if (kind === "event") return this.#handlers.conditionOf(script);
    const resting = this.#stateHandlers.restingOf(script);
    return { waiting: resting === undefined ? 0 : 1, resting };
  }

  /** See {@link Handlers.repeat}. */
  repeat(repetition: Repetition): Promise<number | undefined> {
    return this.#handlers.repeat(repetition);
  }

  /** See {@link StateHandlers.repeat}. */
  repeatState(script: string): Promise<number | undefined> {
    return this.#stateHandlers.repeat(script);
  }

  /** Ends the handlers; see {@link Handlers.stop}. */
  stop(): Promise<void> {
    this.#stateHandlers.stop();
    return this.#handlers.stop();
  }
}

function toldOf({ kind: event, members }: MemberEvent): Told {
  const nodes = members.slice(0, maxNamed).map(({ name }) => name);
  return { kind: "told", event, nodes, count: members.length };
}

function describeEvent(event: SerfEvent): string {
  if (event.kind === "user") return `user-event: ${event.name}`;
  return event.kind === "query" ? `query: ${event.name}` : event.kind;
}
