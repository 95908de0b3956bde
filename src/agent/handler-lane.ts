import type { Log } from "../base/log.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import { HandlerQueue } from "./handler-queue.js";
import { type EventFilter, type HandlerSpec, passes } from "./handler-spec.js";
import type { RunSlots } from "./run-slots.js";

/** What a lane needs of the hub. */
export interface LaneParts {
  readonly log: Log;
  readonly now: () => Instant;
  /** Shared by all lanes. */
  readonly slots: RunSlots;
  /** Runs one script for one event, to its end. Never rejects. */
  readonly run: (script: string, event: SerfEvent) => Promise<unknown>;
}

/**
 * Handlers that run strictly one after the other: their events in order, and for each event the
 * handlers in the order in which they were configured.
 */
export class HandlerLane {
  readonly #parts: LaneParts;
  readonly #queue: HandlerQueue;
  /** Also those that {@link retire} took away, of which one may still run. */
  readonly #scripts: ReadonlySet<string>;
  #handlers: readonly HandlerSpec[];
  #working: Promise<void> | undefined;
  #lossTold: LossReport = { at: Number.NEGATIVE_INFINITY, dropped: 0, expired: 0 };

  /** `before`: lanes that have to be done first, because they run one of the same scripts. */
  constructor(
    handlers: readonly HandlerSpec[],
    parts: LaneParts,
    before: readonly HandlerLane[] = [],
  ) {
    this.#handlers = handlers;
    this.#scripts = new Set(handlers.map(({ script }) => script));
    this.#parts = parts;
    this.#queue = new HandlerQueue((event) =>
      this.#handlers.some(({ filter }) => passes(filter, event)),
    );
    const busy = before.map((lane) => lane.#working).filter((work) => work !== undefined);
    if (busy.length > 0) this.#working = this.#work(Promise.all(busy));
  }

  get busy(): boolean {
    return this.#working !== undefined;
  }

  get counts(): { readonly merged: number; readonly dropped: number; readonly expired: number } {
    return this.#queue;
  }

  sharesScript(handlers: readonly HandlerSpec[]): boolean {
    return handlers.some(({ script }) => this.#scripts.has(script));
  }

  offer(event: SerfEvent): void {
    this.#queue.push(event);
    this.#reportLoss(false);
    if (this.#working === undefined && this.#queue.length > 0) {
      this.#working = this.#work(undefined);
    }
  }

  /** Gives up all but the handlers with these scripts; what nobody is left for is dropped. */
  retire(scripts: ReadonlySet<string>): void {
    this.#handlers = this.#handlers.filter(({ script }) => scripts.has(script));
    if (this.#handlers.length > 0) return;
    const waiting = this.#queue.clear();
    if (waiting > 0) this.#parts.log.info({ waiting }, "dropped events of removed handlers");
  }

  /** Drops what waits; what runs goes on. */
  clear(): number {
    return this.#queue.clear();
  }

  async #work(after: Promise<unknown> | undefined): Promise<void> {
    await after;
    const { now } = this.#parts;
    for (let event = this.#queue.take(now()); event; event = this.#queue.take(now())) {
      for (const { filter, script } of this.#handlers) {
        if (passes(filter, event)) await this.#run(script, event);
      }
    }
    this.#reportLoss(true);
    this.#working = undefined;
  }

  async #run(script: string, event: SerfEvent): Promise<void> {
    const { now, slots, run } = this.#parts;
    await slots.take();
    if (event.kind === "query" && event.deadline <= now()) this.#queue.expired += 1;
    else await run(script, event);
    slots.giveBack();
  }

  /** A warning at the first loss, then one per period and one when the lane has caught up. */
  #reportLoss(caughtUp: boolean): void {
    const { dropped, expired } = this.#queue;
    const told = this.#lossTold;
    if (dropped === told.dropped && expired === told.expired) return;
    const at = this.#parts.now();
    if (!caughtUp && at < told.at + lossPeriod) return;
    const scripts = [...this.#scripts];
    this.#parts.log.warn(
      { scripts, dropped: dropped - told.dropped, expired: expired - told.expired },
      "handler is behind, events were dropped",
    );
    this.#lossTold = { at, dropped, expired };
  }
}

interface LossReport {
  readonly at: Instant;
  readonly dropped: number;
  readonly expired: number;
}

/** How often at most a lane that is behind says so. */
const lossPeriod: Millis = seconds(10);

/**
 * Which handlers share a lane.
 *
 * Serf runs all scripts one after the other. We let a slow one hold up no other, except where order
 * between two scripts is part of what they do:
 *
 * - the same script never runs twice at a time, whatever filters it stands behind;
 * - scripts that each hear only a part of a member's life (`member-join=add.sh` beside
 *   `member-leave,member-failed=remove.sh`) undo each other's work, so they keep Serf's order among
 *   themselves. A script that hears of joins, leaves and failures needs no other.
 */
export function arrangeLanes(specs: readonly HandlerSpec[]): HandlerSpec[][] {
  const filters = new Map<string, EventFilter[]>();
  for (const { script, filter } of specs) {
    filters.set(script, [...(filters.get(script) ?? []), filter]);
  }
  const lanes = new Map<string | undefined, HandlerSpec[]>();
  for (const spec of specs) {
    const lane = hearsPart(filters.get(spec.script) ?? []) ? undefined : spec.script;
    const handlers = lanes.get(lane);
    if (handlers === undefined) lanes.set(lane, [spec]);
    else handlers.push(spec);
  }
  return [...lanes.values()];
}

/** True if some but not all of a member's life passes these filters. */
function hearsPart(filters: readonly EventFilter[]): boolean {
  const kinds = new Set(filters.map(({ kind }) => kind));
  const some = filters.some(({ kind }) => kind.startsWith("member-"));
  const all = (["member-join", "member-leave", "member-failed"] as const).every((kind) =>
    kinds.has(kind),
  );
  return some && !all && !kinds.has("*");
}
