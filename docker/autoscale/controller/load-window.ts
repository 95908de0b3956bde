import type { BackendNumbers } from "./haproxy-stats.ts";

/** What one balancer said at one moment. */
interface Sample extends BackendNumbers {
  readonly at: number;
}

export interface BalancerLoad {
  readonly requestsInFlight: number;
  readonly queued: number;
  readonly requestsPerSecond: number;
}

/**
 * What one balancer said during the last `length` ms.
 *
 * How many requests are under way is only ever seen at one moment, so several looks are averaged. How
 * many came is a counter, so that the first and the last look tell it exactly.
 */
export class LoadWindow {
  readonly #length: number;
  /** Not older than the window, and one that is, for the counter. */
  #samples: Sample[] = [];

  constructor(length: number) {
    this.#length = length;
  }

  add(now: number, numbers: BackendNumbers): void {
    const last = this.#samples.at(-1);
    // A counter that fell is that of another process.
    if (last !== undefined && numbers.requests < last.requests) this.#samples = [];
    this.#samples.push({ ...numbers, at: now });
    const begin = now - this.#length;
    const inside = this.#samples.findIndex(({ at }) => at > begin);
    if (inside > 1) this.#samples.splice(0, inside - 1);
  }

  /** Undefined if there were less than two looks lately: one that is gone has no load, or all of it. */
  load(now: number): BalancerLoad | undefined {
    const begin = now - this.#length;
    const recent = this.#samples.filter(({ at }) => at > begin);
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || recent.length === 0 || last.at <= first.at) {
      return undefined;
    }
    const mean = (pick: (sample: Sample) => number): number =>
      recent.reduce((sum, sample) => sum + pick(sample), 0) / recent.length;
    return {
      requestsInFlight: mean(({ inFlight }) => inFlight),
      queued: mean(({ queued }) => queued),
      requestsPerSecond: ((last.requests - first.requests) * 1_000) / (last.at - first.at),
    };
  }
}
