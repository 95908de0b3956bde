import type { Instant, Millis } from "../base/units.js";

/** What a process takes for the time: a clock that was set to anything and runs too fast or too slow. */
export class DriftingClock {
  readonly #offset: Instant;
  readonly #rate: number;

  /** `rate` is 1 for a clock that goes right; `offset` what it shows at virtual time 0. */
  constructor(offset: Instant, rate: number) {
    this.#offset = offset;
    this.#rate = rate;
  }

  /** What it shows at `virtual`. */
  at(virtual: Instant): Instant {
    return this.#offset + virtual * this.#rate;
  }

  /** How long `duration` on this clock takes in virtual time. */
  virtualOf(duration: Millis): Millis {
    return duration / this.#rate;
  }
}
