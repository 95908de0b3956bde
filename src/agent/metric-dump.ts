import type { Aggregate, MetricInterval } from "./metric-interval.js";

/**
 * Intervals as go-metrics writes them on a signal (compat.md section 17): kinds in its order, names
 * sorted where go-metrics takes them as they come.
 *
 * `startedAt` is when the process began, in milliseconds since 1970: Go adds its monotonic clock.
 */
export function formatDump(intervals: readonly MetricInterval[], startedAt: number): string {
  let text = "";
  for (const { start, gauges, counters, samples } of intervals) {
    const head = `[${goTime(start)}]`;
    for (const [name, value] of sorted(gauges)) {
      text += `${head}[G] '${name}': ${value.toFixed(3)}\n`;
    }
    for (const [name, aggregate] of sorted(counters)) {
      text += `${head}[C] '${name}': ${formatAggregate(aggregate, startedAt)}\n`;
    }
    for (const [name, aggregate] of sorted(samples)) {
      text += `${head}[S] '${name}': ${formatAggregate(aggregate, startedAt)}\n`;
    }
  }
  return text;
}

function sorted<Value>(table: ReadonlyMap<string, Value>): [string, Value][] {
  return [...table].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Values that are all the same have no more to tell than their number and sum. */
function formatAggregate(aggregate: Aggregate, startedAt: number): string {
  const { count, deviation, lastUpdated, max, mean, min, sum } = aggregate;
  const spread =
    deviation === 0
      ? ""
      : ` Min: ${min.toFixed(3)} Mean: ${mean.toFixed(3)} Max: ${max.toFixed(3)} Stddev: ${deviation.toFixed(3)}`;
  const since = ((lastUpdated - startedAt) / 1_000).toFixed(9);
  const when = `${goTime(lastUpdated)} m=+${since}`;
  return `Count: ${count}${spread} Sum: ${sum.toFixed(3)} LastUpdated: ${when}`;
}

/** A time as Go prints it, `2006-01-02 15:04:05.999999999 -0700 MST`, in local time. */
function goTime(time: number): string {
  const date = new Date(time);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  const clock = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join(":");
  const micros = Math.floor(time * 1_000) % 1_000_000;
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0")}`.replace(/0+$/, "");
  return `${day} ${clock}${fraction} ${zone(date)}`;
}

/** Offset and name of the local zone; where the name is not known, Go repeats the offset. */
function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const sign = minutes < 0 ? "-" : "+";
  const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(date);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  const short = `${sign}${two(hours)}${rest === 0 ? "" : two(rest)}`;
  return `${sign}${two(hours)}${two(rest)} ${/^[A-Z]{3,5}$/.test(name) ? name : short}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
