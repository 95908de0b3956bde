import type { Metric, Threshold } from "./config.ts";
import type { PoolSize } from "./schedule.ts";

/** What a pool looks like at one moment. */
export interface Situation {
  /** ms of any clock that only goes forward. */
  readonly now: number;
  readonly size: PoolSize;
  /** Servers that requests are sent to. */
  readonly ready: number;
  /** Servers that will be ready soon. */
  readonly starting: number;
  /** Sums over the pool; a metric that could not be measured is missing. */
  readonly load: ReadonlyMap<Metric, number>;
}

export interface Decision {
  /** How many servers there should be. */
  readonly target: number;
  readonly change: "grow" | "shrink" | "none";
  /** A sentence for people. */
  readonly reason: string;
}

export interface ScalerOptions {
  readonly thresholds: ReadonlyMap<Metric, Threshold>;
  readonly growCooldown: number;
  readonly shrinkCooldown: number;
}

/**
 * How many servers a pool should have.
 *
 * It grows at once to what the load needs, but never to more than twice as many, and waits until those
 * that start are ready: what has piled up meanwhile is not load. It shrinks by one, and only when what
 * the others would have to carry has been little for the whole cooldown. What cannot be measured never
 * makes it smaller: no answer is not no load.
 */
export class Scaler {
  readonly #options: ScalerOptions;
  #target: number;
  #changedAt: number;
  #calmSince: number | undefined;

  /** Takes over the `running` servers that are there, as they are. */
  constructor(options: ScalerOptions, running: number, now: number) {
    this.#options = options;
    this.#target = running;
    this.#changedAt = now;
  }

  get target(): number {
    return this.#target;
  }

  decide(situation: Situation): Decision {
    const { now, size } = situation;
    const isCalm = this.#isCalm(situation);
    if (!isCalm) this.#calmSince = undefined;
    else this.#calmSince ??= now;
    if (this.#target < size.minimum) {
      return this.#change(now, size.minimum, `at least ${servers(size.minimum)} now`);
    }
    if (this.#target > size.maximum) {
      return this.#change(now, size.maximum, `at most ${servers(size.maximum)} now`);
    }
    return this.#grow(situation) ?? this.#shrink(situation);
  }

  /** Undefined if the load does not ask for more. */
  #grow({ now, size, ready, starting, load }: Situation): Decision | undefined {
    const needs = [...this.#options.thresholds].map(([metric, { grow }]) => {
      const total = load.get(metric) ?? 0;
      return { metric, total, grow, needed: Math.ceil(total / grow) };
    });
    const [most] = needs.sort((one, other) => other.needed - one.needed);
    if (most === undefined || most.needed <= this.#target) return undefined;
    const { metric, total, grow, needed } = most;
    const why = `${amount(total, metric)} need ${servers(needed)} with ${round(grow)} each`;
    if (this.#target >= size.maximum) return this.#rest(`${why}, but this is the maximum`);
    if (starting > 0) return this.#rest(`${why}; ${servers(starting)} still starting`);
    if (ready < this.#target) return this.#rest(`${why}; ${ready} of ${this.#target} ready`);
    const left = this.#changedAt + this.#options.growCooldown - now;
    if (left > 0) return this.#rest(`${why}; cooling down for ${seconds(left)}`);
    return this.#change(now, Math.min(needed, 2 * this.#target, size.maximum), why);
  }

  #shrink({ now, size, ready, load }: Situation): Decision {
    const unknown = [...this.#options.thresholds.keys()].filter((metric) => !load.has(metric));
    if (unknown.length > 0)
      return this.#rest(`${words(unknown)} cannot be measured: kept as it is`);
    if (this.#calmSince === undefined) return this.#rest("the load fits");
    if (this.#target <= size.minimum) return this.#rest("little load, but this is the minimum");
    if (ready < this.#target) {
      return this.#rest(`little load; ${ready} of ${this.#target} ready`);
    }
    const since = Math.max(this.#calmSince, this.#changedAt);
    const left = since + this.#options.shrinkCooldown - now;
    if (left > 0) return this.#rest(`little load; one less if it stays so for ${seconds(left)}`);
    const rest = this.#target - 1;
    const loads = [...load].map(([metric, total]) => amount(total, metric)).join(", ");
    return this.#change(now, rest, `${loads}: ${servers(rest)} can carry it`);
  }

  /** Whether one server less would have less than `shrink` each, by every measure. */
  #isCalm({ load }: Situation): boolean {
    const rest = Math.max(1, this.#target - 1);
    return [...this.#options.thresholds].every(([metric, { shrink }]) => {
      const total = load.get(metric);
      return total !== undefined && total / rest < shrink;
    });
  }

  #change(now: number, target: number, reason: string): Decision {
    const change = target > this.#target ? "grow" : "shrink";
    this.#target = target;
    this.#changedAt = now;
    this.#calmSince = undefined;
    return { target, change, reason };
  }

  #rest(reason: string): Decision {
    return { target: this.#target, change: "none", reason };
  }
}

function servers(count: number): string {
  return `${count} ${count === 1 ? "server" : "servers"}`;
}

function amount(total: number, metric: Metric): string {
  return `${round(total)} ${words([metric])}`;
}

function words(names: readonly string[]): string {
  return names.join(", ").replaceAll("_", " ");
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function seconds(millis: number): string {
  return `${Math.ceil(millis / 1_000)} s`;
}
