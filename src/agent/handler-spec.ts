import { OperatorError } from "../base/errors.js";
import type { SerfEvent } from "../serf/events.js";

/** Which events one filter lets pass (compat.md section 13.1). */
export interface EventFilter {
  readonly kind: SerfEvent["kind"] | "*";
  /** The one user event or query meant; empty means any. Always empty for the other kinds. */
  readonly name: string;
}

/** One handler: a filter and the command line that is run for what passes it. */
export interface HandlerSpec {
  readonly filter: EventFilter;
  /** A command line for the shell. */
  readonly script: string;
  /** A run that failed is repeated. */
  readonly retry?: true;
}

/** What stands before the filters of handlers that run again if they fail; no filter of Serf begins so. */
const retryMark = "retry:";

/**
 * The handlers of one `-event-handler`: `[[retry:]FILTER{,FILTER}=]SCRIPT`, split at the first `=`. Each
 * filter makes a handler of its own, as in Serf: a filter given twice runs the script twice. Throws
 * OperatorError with Serf's words on a filter that does not exist.
 */
export function parseHandlerSpec(text: string): HandlerSpec[] {
  const split = text.indexOf("=");
  const script = text.slice(split + 1);
  if (split < 0) return [{ filter: everything, script }];
  const head = text.slice(0, split);
  const retries = head.startsWith(retryMark);
  const filters = parseFilters(retries ? head.slice(retryMark.length) : head, (filter) => {
    throw new OperatorError(
      `Invalid event script: Event '${formatFilter(filter)}' invoking '${script}'`,
    );
  });
  return filters.map((filter) => (retries ? { filter, script, retry: true } : { filter, script }));
}

/** The filters of an event stream. Throws OperatorError("Invalid event filter"). */
export function parseStreamFilters(text: string): EventFilter[] {
  return parseFilters(text, () => {
    throw new OperatorError("Invalid event filter");
  });
}

/** `member-join`, `user`, `user:deploy`, `*`. */
export function formatFilter(filter: { readonly kind: string; readonly name: string }): string {
  return filter.name === "" ? filter.kind : `${filter.kind}:${filter.name}`;
}

/** True if the filter lets the event pass. Names are compared exactly. */
export function passes(filter: EventFilter, event: SerfEvent): boolean {
  if (filter.kind === "*") return true;
  if (filter.kind !== event.kind) return false;
  return filter.name === "" || ("name" in event && filter.name === event.name);
}

const everything: EventFilter = { kind: "*", name: "" };

const kinds: ReadonlySet<string> = new Set<EventFilter["kind"]>([
  "*",
  "member-join",
  "member-leave",
  "member-failed",
  "member-update",
  "member-reap",
  "user",
  "query",
]);

function parseFilters(
  text: string,
  refuse: (filter: { readonly kind: string; readonly name: string }) => never,
): EventFilter[] {
  if (text === "") return [everything];
  return text.split(",").map((part) => {
    const named = /^(user|query):(.*)$/s.exec(part);
    const filter =
      named === null
        ? { kind: part, name: "" }
        : { kind: named[1] as string, name: named[2] ?? "" };
    return isEventFilter(filter) ? filter : refuse(filter);
  });
}

function isEventFilter(filter: {
  readonly kind: string;
  readonly name: string;
}): filter is EventFilter {
  return kinds.has(filter.kind);
}
