import { difference, magnitude } from "../base/coordinate-distance.js";
import type { Random } from "../base/random.js";
import type { CoordinateMessage } from "../wire/serf-messages.js";

/** A point in Vivaldi's space of round-trip times: all in seconds but `error`, which has no unit. */
export type Coordinate = CoordinateMessage;

/** What a stock agent uses, and what `coordinates.json` was recorded with. */
export const vivaldi = {
  dimensions: 8,
  errorMax: 1.5,
  /** How far one observation may move our confidence, and us (Vivaldi, figure 4). */
  ce: 0.25,
  cc: 0.25,
  adjustmentWindow: 20,
  heightMin: 1e-5,
  latencyFilter: 3,
  gravityRho: 150,
  /** Closer than this is the same point; also the shortest time that is believed, in seconds. */
  zeroThreshold: 1e-6,
} as const;

/**
 * The farthest that any part of a coordinate may be from zero, in seconds: the longest round-trip
 * time that is believed. Serf only refuses what is no number, so that a single forged ack can throw
 * a member out of the space; no honest coordinate comes near this.
 */
const farthest = 10;

/** Where everybody starts. */
export function freshCoordinate(): Coordinate {
  return {
    vec: new Array<number>(vivaldi.dimensions).fill(0),
    error: vivaldi.errorMax,
    adjustment: 0,
    height: vivaldi.heightMin,
  };
}

/** False for a coordinate of another dimension, or with a part that is no number or absurd. */
export function isPlausible(coordinate: Coordinate): boolean {
  return (
    coordinate.vec.length === vivaldi.dimensions &&
    coordinate.vec.every((part) => Math.abs(part) <= farthest) &&
    Math.abs(coordinate.adjustment) <= farthest &&
    coordinate.height >= 0 &&
    coordinate.height <= farthest &&
    coordinate.error >= 0 &&
    coordinate.error < Number.POSITIVE_INFINITY
  );
}

/** Whole nanoseconds in seconds, rounded as Go rounds them: the sum of seconds and fraction. */
export function nanosToSeconds(nanos: number): number {
  const fraction = nanos % 1e9;
  return (nanos - fraction) / 1e9 + fraction / 1e9;
}

/** `coordinate` pushed away from `other` by `force` seconds; drawn towards it if that is negative. */
export function applyForce(
  coordinate: Coordinate,
  force: number,
  other: Coordinate,
  random: Random,
): Coordinate {
  const { unit, distance } = directionFrom(other.vec, coordinate.vec, random);
  const { adjustment, error, vec: from } = coordinate;
  const vec: number[] = [];
  for (let index = 0; index < from.length; index += 1) {
    vec.push((from[index] as number) + (unit[index] as number) * force);
  }
  let height = coordinate.height;
  if (distance > vivaldi.zeroThreshold) {
    height = Math.max(((height + other.height) * force) / distance + height, vivaldi.heightMin);
  }
  return { vec, error, adjustment, height };
}

/** The unit vector that points from `source` to `target`; a random one if they are the same point. */
function directionFrom(
  source: readonly number[],
  target: readonly number[],
  random: Random,
): { unit: readonly number[]; distance: number } {
  const offset = difference(target, source);
  const distance = magnitude(offset);
  if (distance > vivaldi.zeroThreshold) {
    const factor = 1 / distance;
    for (let index = 0; index < offset.length; index += 1) (offset[index] as number) *= factor;
    return { unit: offset, distance };
  }
  const any = offset.map(() => random.next() - 0.5);
  const length = magnitude(any);
  if (length > vivaldi.zeroThreshold) return { unit: scaled(any, 1 / length), distance: 0 };
  return { unit: offset.map((_, index) => (index === 0 ? 1 : 0)), distance: 0 };
}

function scaled(vec: readonly number[], factor: number): number[] {
  return vec.map((part) => part * factor);
}
