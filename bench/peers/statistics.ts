/** The middle of `values`; of an even number the mean of the two. NaN if there is none. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2;
}

export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** Undefined if there are no values. */
export function summaryOf(values: readonly number[]): Summary | undefined {
  const sorted = ascending(values);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined) return undefined;
  return { median: median(values), least, most, count: values.length };
}

/** Of nothing to nothing it is 1; undefined if only the base is nothing. */
export function ratio(value: number, base: number): number | undefined {
  if (value === base) return 1;
  return base === 0 ? undefined : value / base;
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((one, other) => one - other);
}
