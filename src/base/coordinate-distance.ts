/** What the distance between two Vivaldi coordinates is made of; all in seconds. */
export interface Position {
  readonly vec: readonly number[];
  readonly height: number;
  readonly adjustment: number;
}

/** Vivaldi's distance in seconds, without the adjustments. Both have the same dimension. */
export function rawDistance(one: Position, other: Position): number {
  // Without arrays in between: each ack asks for it four times.
  const length = one.vec.length;
  let sum = 0;
  for (let index = 0; index < length; index += 1) {
    const part = (one.vec[index] as number) - (other.vec[index] as number);
    sum += part * part;
  }
  return Math.sqrt(sum) + one.height + other.height;
}

/** The estimated round-trip time in whole nanoseconds (protocol.md section 5.9). */
export function distanceNanos(one: Position, other: Position): number {
  const raw = rawDistance(one, other);
  const adjusted = raw + one.adjustment + other.adjustment;
  return Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9);
}

export function difference(one: readonly number[], other: readonly number[]): number[] {
  return one.map((part, index) => part - (other[index] as number));
}

export function magnitude(vec: readonly number[]): number {
  let sum = 0;
  for (const part of vec) sum += part * part;
  return Math.sqrt(sum);
}
