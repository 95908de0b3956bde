import type { TimerQueue } from "../base/timers.js";
import type { Swim, SwimHoldings } from "../swim/swim.js";
import type { SerfParts } from "./parts.js";

/** What a member holds at a moment, piece by piece; each has a bound where it is declared. */
export interface Holdings extends SwimHoldings {
  readonly timers: number;
  /** Members of which a coordinate is known, ourselves included. */
  readonly coordinates: number;
  /** Intents of members that were not met yet. */
  readonly intents: number;
  /** What the remembered user events weigh, in bytes. */
  readonly eventBytes: number;
  readonly queriesRemembered: number;
  /** Our own, of which answers are collected. */
  readonly queriesRunning: number;
  /** Those of others that may still be answered. */
  readonly queriesOpen: number;
  /** Names of which handlers were told, or will be. */
  readonly namesTold: number;
}

export function holdingsOf(timers: TimerQueue, parts: SerfParts, swim: Swim): Holdings {
  const { coordinates, inbox, membership, queries, stream, userEvents } = parts;
  const { inquiries, openStreams, pendingAcks, questions } = swim.holdings();
  // Named one by one: the simulator looks after every step, and copying them with `...` takes longer.
  return {
    pendingAcks,
    openStreams,
    questions,
    inquiries,
    timers: timers.length,
    coordinates: coordinates.size,
    intents: membership.bufferedIntents,
    eventBytes: userEvents.rememberedBytes,
    queriesRemembered: inbox.remembered,
    queriesRunning: queries.running,
    queriesOpen: inbox.open,
    namesTold: stream.namesTold,
  };
}
