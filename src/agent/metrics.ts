import type { Meter } from "../base/meter.js";
import { type Millis, seconds } from "../base/units.js";
import { formatDump } from "./metric-dump.js";
import { MetricInterval } from "./metric-interval.js";

/** Over how long values are put together, and for how long the result is kept (compat.md section 17). */
const interval: Millis = seconds(10);
const keptIntervals = 6;

/** The first part of all names. */
const prefix = "serf-agent.";

/** A server elsewhere that puts metrics together. */
export interface MetricSink {
  /** Takes one line, newline included; drops it if that is more than the server takes. */
  write(line: string): void;
  close(): void;
}

export interface MetricsOptions {
  readonly sinks?: readonly MetricSink[];
  /** Stands in the names of gauges, which cannot be added up, when there are sinks. */
  readonly hostName: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** When the process began, on the same clock. */
  readonly startedAt: number;
}

/** Puts the agent's numbers together as go-metrics does, and passes them on. */
export class Metrics implements Meter {
  readonly #options: MetricsOptions;
  readonly #sinks: readonly MetricSink[];
  readonly #gaugePrefix: string;
  /** At most {@link keptIntervals}, the oldest first; the last one may still run. */
  readonly #intervals: MetricInterval[] = [];

  constructor(options: MetricsOptions) {
    const { hostName, sinks = [] } = options;
    this.#options = options;
    this.#sinks = sinks;
    this.#gaugePrefix = sinks.length === 0 ? prefix : `${prefix}${hostName}.`;
  }

  /** True if somebody is told of everything at once. */
  get sends(): boolean {
    return this.#sinks.length > 0;
  }

  count(name: string, by = 1): void {
    this.#count(name, by, 1, by);
  }

  /** Something happened `times` times since it was last told. */
  countTimes(name: string, times: number): void {
    this.#count(name, 1, times, times);
  }

  sample(name: string, value: number): void {
    const time = this.#options.clock();
    this.#current(time).sample(keptName(prefix + name), value, time);
    this.#send(prefix + name, value, "ms");
  }

  gauge(name: string, value: number): void {
    this.#current(this.#options.clock()).gauge(keptName(this.#gaugePrefix + name), value);
    this.#send(this.#gaugePrefix + name, value, "g");
  }

  /** What was measured in the intervals that are over, as text. */
  dump(): string {
    const { clock, startedAt } = this.#options;
    const running = startOf(clock());
    const over = this.#intervals.filter(({ start }) => start < running);
    return formatDump(over, startedAt);
  }

  /** Sends what waits, and nothing more. */
  close(): void {
    for (const sink of this.#sinks) sink.close();
  }

  #count(name: string, value: number, times: number, total: number): void {
    const time = this.#options.clock();
    this.#current(time).count(keptName(prefix + name), value, time, times);
    this.#send(prefix + name, total, "c");
  }

  #current(time: number): MetricInterval {
    const start = startOf(time);
    const last = this.#intervals.at(-1);
    if (last?.start === start) return last;
    const fresh = new MetricInterval(start);
    if (this.#intervals.push(fresh) > keptIntervals) this.#intervals.shift();
    return fresh;
  }

  #send(name: string, value: number, type: "c" | "g" | "ms"): void {
    if (this.#sinks.length === 0) return;
    const line = `${sentName(name)}:${value.toFixed(6)}|${type}\n`;
    for (const sink of this.#sinks) sink.write(line);
  }
}

/** Intervals begin at whole multiples of their length. */
function startOf(time: number): number {
  return time - (time % interval);
}

/** Names hold scripts and events of others: one line stays one line. */
function keptName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  return name.replace(/[\u0000- \u007f]/g, "_");
}

/** What would end the name, too. Serf leaves the bar, and servers misread the line. */
function sentName(name: string): string {
  return keptName(name).replace(/[:|]/g, "_");
}
