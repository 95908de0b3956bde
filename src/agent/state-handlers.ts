import { sameAddress } from "../base/address.js";
import { formatDuration } from "../base/duration.js";
import type { Log } from "../base/log.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { Member } from "../serf/events.js";
import { sameTags } from "../serf/tags.js";
import { type StateHandlerSpec, stateOf } from "./state-spec.js";

export interface StateParts {
  /** Of the component `agent`. */
  readonly log: Log;
  readonly now: () => Instant;
  /** All members that are remembered, sorted by name; undefined while they are not all there is. */
  readonly members: () => readonly Member[] | undefined;
  /** Runs the script to its end; true if it exited with 0. Never rejects. */
  readonly run: (spec: StateHandlerSpec, members: readonly Member[]) => Promise<boolean>;
  /** Calls `run` after `delay`, unless the function that it returns is called before. */
  readonly schedule: (delay: Millis, run: () => void) => () => void;
}

/** Changes come in bursts: nothing is begun before there was none for so long, */
const quiet: Millis = 50;
/** but no change waits for longer than this. */
const longestWait: Millis = 500;

/** How long a script that failed rests before its second run, and at most; doubled each time. */
const shortestRest: Millis = seconds(1);
const longestRest: Millis = seconds(60);

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
  /** How long it rests after its next failure. */
  #rest = shortestRest;
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

  /** Begins no more runs; one that is under way goes on. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRest();
  }

  async #work(): Promise<void> {
    this.#working = true;
    let ran = true;
    while (ran) ran = await this.#inTurn(() => this.#step());
    this.#working = false;
  }

  /** True if there was something to tell, so that there may be again. */
  async #step(): Promise<boolean> {
    const members = this.#stopped ? undefined : this.#parts.members();
    if (members === undefined) return false;
    const state = stateOf(this.spec, members);
    if (sameState(state, this.#told) || sameState(state, this.#failed)) return false;
    this.#cancelRest();
    this.#told = this.#failed = undefined;
    if (await this.#parts.run(this.spec, state)) {
      this.#told = state;
      this.#rest = shortestRest;
    } else {
      this.#failed = state;
      this.#restAWhile();
    }
    return true;
  }

  #restAWhile(): void {
    if (this.#stopped) return;
    const rest = this.#rest;
    this.#rest = Math.min(rest * 2, longestRest);
    const { log, schedule } = this.#parts;
    const { filter, script } = this.spec;
    log.warn({ filter, script, rest: formatDuration(rest) }, "state handler failed, runs again");
    this.#cancelRest = schedule(rest, () => {
      this.#failed = undefined;
      this.look();
    });
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
