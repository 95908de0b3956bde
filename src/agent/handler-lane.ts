import { formatDuration } from "../base/duration.js";
import type { Log } from "../base/log.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import { HandlerQueue } from "./handler-queue.js";
import { type EventFilter, type HandlerSpec, passes } from "./handler-spec.js";
import type { RunOrigin } from "./journal/handler-journal.js";
import { Rest, type Resting, restAfter } from "./rest.js";
import type { RunSlots } from "./run-slots.js";

/** What a lane needs of the hub. */
export interface LaneParts {
  readonly log: Log;
  readonly now: () => Instant;
  /** Shared by all lanes. */
  readonly slots: RunSlots;
  /** Runs one script for one event, to its end; undefined if it is too late for that. Never rejects. */
  readonly run: (
    script: string,
    event: SerfEvent,
    origin: RunOrigin,
  ) => Promise<LaneRun | undefined>;
  /** Calls `run` after `delay`, unless the function that it returns is called before. */
  readonly schedule: (delay: Millis, run: () => void) => () => void;
  /** An event failed with a script as often as it may. */
  readonly giveUp: (script: string, event: SerfEvent) => void;
}

/** What came of a run. */
export interface LaneRun {
  /** In the journal. */
  readonly id: number;
  readonly isOk: boolean;
}

/** Something to tell one handler beside the events. */
export interface Errand {
  readonly handler: HandlerSpec;
  readonly event: SerfEvent;
  readonly cause: "rerun" | "recovery";
  /** Of the journal: which one is repeated. */
  readonly of: number;
  /** Hears of the new run; undefined if there was none. */
  readonly done: (run: number | undefined) => void;
}

/** How often a handler that asks for it is told of an event, if it fails each time: for about four minutes. */
const maxTries = 10;

/** Errands that wait; who asks for more has to wait. */
const maxErrands = 64;

/**
 * Handlers that run strictly one after the other: their events in order, and for each event the
 * handlers in the order in which they were configured. While one of them rests that failed and is to run
 * again, the others wait as well, and what happens meanwhile is merged: the order would be lost otherwise.
 */
export class HandlerLane {
  readonly #parts: LaneParts;
  readonly #queue: HandlerQueue;
  /** Also those that {@link retire} took away, of which one may still run. */
  readonly #scripts: ReadonlySet<string>;
  #handlers: readonly HandlerSpec[];
  /** At most {@link maxErrands}. */
  readonly #errands: Errand[] = [];
  readonly #rest: Rest;
  /** Those that wait for the next run of a script that rests. */
  readonly #hurried: Errand[] = [];
  #stopped = false;
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
    this.#rest = new Rest(parts.schedule);
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

  /** Members, messages and errands that wait. */
  get waiting(): number {
    return this.#queue.length + this.#errands.length;
  }

  get resting(): Resting | undefined {
    return this.#rest.current;
  }

  handlersOf(script: string): readonly HandlerSpec[] {
    return this.#handlers.filter((one) => one.script === script);
  }

  offer(event: SerfEvent): void {
    this.#queue.push(event);
    this.#reportLoss(false);
    this.#begin();
  }

  /** Before what waits, and without a rest. False if there is no room for it. */
  send(errand: Errand): boolean {
    if (this.#errands.length >= maxErrands || this.#stopped) return false;
    const isTheNext = this.#rest.current?.run === errand.of;
    if (isTheNext) this.#hurried.push(errand);
    else this.#errands.push(errand);
    this.#rest.end();
    this.#begin();
    return true;
  }

  /** Gives up all but the handlers with these scripts; what nobody is left for is dropped. */
  retire(scripts: ReadonlySet<string>): void {
    this.#handlers = this.#handlers.filter(({ script }) => scripts.has(script));
    for (const errand of this.#errands.splice(0)) {
      if (scripts.has(errand.handler.script)) this.#errands.push(errand);
      else errand.done(undefined);
    }
    const { current } = this.#rest;
    if (current !== undefined && !scripts.has(current.script)) this.#rest.end();
    if (this.#handlers.length > 0) return;
    const waiting = this.#queue.clear();
    if (waiting > 0) this.#parts.log.info({ waiting }, "dropped events of removed handlers");
  }

  /** Drops what waits and begins nothing more; what runs goes on. */
  stop(): number {
    this.#stopped = true;
    for (const errand of this.#errands.splice(0)) errand.done(undefined);
    this.#rest.end();
    return this.#queue.clear();
  }

  #begin(): void {
    if (this.#working === undefined && this.waiting > 0) this.#working = this.#work(undefined);
  }

  async #work(after: Promise<unknown> | undefined): Promise<void> {
    await after;
    const { now } = this.#parts;
    while (this.waiting > 0) {
      await this.#runErrands();
      const event = this.#queue.take(now());
      if (event === undefined) continue;
      for (const handler of this.#handlers) {
        if (passes(handler.filter, event)) await this.#tell(handler, event, "event");
      }
    }
    this.#reportLoss(true);
    this.#working = undefined;
  }

  async #runErrands(): Promise<void> {
    for (let next = this.#errands.shift(); next; next = this.#errands.shift()) {
      const { cause, done, event, handler } = next;
      if (cause === "rerun") {
        done((await this.#run(handler.script, event, { attempt: 1, cause, again: false }))?.id);
      } else {
        await this.#tell(handler, event, cause);
        done(undefined);
      }
    }
  }

  /** Runs the script, and again until it succeeds, if that is asked for. */
  async #tell(handler: HandlerSpec, first: SerfEvent, cause: RunOrigin["cause"]): Promise<void> {
    const { giveUp } = this.#parts;
    const { retry = false, script } = handler;
    let event: SerfEvent | undefined = first;
    for (let attempt = 1; event !== undefined; attempt += 1) {
      const again = retry && attempt < maxTries;
      const origin = { attempt, cause: attempt === 1 ? cause : "retry", again } as const;
      const ended = await this.#run(script, event, origin);
      for (const errand of this.#hurried.splice(0)) errand.done(ended?.id);
      if (ended === undefined || ended.isOk || !retry || !this.#has(handler)) return;
      if (!again || !(await this.#pause(ended.id, script, event, attempt))) {
        giveUp(script, event);
        return;
      }
      event = this.#has(handler) ? this.#queue.remainder(event) : undefined;
    }
    for (const errand of this.#hurried.splice(0)) errand.done(undefined);
  }

  /** False if the time for an answer would be over afterwards. */
  async #pause(run: number, script: string, event: SerfEvent, tries: number): Promise<boolean> {
    const { log, now } = this.#parts;
    const rest = restAfter(tries);
    const until = now() + rest;
    if (event.kind === "query" && event.deadline <= until) return false;
    log.warn({ script, rest: formatDuration(rest) }, "handler failed, runs again");
    await this.#rest.take(rest, { script, run, attempt: tries + 1, until });
    await this.#runErrands();
    return true;
  }

  /** False once a reload has taken it away, or the agent ends. */
  #has(handler: HandlerSpec): boolean {
    return !this.#stopped && this.#handlers.includes(handler);
  }

  /** Undefined if it was too late for it. */
  async #run(script: string, event: SerfEvent, origin: RunOrigin): Promise<LaneRun | undefined> {
    const { now, slots, run } = this.#parts;
    await slots.take();
    const isLate = event.kind === "query" && event.deadline <= now();
    if (isLate) this.#queue.expired += 1;
    const ended = isLate ? undefined : await run(script, event, origin);
    slots.giveBack();
    return ended;
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
