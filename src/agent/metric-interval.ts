/** What became of one counter or sample within an interval. */
export class Aggregate {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Milliseconds since 1970. */
  lastUpdated = 0;
  #sumOfSquares = 0;

  /** `times` values of the same size. */
  add(value: number, time: number, times = 1): void {
    this.count += times;
    this.sum += value * times;
    this.#sumOfSquares += value * value * times;
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    this.lastUpdated = time;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** Of a sample, as go-metrics computes it. */
  get deviation(): number {
    const divisor = this.count * (this.count - 1);
    if (divisor === 0) return 0;
    const squared = (this.count * this.#sumOfSquares - this.sum ** 2) / divisor;
    return Math.sqrt(Math.max(0, squared));
  }
}

/** How many names of a kind are told apart in an interval; names come from scripts and events. */
const maxNames = 4_096;

/** What was measured within one interval; at most {@link maxNames} names of each kind. */
export class MetricInterval {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly gauges = new Map<string, number>();
  readonly counters = new Map<string, Aggregate>();
  readonly samples = new Map<string, Aggregate>();

  constructor(start: number) {
    this.start = start;
  }

  gauge(name: string, value: number): void {
    if (this.gauges.size < maxNames || this.gauges.has(name)) this.gauges.set(name, value);
  }

  count(name: string, value: number, time: number, times = 1): void {
    aggregateOf(this.counters, name)?.add(value, time, times);
  }

  sample(name: string, value: number, time: number): void {
    aggregateOf(this.samples, name)?.add(value, time);
  }
}

function aggregateOf(table: Map<string, Aggregate>, name: string): Aggregate | undefined {
  const known = table.get(name);
  if (known !== undefined || table.size >= maxNames) return known;
  const fresh = new Aggregate();
  table.set(name, fresh);
  return fresh;
}
