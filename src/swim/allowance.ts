import type { Instant, Millis } from "../base/units.js";

/**
 * How many packets may be sent at once without sending more than a steady stream would: a bucket that
 * fills with time.
 */
export class Allowance {
  readonly #burst: number;
  readonly #perMilli: number;
  #left: number;
  #at: Instant = Number.NEGATIVE_INFINITY;

  /** `count` for every `interval`, and up to `burst` that were saved. */
  constructor(count: number, interval: Millis, burst: number) {
    this.#burst = burst;
    this.#perMilli = count / interval;
    this.#left = burst;
  }

  /** False, and nothing is taken, if there are not so many. */
  take(now: Instant, count: number): boolean {
    this.#fill(now);
    if (this.#left < count) return false;
    this.#left -= count;
    return true;
  }

  /** Counts what was sent whether it was allowed or not. */
  spend(now: Instant, count: number): void {
    this.#fill(now);
    this.#left = Math.max(0, this.#left - count);
  }

  #fill(now: Instant): void {
    if (now > this.#at)
      this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMilli);
    this.#at = Math.max(this.#at, now);
  }
}
