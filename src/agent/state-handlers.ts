import { sameAddress } from "../base/address.js";
import { formatDuration } from "../base/duration.js";
import type { Log } from "../base/log.js";
import type { Instant, Millis } from "../base/units.js";
import type { Member } from "../serf/events.js";
import { sameTags } from "../serf/tags.js";
import type { LaneRun } from "./handler-lane.js";
import type { RunOrigin } from "./journal/handler-journal.js";
import { type Resting, restAfter } from "./rest.js";
import { type StateHandlerSpec, stateOf } from "./state-spec.js";

export interface StateParts {
  /** Of the component `agent`. */
  readonly log: Log;
  readonly now: () => Instant;
  /** All members that are remembered, sorted by name; undefined while they are not all there is. */
  readonly members: () => readonly Member[] | undefined;
  /** Runs the script to its end; undefined if it is too late for that. Never rejects. */
  readonly run: (
    spec: StateHandlerSpec,
    members: readonly Member[],
    origin: RunOrigin,
  ) => Promise<LaneRun | undefined>;
  /** Calls `run` after `delay`, unless the function that it returns is called before. */
  readonly schedule: (delay: Millis, run: () => void) => () => void;
}

/** Changes come in bursts: nothing is begun before there was none for so long, */
const quiet: Millis = 50;
/** but no change waits for longer than this. */
const longestWait: Millis = 500;

/**
 * Runs scripts for lists of members instead of events: an event that is lost, merged or told twice does
 * no harm then, and a script that failed makes up for all that it missed.
 */
