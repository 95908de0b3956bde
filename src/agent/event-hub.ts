import type { Log } from "../base/log.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { Member, SerfEvent } from "../serf/events.js";
import { formatFilter, type HandlerSpec, parseStreamFilters, passes } from "./handler-spec.js";

export interface EventHubOptions {
  /** Of the component `agent`. */
  readonly log: Log;
  /** The clock of the driver, on which deadlines of queries are given. */
  readonly now: () => Instant;
  /** This agent's own member, as it is when asked. */
  readonly self: () => Member;
  /** Answers a query. Throws OperatorError if that is not possible (any more). */
  readonly respond: (id: number, payload: Bytes) => void;
  /** How long a script may run before it is told to end; 0 means as long as it likes. */
  readonly handlerTimeout: Millis;
  /** What scripts inherit; the agent's own environment unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

type Sink = (event: SerfEvent) => void;

/** Takes what happened in the cluster to the log, to the event streams and to the handlers. */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #sinks = new Set<Sink>();
  #specs: readonly HandlerSpec[] = [];

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  /** Returns at once, however many handlers are busy. */
  handle(event: SerfEvent): void {
    this.#options.log.info({}, `Received event: ${describeEvent(event)}`);
    for (const sink of this.#sinks) sink(event);
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

  /** Replaces the handlers from the next event on. Scripts that run are not touched. */
  setHandlers(specs: readonly HandlerSpec[]): void {
    this.#specs = specs;
  }

  /** Script by `FILTER:NAME`, for the statistics; scripts of one filter are joined by a comma. */
  handlers(): ReadonlyMap<string, string> {
    const scripts = new Map<string, string>();
    for (const { filter, script } of this.#specs) {
      const key = filter.name === "" ? `${filter.kind}:` : formatFilter(filter);
      const before = scripts.get(key);
      scripts.set(key, before === undefined ? script : `${before}, ${script}`);
    }
    return scripts;
  }

  /** Begins no more runs and ends those that are under way; takes a few seconds at most. */
  async stop(): Promise<void> {}
}

function describeEvent(event: SerfEvent): string {
  if (event.kind === "user") return `user-event: ${event.name}`;
  return event.kind === "query" ? `query: ${event.name}` : event.kind;
}
