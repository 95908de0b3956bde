import type { Millis } from "../base/units.js";
import { type SwimConfig, wholeThoroughness } from "./config.js";

/**
 * Of fewer members a limit of 4 holds, and one rumour in twenty to a hundred misses one of them until the
 * next push/pull. They can have the copies of ten: few all the same.
 */
const leastCopiedTo = 10;

/** Up to this many members a push/pull keeps its interval. */
const pushPullThreshold = 32;

/**
 * How often a broadcast is sent before it is forgotten; `known` counts the members that we know of,
 * whatever their state. The logarithm is what an epidemic needs to reach everyone (SWIM section 4.1).
 */
export function retransmitLimit(mult: number, known: number): number {
  return mult * Math.ceil(Math.log10(known + 1));
}

/** A group as far as it is asked how many copies it needs. */
export interface Audience {
  /** Whatever their state. */
  readonly known: number;
  /** Those that are neither dead nor left, ourselves included. */
  readonly here: number;
}

/**
 * For how many members copies are made; memberlist makes them for those that are known. Where one tick
 * reaches all others, more copies would only make a leave take longer.
 */
export function copiedTo(
  { here, known }: Audience,
  { thoroughness, timing }: Pick<SwimConfig, "thoroughness" | "timing">,
): number {
  const { neighbours } = thoroughness ?? wholeThoroughness;
  return neighbours && here > timing.gossipNodes + 1 ? Math.max(known, leastCopiedTo) : known;
}

/**
 * How long a suspect has at least to refute, in a group of `count` members (Lifeguard, LHA-Suspicion:
 * Min). The logarithm is cut to three decimals, as memberlist does.
 */
export function minSuspicion(mult: number, count: number, probeInterval: Millis): Millis {
  const scale = Math.max(1, Math.log10(Math.max(1, count)));
  return (mult * Math.floor(scale * 1_000) * probeInterval) / 1_000;
}

/** Between two push/pulls: their cost grows with the group, so a large group exchanges less often. */
export function pushPullInterval(interval: Millis, known: number): Millis {
  if (known <= pushPullThreshold) return interval;
  return interval * (Math.ceil(Math.log2(known) - Math.log2(pushPullThreshold)) + 1);
}

/** How long a query waits for answers by default; `alive` counts the members that can answer. */
export function queryTimeout(gossipInterval: Millis, mult: number, alive: number): Millis {
  return gossipInterval * mult * Math.ceil(Math.log10(alive + 1));
}
