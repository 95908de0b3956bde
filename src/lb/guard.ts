import type { Instant, Millis } from "../base/units.js";
import type { GuardConfig } from "./config.js";

/**
 * The most servers that a pool had within a window of time, without those that went as planned: a pool
 * that was scaled down lost nothing.
 */
export class RecentMaximum {
  readonly #window: Millis;
  #current: number;
  /** Planned departures so far; counts are kept with it added, so that each departure lowers all of them. */
  #departed = 0;
  /**
   * Earlier counts, and until when each was true; strictly falling, since a later and greater count
   * hides the earlier. So at most as many as there were servers at once.
   */
  readonly #earlier: { readonly count: number; readonly until: Instant }[] = [];

  constructor(window: Millis, current: number) {
    this.#window = window;
    this.#current = current;
  }

  /** So many are there from now on. */
  observe(now: Instant, servers: number): void {
    const count = servers + this.#departed;
    const previous = this.#current;
    if (count === previous) return;
    this.#current = count;
    while (true) {
      const last = this.#earlier.at(-1);
      if (last === undefined || last.count > previous) break;
      this.#earlier.pop();
    }
    this.#earlier.push({ count: previous, until: now });
  }

  /** One of those that were counted has gone as planned. */
  depart(): void {
    this.#departed += 1;
  }

  at(now: Instant): number {
    this.#expire(now);
    const most = Math.max(this.#current, this.#earlier[0]?.count ?? 0);
    return Math.max(0, most - this.#departed);
  }

  /** When {@link at} may change by itself; undefined: never. */
  nextChange(now: Instant): Instant | undefined {
    this.#expire(now);
    const first = this.#earlier[0];
    return first === undefined ? undefined : first.until + this.#window;
  }

  /** Nothing counts that was before. */
  forget(servers: number): void {
    this.#earlier.length = 0;
    this.#current = servers + this.#departed;
  }

  #expire(now: Instant): void {
    while (true) {
      const first = this.#earlier[0];
      if (first === undefined || first.until + this.#window > now) break;
      this.#earlier.shift();
    }
  }
}

/** How many servers failures, and what is like them, must leave of a pool that had `maximum`. */
export function leastServers(guard: GuardConfig, maximum: number): number {
  return Math.max(1, guard.minServers, Math.ceil(guard.keepShare * maximum - 1e-9));
}
