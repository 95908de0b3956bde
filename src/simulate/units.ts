import type { Millis } from "../base/units.js";
import type { Range } from "../sim/quantiles.js";

/** What stands for a figure that there is none of. */
export const none = "–";

/** In the unit that leaves two or three digits: `87 ms`, `5.59 s`, `48.1 s`, `111 s`. */
export function time(value: Millis | undefined): string {
  if (value === undefined) return "never";
  if (value < 999.5) return `${Math.round(value)} ms`;
  return `${digits(value / 1_000)} s`;
}

/** Decimal thousands, as networks are measured. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return none;
  if (value < 9_999.5) return `${count(Math.round(value))} B`;
  return value < 999_500 ? `${digits(value / 1_000)} kB` : `${digits(value / 1e6)} MB`;
}

/** Memory, in powers of two. */
export function memory(value: number): string {
  const mebibytes = value / 2 ** 20;
  return mebibytes < 1_000 ? `${digits(mebibytes)} MiB` : `${digits(mebibytes / 1_024)} GiB`;
}

/** Thousands apart: `10,000`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function share(value: number): string {
  return `${Number((value * 100).toFixed(3))} %`;
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (value >= 100) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** The middle, and from where to where if there were several runs: `168 ms (108–258 ms)`. */
export function range(
  { least, median, most }: Range,
  runs: number,
  show: (value: number | undefined) => string,
): string {
  if (runs === 1) return show(median);
  const [from, to] = [show(least), show(most)];
  if (from === to) return from;
  const unit = / \S+$/.exec(to)?.[0] ?? "";
  const short = unit !== "" && from.endsWith(unit) ? from.slice(0, -unit.length) : from;
  return `${show(median)} (${short}–${to})`;
}
