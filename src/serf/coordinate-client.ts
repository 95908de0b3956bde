import { distanceNanos, rawDistance } from "../base/coordinate-distance.js";
import type { Random } from "../base/random.js";
import { type Millis, nanosPerMilli } from "../base/units.js";
import {
  applyForce,
  type Coordinate,
  freshCoordinate,
  isPlausible,
  nanosToSeconds,
  vivaldi,
} from "./coordinate.js";

/** A longer round trip than this says nothing about distance. */
const maxRtt: Millis = 10_000;

/** Where everybody starts; nobody writes to it. */
const origin: Coordinate = freshCoordinate();

export interface CoordinateCounters {
  /** Observations that changed nothing: implausible coordinate or round-trip time. */
  rejected: number;
  /** Round trips that took no measurable time. */
  zeroRtt: number;
  /** How often our own coordinate stopped making sense and we began anew. */
  resets: number;
}

/** Our place in Vivaldi's space, moved a little by every direct ping (protocol.md section 5.9). */
export class CoordinateClient {
  readonly #self: string;
  readonly #random: Random;
  #coordinate: Coordinate;
  readonly #adjustments = new Array<number>(vivaldi.adjustmentWindow).fill(0);
  #adjustmentIndex = 0;
  /** The last three round-trip times to each member, in seconds; a member's go when it is forgotten. */
  readonly #latencies = new Map<string, number[]>();
  /** What each member last said, ours included; a member's goes when it is forgotten. */
  readonly #known = new Map<string, Coordinate>();

  readonly counters: CoordinateCounters = { rejected: 0, zeroRtt: 0, resets: 0 };

  constructor(self: string, random: Random, start: Coordinate = freshCoordinate()) {
    this.#self = self;
    this.#random = random;
    this.#coordinate = start;
    this.#known.set(self, start);
  }

  /** Members of which a coordinate is known, ourselves included. */
  get size(): number {
    return this.#known.size;
  }

  /** Our own coordinate, as acks carry it. */
  get coordinate(): Coordinate {
    return this.#coordinate;
  }

  /** Takes in that a ping of `node`, which says it is at `other`, took `rtt`. */
  update(node: string, other: Coordinate, rtt: Millis): void {
    const nanos = Math.round(rtt * nanosPerMilli);
    if (!isPlausible(other) || !(nanos >= 0 && nanos <= maxRtt * nanosPerMilli)) {
      this.counters.rejected += 1;
      return;
    }
    if (nanos === 0) this.counters.zeroRtt += 1;
    const seconds = this.#filterLatency(node, nanosToSeconds(nanos));
    this.#updateVivaldi(other, seconds);
    this.#updateAdjustment(other, seconds);
    this.#updateGravity();
    if (!isPlausible(this.#coordinate)) {
      this.counters.resets += 1;
      this.#reset();
    }
    this.#known.set(node, other);
    this.#known.set(this.#self, this.#coordinate);
  }

  /** The coordinate that `node` last had; ours is known from the start. */
  known(node: string): Coordinate | undefined {
    return this.#known.get(node);
  }

  /** The estimated round-trip time between two members; undefined unless both are known. */
  rtt(one: string, other: string): Millis | undefined {
    const from = this.#known.get(one);
    const to = this.#known.get(other);
    if (from === undefined || to === undefined) return undefined;
    return distanceNanos(from, to) / nanosPerMilli;
  }

  forget(node: string): void {
    this.#latencies.delete(node);
    this.#known.delete(node);
  }

  /** The upper median of the last few round-trip times, against single outliers. */
  #filterLatency(node: string, seconds: number): number {
    let samples = this.#latencies.get(node);
    if (samples === undefined) {
      samples = [];
      this.#latencies.set(node, samples);
    }
    samples.push(seconds);
    if (samples.length > vivaldi.latencyFilter) samples.shift();
    const [first, second = first, third] = samples as [number, number?, number?];
    const greater = Math.max(first, second);
    if (third === undefined) return greater;
    return Math.max(Math.min(first, second), Math.min(greater, third));
  }

  /** Vivaldi, figure 4: the more certain the other is, the further we move. */
  #updateVivaldi(other: Coordinate, measured: number): void {
    const { ce, cc, errorMax, zeroThreshold } = vivaldi;
    const own = this.#coordinate;
    const distance = nanosToSeconds(distanceNanos(own, other));
    const rtt = Math.max(measured, zeroThreshold);
    const wrongness = Math.abs(distance - rtt) / rtt;
    const weight = own.error / Math.max(own.error + other.error, zeroThreshold);
    const error = Math.min(ce * weight * wrongness + own.error * (1 - ce * weight), errorMax);
    const force = cc * weight * (rtt - distance);
    const { adjustment, height, vec } = own;
    this.#coordinate = applyForce({ vec, error, adjustment, height }, force, other, this.#random);
  }

  /** What straight distances miss, averaged over the last observations (Lee et al., TON 18.1). */
  #updateAdjustment(other: Coordinate, measured: number): void {
    this.#adjustments[this.#adjustmentIndex] = measured - rawDistance(this.#coordinate, other);
    this.#adjustmentIndex = (this.#adjustmentIndex + 1) % vivaldi.adjustmentWindow;
    let sum = 0;
    for (const sample of this.#adjustments) sum += sample;
    const { error, height, vec } = this.#coordinate;
    const adjustment = sum / (2 * vivaldi.adjustmentWindow);
    this.#coordinate = { vec, error, adjustment, height };
  }

  /** Keeps the whole cluster from drifting away from the origin (Ledlie et al., NSDI 2007). */
  #updateGravity(): void {
    const distance = nanosToSeconds(distanceNanos(origin, this.#coordinate));
    const share = distance / vivaldi.gravityRho;
    this.#coordinate = applyForce(this.#coordinate, -share * share, origin, this.#random);
  }

  #reset(): void {
    this.#coordinate = freshCoordinate();
    this.#adjustments.fill(0);
    this.#adjustmentIndex = 0;
  }
}
