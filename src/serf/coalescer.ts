import type { Timers } from "../base/timers.js";
import type { Instant, Millis } from "../base/units.js";

/** Until when changes are collected. */
export interface CoalescePeriods {
  /** At most so long after the first; 0 collects nothing. */
  readonly coalesce: Millis;
  /** At most so long after the last. */
  readonly quiescent: Millis;
}

/** The window in which changes are collected, so that many of them make one event. */
export class CoalesceWindow {
  readonly #timers: Timers;
  readonly #periods: CoalescePeriods;
  readonly #flush: (now: Instant) => void;
  /** The end of the open window; undefined if nothing was collected. */
  #endsAt: Instant | undefined;
  #quietAt: Instant = 0;
  /** One timer waits at a time; it looks again when it finds that it came too early. */
  #armed = false;

  constructor(timers: Timers, periods: CoalescePeriods, flush: (now: Instant) => void) {
    this.#timers = timers;
    this.#periods = periods;
    this.#flush = flush;
  }

  /** Something was collected. */
  extend(now: Instant): void {
    this.#endsAt ??= now + this.#periods.coalesce;
    this.#quietAt = now + this.#periods.quiescent;
    if (this.#periods.coalesce === 0) this.close(now);
    else if (!this.#armed) this.#arm();
  }

  /** Tells what was collected without waiting any longer. */
  close(now: Instant): void {
    if (this.#endsAt === undefined) return;
    this.#endsAt = undefined;
    this.#flush(now);
  }

  #arm(): void {
    if (this.#endsAt === undefined) return;
    this.#armed = true;
    this.#timers.at(Math.min(this.#endsAt, this.#quietAt), (now) => {
      this.#armed = false;
      if (this.#endsAt === undefined) return;
      if (now >= Math.min(this.#endsAt, this.#quietAt)) this.close(now);
      else this.#arm();
    });
  }
}
