/**
 * The least of `sorted` that `share` of `total` values do not exceed (nearest rank); undefined if
 * there are not so many, because some never came.
 */
export function quantile(
  sorted: ArrayLike<number>,
  share: number,
  total = sorted.length,
): number | undefined {
  // A tenth of a thousand is a hundred, whatever floating point makes of it.
  const rank = Math.max(1, Math.ceil(share * total - 1e-9));
  return sorted[rank - 1];
}

/** When so many per cent have come, 0 (the first) to 100; undefined where it never came so far. */
export type Curve = readonly (number | undefined)[];

export function curveOf(sorted: ArrayLike<number>, total = sorted.length): Curve {
  return Array.from({ length: 101 }, (_, percent) => quantile(sorted, percent / 100, total));
}

/** The middle of what several runs gave, with the least and the most. */
export interface Range {
  readonly median: number | undefined;
  readonly least: number | undefined;
  readonly most: number | undefined;
}

/** What never came counts as longer than anything. */
export function rangeOf(values: readonly (number | undefined)[]): Range {
  const sorted = sortedTimes(values);
  return {
    median: quantile(sorted, 0.5, values.length),
    least: sorted[0],
    most: quantile(sorted, 1, values.length),
  };
}

/** How the values of many lie; `missing` never came, and count as longer than anything. */
export interface Distribution {
  readonly count: number;
  readonly missing: number;
  readonly median: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

export function distributionOf(values: readonly (number | undefined)[]): Distribution {
  const sorted = sortedTimes(values);
  const count = values.length;
  return {
    count,
    missing: count - sorted.length,
    median: quantile(sorted, 0.5, count),
    p90: quantile(sorted, 0.9, count),
    p99: quantile(sorted, 0.99, count),
    max: quantile(sorted, 1, count),
  };
}

/** Those that came, the least first. */
export function sortedTimes(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined).sort((one, other) => one - other);
}
