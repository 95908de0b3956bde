/** A length of time in milliseconds. */
export type Millis = number;

/**
 * A point in time: milliseconds on a monotonic clock that only the driver reads.
 *
 * A driver may give fractions (round-trip times on a LAN are below a millisecond); the core
 * compares and subtracts instants and never rounds them.
 */
export type Instant = number;

/** Bytes as they are on the wire; who receives one owns it unless the function says otherwise. */
export type Bytes = Uint8Array;

export const seconds = (count: number): Millis => count * 1_000;
export const minutes = (count: number): Millis => count * 60_000;
export const hours = (count: number): Millis => count * 3_600_000;

/** The wire and Go count durations in nanoseconds. */
export const nanosPerMilli = 1e6;

/** The longest time that an OS timer takes in Node.js, some 25 days: a longer one would fire at once. */
export const longestTimer: Millis = 2 ** 31 - 1;