export class StateHandlers {
  readonly #parts: StateParts;
  #lanes: readonly StateLane[] = [];
  /** Ends of the runs that are under way, by script: none runs twice at a time, whatever its filters. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #dirtySince: Instant | undefined;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(parts: StateParts) {
    this.#parts = parts;
  }

  /** Handlers that stay go on where they are; a new one is run for the list as it is. */
  replace(specs: readonly StateHandlerSpec[]): void {
    const kept = new Set<StateLane>();
    const lanes = new Map<string, StateLane>();
    for (const spec of specs) {
      const key = keyOf(spec);
      const lane = this.#lanes.find((one) => keyOf(one.spec) === key) ?? this.#open(spec);
      kept.add(lane);
      lanes.set(key, lane);
    }
    for (const lane of this.#lanes) if (!kept.has(lane)) lane.stop();
    this.#lanes = [...lanes.values()];
    this.noteChange();
  }

  /** Something about the members has changed, or may have. Returns at once. */
  noteChange(): void {
    if (this.#lanes.length === 0 || this.#stopped) return;
    const now = this.#parts.now();
    this.#dirtySince ??= now;
    this.#cancel();
    const wait = Math.min(quiet, this.#dirtySince + longestWait - now);
    this.#cancel = this.#parts.schedule(Math.max(0, wait), () => {
      this.#dirtySince = undefined;
      for (const lane of this.#lanes) lane.look();
    });
  }

  /** When a handler runs again that has failed; undefined if none of them has. */
  restingOf(script: string): Resting | undefined {
    return this.#lanes
      .map((lane) => (lane.spec.script === script ? lane.resting : undefined))
      .find(Boolean);
  }

  /**
   * Has the handlers of a script run for the list as it is, though they know it. Resolves with the id of the
   * first new run when it has ended; with undefined if there is none.
   */
  async repeat(script: string): Promise<number | undefined> {
    const lanes = this.#lanes.filter(({ spec }) => spec.script === script);
    const [first] = await Promise.all(lanes.map((lane) => lane.repeat()));
    return first;
  }

  /** Begins no more runs. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
    for (const lane of this.#lanes) lane.stop();
  }

  #open(spec: StateHandlerSpec): StateLane {
    return new StateLane(spec, this.#parts, (step) => this.#inTurn(spec.script, step));
  }

  async #inTurn(script: string, step: () => Promise<boolean>): Promise<boolean> {
    const turn = (this.#turns.get(script) ?? Promise.resolve()).then(step);
    this.#turns.set(script, turn);
    const result = await turn;
    if (this.#turns.get(script) === turn) this.#turns.delete(script);
    return result;
  }
}

/** One script and the list that it knows. */
class StateLane {
  readonly spec: StateHandlerSpec;
  readonly #parts: StateParts;
  readonly #inTurn: (step: () => Promise<boolean>) => Promise<boolean>;
  /** With what the script succeeded, if it has not failed since. */
  #told: readonly Member[] | undefined;
  /** With what it failed, while it rests. */
  #failed: readonly Member[] | undefined;
  #working = false;
  #stopped = false;
  /** How often it has failed since it succeeded. */
  #failures = 0;
  /** The list with which it failed last, and how often in turn. */
  #tried: { readonly state: readonly Member[]; readonly times: number } | undefined;
  /** Those who want it to run though it knows the list. */
  readonly #wanted: ((run: number | undefined) => void)[] = [];
  #resting: Resting | undefined;
  #cancelRest: () => void = () => {};

  constructor(
    spec: StateHandlerSpec,
    parts: StateParts,
    inTurn: (step: () => Promise<boolean>) => Promise<boolean>,
  ) {
    this.spec = spec;
    this.#parts = parts;
    this.#inTurn = inTurn;
  }

  /** Runs the script until it knows the list as it is, or rests. */
  look(): void {
    if (!this.#working) void this.#work();
  }

  get resting(): Resting | undefined {
    return this.#resting;
  }

  /** Runs the script for the list as it is; resolves with the id of the run, if there is one. */
  repeat(): Promise<number | undefined> {
    return new Promise((resolve) => {
      if (this.#stopped || this.#parts.members() === undefined) {
        resolve(undefined);
        return;
      }
      this.#wanted.push(resolve);
      this.look();
    });
  }

  /** Begins no more runs; one that is under way goes on. */
  stop(): void {
    this.#stopped = true;
    this.#endRest();
    for (const done of this.#wanted.splice(0)) done(undefined);
  }

  async #work(): Promise<void> {
    this.#working = true;
    let ran = true;
    while (ran) ran = await this.#inTurn(() => this.#step());
    this.#working = false;
    // Somebody may have asked for a run after the last look.
    if (this.#wanted.length > 0 && !this.#stopped) this.look();
  }

  /** True if there was something to tell, so that there may be again. */
  async #step(): Promise<boolean> {
    const members = this.#stopped ? undefined : this.#parts.members();
    if (members === undefined) {
      for (const done of this.#wanted.splice(0)) done(undefined);
      return false;
    }
    const state = stateOf(this.spec, members);
    const wanted = this.#wanted.splice(0);
    const isKnown = sameState(state, this.#told) || sameState(state, this.#failed);
    if (isKnown && wanted.length === 0) return false;
    this.#endRest();
    this.#told = this.#failed = undefined;
    const tries = sameState(state, this.#tried?.state) ? (this.#tried?.times ?? 0) : 0;
    const cause = wanted.length > 0 ? "rerun" : tries > 0 ? "retry" : "event";
    const ended = await this.#parts.run(this.spec, state, {
      attempt: tries + 1,
      cause,
      again: true,
    });
    for (const done of wanted) done(ended?.id);
    if (ended?.isOk === true) {
      this.#told = state;
      this.#tried = undefined;
      this.#failures = 0;
    } else {
      this.#failed = state;
      this.#failures += 1;
      this.#tried = { state, times: tries + 1 };
      this.#restAWhile(ended?.id ?? 0);
    }
    return true;
  }

  #restAWhile(run: number): void {
    if (this.#stopped) return;
    const rest = restAfter(this.#failures);
    const { log, now, schedule } = this.#parts;
    const { filter, script } = this.spec;
    log.warn({ filter, script, rest: formatDuration(rest) }, "state handler failed, runs again");
    const attempt = (this.#tried?.times ?? 0) + 1;
    this.#resting = { script, run, attempt, until: now() + rest };
    this.#cancelRest = schedule(rest, () => {
      this.#failed = undefined;
      this.#resting = undefined;
      this.look();
    });
  }

  #endRest(): void {
    this.#cancelRest();
    this.#resting = undefined;
  }
}

function keyOf({ filter, script }: StateHandlerSpec): string {
  return `${filter}=${script}`;
}

/** True if a script would be told the same. Members that did not change are the same objects. */
function sameState(one: readonly Member[], other: readonly Member[] | undefined): boolean {
  if (one.length !== other?.length) return false;
  return one.every((member, index) => {
    const before = other[index];
    if (member === before) return true;
    if (before === undefined || member.name !== before.name) return false;
    return sameAddress(member.address, before.address) && sameTags(member.tags, before.tags);
  });
}
