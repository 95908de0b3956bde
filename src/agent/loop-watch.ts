import type { Instant, Millis } from "../base/units.js";
import type { WallTime } from "../observe/chronicle.js";
import type { Stalled } from "../observe/deed.js";
import type { LoopDelays } from "../observe/member-info.js";

/** A timer that does nothing else comes so often. */
const period: Millis = 200;

/** One minute of them. */
const maxDelays = 300;

/** A timer that comes so late is a stall: all that takes a probe timeout, half a second, is seen. */
const stallDelay: Millis = 300;

/** What the two clocks may differ by in one {@link period}; below that a clock is only adjusted. */
const clockJump: Millis = 500;

/** An agent that stalls all the time tells only of what is longer than what it told so lately. */
const quietTime: Millis = 10_000;

export interface LoopWatchParts {
  readonly now: () => Instant;
  readonly wallClock: () => WallTime;
  /** Time on processors so far, of all threads of the process. */
  readonly processorTime: () => Millis;
  /** Runs `run` once after `delay`; the function that comes back takes it off. */
  readonly schedule: (delay: Millis, run: () => void) => () => void;
  readonly onStall: (stall: Pick<Stalled, "how" | "took">) => void;
}

interface Reading {
  readonly at: Instant;
  readonly wall: WallTime;
  readonly processor: Millis;
}

/**
 * Watches how late timers come: acks that wait meanwhile make others look bad, and us look dead. A long
 * delay in which the process took processor time was work of its own; one in which it took none was none
 * of its doing: it was stopped, waited for a disk, or its machine stood still or had no time for it.
 */
export class LoopWatch {
  readonly #parts: LoopWatchParts;
  /** In a ring. */
  readonly #delays = new Float64Array(maxDelays);
  #count = 0;
  #last: Reading;
  #told: { readonly at: Instant; readonly took: Millis } | undefined;
  #takeOff: () => void = () => {};

  constructor(parts: LoopWatchParts) {
    this.#parts = parts;
    this.#last = this.#read();
    this.#schedule();
  }

  /** Of the last minute; zeros before the first timer came. */
  delays(): LoopDelays {
    const sorted = this.#delays.slice(0, Math.min(this.#count, maxDelays)).sort();
    const at = (share: number): Millis => {
      const delay = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
      return Math.round(delay * 10) / 10;
    };
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }

  stop(): void {
    this.#takeOff();
  }

  #schedule(): void {
    this.#takeOff = this.#parts.schedule(period, () => this.#look());
  }

  #look(): void {
    const before = this.#last;
    const reading = this.#read();
    this.#last = reading;
    const elapsed = reading.at - before.at;
    const delay = Math.max(0, elapsed - period);
    this.#delays[this.#count % maxDelays] = delay;
    this.#count += 1;
    const jump = Math.abs(reading.wall - before.wall - elapsed);
    if (delay >= stallDelay) {
      const isBusy = reading.processor - before.processor >= delay / 2;
      this.#tell(isBusy ? "busy" : "paused", delay);
    } else if (jump >= clockJump) this.#parts.onStall({ how: "clock", took: Math.round(jump) });
    this.#schedule();
  }

  #tell(how: "busy" | "paused", delay: Millis): void {
    const { at } = this.#last;
    const told = this.#told;
    if (told !== undefined && at - told.at < quietTime && delay <= told.took) return;
    this.#told = { at, took: delay };
    this.#parts.onStall({ how, took: Math.round(delay) });
  }

  #read(): Reading {
    const { now, processorTime, wallClock } = this.#parts;
    return { at: now(), wall: wallClock(), processor: processorTime() };
  }
}
