import { distanceNanos } from "../base/coordinate-distance.js";
import { nanosPerMilli } from "../base/units.js";

/** Where a member is in Vivaldi's space of round-trip times: in seconds, but for `error`. */
export interface Coordinate {
  /** Of eight dimensions. */
  readonly vec: readonly number[];
  /** What the way into the network takes, in addition to the distance. */
  readonly height: number;
  /** What straight distances miss. */
  readonly adjustment: number;
  /** How sure the member is of it, from 1.5 downwards. */
  readonly error: number;
}

/** The estimated round-trip time in milliseconds; undefined unless both are known and of one space. */
export function estimatedRtt(
  one: Coordinate | undefined,
  other: Coordinate | undefined,
): number | undefined {
  if (one === undefined || other === undefined) return undefined;
  if (one.vec.length !== other.vec.length) return undefined;
  return distanceNanos(one, other) / nanosPerMilli;
}
