import type { MetricSource } from "./source.js";

/** One number of a family: the values of its labels, in their order. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
}

/**
 * All numbers of one name, read when somebody asks. Names follow Prometheus: base units, `_total` for what
 * only grows. No label takes its values from what other members say, so that nobody can grow our answer.
 */
export interface Family {
  readonly name: string;
  /** One sentence without a full stop. */
  readonly help: string;
  readonly kind: "counter" | "gauge";
  readonly labels: readonly string[];
  /** Without a sample it is not told at all. */
  readonly read: (source: MetricSource) => Iterable<Sample>;
}

type Reading = (source: MetricSource) => number | undefined;
type Readings = (source: MetricSource) => Readonly<Record<string, number>>;

/** Only grows. `undefined`: not known, or there is nothing of the kind here. */
export function counter(name: string, help: string, read: Reading): Family {
  return { name, help, kind: "counter", labels: [], read: single(read) };
}

export function gauge(name: string, help: string, read: Reading): Family {
  return { name, help, kind: "gauge", labels: [], read: single(read) };
}

/** Several that only grow, told apart by one label. */
export function counters(name: string, help: string, label: string, read: Readings): Family {
  return { name, help, kind: "counter", labels: [label], read: byLabel(read) };
}

export function gauges(name: string, help: string, label: string, read: Readings): Family {
  return { name, help, kind: "gauge", labels: [label], read: byLabel(read) };
}

function single(read: Reading): Family["read"] {
  return (source) => {
    const value = read(source);
    return value === undefined ? [] : [{ labels: [], value }];
  };
}

function byLabel(read: Readings): Family["read"] {
  return (source) =>
    Object.entries(read(source)).map(([label, value]) => ({ labels: [label], value }));
}
