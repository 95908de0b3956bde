import { type Random, shuffle } from "../base/random.js";
import type { Audience } from "./spread.js";

/** How many members have which fate; all others stay. */
export interface Fates {
  readonly nodes: number;
  readonly killed: number;
  readonly hostsLost: number;
  readonly leaving: number;
  readonly stalled: number;
}

/** Members by what becomes of them; each has one role. */
export interface Roles {
  readonly killed: readonly number[];
  readonly hostsLost: readonly number[];
  readonly leaving: readonly number[];
  readonly stalled: readonly number[];
  /** Here from the beginning to the end; at least two. */
  readonly staying: readonly number[];
  readonly audience: Audience;
}

export function drawRoles(fates: Fates, random: Random): Roles {
  const order = Array.from({ length: fates.nodes }, (_, index) => index);
  shuffle(random, order);
  const take = (count: number): number[] => order.splice(0, count);
  const killed = take(fates.killed);
  const hostsLost = take(fates.hostsLost);
  const leaving = take(fates.leaving);
  const stalled = take(fates.stalled);
  const flags = new Uint8Array(fates.nodes);
  for (const node of order) flags[node] = 1;
  const audience = { flags, count: order.length };
  return { killed, hostsLost, leaving, stalled, staying: order, audience };
}
