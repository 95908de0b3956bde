/**
 * Where a part tells numbers as they occur; what can be counted quietly is a plain counter that the
 * driver reads now and then (swim/counters.ts).
 *
 * Names are Serf's (compat.md section 17) without its prefix, such as `memberlist.udp.sent`.
 */
export interface Meter {
  /** Something happened, `by` times or with as many bytes; 1 by default. */
  count(name: string, by?: number): void;
  /** One of many measurements; durations in milliseconds. */
  sample(name: string, value: number): void;
  /** What is so now, until it is told anew. */
  gauge(name: string, value: number): void;
}

/** For those who do not measure. */
export const noMeter: Meter = { count: () => {}, sample: () => {}, gauge: () => {} };
