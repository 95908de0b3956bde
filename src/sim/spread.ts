import type { Instant, Millis } from "../base/units.js";
import { type Curve, curveOf, quantile } from "./quantiles.js";

/** Who is to hear of things: the members that are there from the beginning to the end. */
export interface Audience {
  /** By node: 1 if it belongs to it. */
  readonly flags: Uint8Array;
  readonly count: number;
}

/** How soon something was known; undefined where it did not come so far while anybody watched. */
export interface SpreadReport {
  /** How many should have heard of it, and how many of them did not. */
  readonly audience: number;
  readonly missed: number;
  readonly first: Millis | undefined;
  readonly half: Millis | undefined;
  /** 99 % of the audience. */
  readonly most: Millis | undefined;
  readonly all: Millis | undefined;
  readonly curve: Curve;
}

/** One piece of news on its way: who has heard of it, and how long after it began. */
export class Spread {
  /** When it happened. */
  readonly begun: Instant;
  readonly #left: Uint8Array;
  /** In the order of hearing, so it is sorted; as many as are in the audience. */
  readonly #times: Float64Array;
  #reached = 0;

  /** `source` knows it by itself. */
  constructor(begun: Instant, { count, flags }: Audience, source: number) {
    this.begun = begun;
    this.#left = flags.slice();
    this.#times = new Float64Array(count - (flags[source] ?? 0));
    this.#left[source] = 0;
  }

  get isComplete(): boolean {
    return this.#reached === this.#times.length;
  }

  /** When each heard of it, counted from {@link begun}; sorted. */
  get times(): Float64Array {
    return this.#times.subarray(0, this.#reached);
  }

  hear(now: Instant, node: number): void {
    if (this.#left[node] !== 1) return;
    this.#left[node] = 0;
    this.#times[this.#reached] = now - this.begun;
    this.#reached += 1;
  }

  report(): SpreadReport {
    const { times } = this;
    const audience = this.#times.length;
    return {
      audience,
      missed: audience - this.#reached,
      first: times[0],
      half: quantile(times, 0.5, audience),
      most: quantile(times, 0.99, audience),
      all: quantile(times, 1, audience),
      curve: curveOf(times, audience),
    };
  }
}

/** What became of several members that went in the same way, or of several pieces of news. */
export interface SpreadsReport {
  /** By member: when the first other heard of it, and when all had. */
  readonly first: readonly (Millis | undefined)[];
  readonly all: readonly (Millis | undefined)[];
  /** Members that should have heard of one of them by the end and had not, counted for each. */
  readonly missed: number;
  /** Over all pairs of a member that went and one that should hear of it. */
  readonly curve: Curve;
}

export function reportSpreads(spreads: readonly Spread[]): SpreadsReport {
  const reports = spreads.map((spread) => spread.report());
  const audience = reports.reduce((sum, report) => sum + report.audience, 0);
  const missed = reports.reduce((sum, report) => sum + report.missed, 0);
  const times = new Float64Array(audience - missed);
  let filled = 0;
  for (const spread of spreads) {
    times.set(spread.times, filled);
    filled += spread.times.length;
  }
  return {
    first: reports.map(({ first }) => first),
    all: reports.map(({ all }) => all),
    missed,
    curve: curveOf(times.sort(), audience),
  };
}
