import type { SerfEvent } from "../serf/events.js";
import { formatFilter, type HandlerSpec, parseStreamFilters, passes } from "./handler-spec.js";
import { type HandlerCounters, Handlers, type HandlersOptions } from "./handlers.js";

export type EventHubOptions = HandlersOptions;

type Sink = (event: SerfEvent) => void;

/** Takes what happened in the cluster to the log, to the event streams and to the handlers. */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #handlers: Handlers;
  readonly #sinks = new Set<Sink>();
  #specs: readonly HandlerSpec[] = [];

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#handlers = new Handlers(options);
  }

  get counters(): Readonly<HandlerCounters> {
    return this.#handlers.counters;
  }

  /** Returns at once, however many handlers are busy. */
  handle(event: SerfEvent): void {
    this.#options.log.info({}, `Received event: ${describeEvent(event)}`);
    for (const sink of this.#sinks) sink(event);
    this.#handlers.handle(event);
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

  /** Replaces the handlers; see {@link Handlers.replace}. */
  setHandlers(specs: readonly HandlerSpec[]): void {
    this.#specs = specs;
    this.#handlers.replace(specs);
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

  /** Ends the handlers; see {@link Handlers.stop}. */
  stop(): Promise<void> {
    return this.#handlers.stop();
  }
}

function describeEvent(event: SerfEvent): string {
  if (event.kind === "user") return `user-event: ${event.name}`;
  return event.kind === "query" ? `query: ${event.name}` : event.kind;
}
