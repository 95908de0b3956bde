import type { Millis } from "../base/units.js";

export type MemberStatus = "none" | "alive" | "leaving" | "left" | "failed";

interface VersionRange {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** A member as one agent sees it, with what that agent measured and heard of it; as JSON carries it. */
export interface MemberInfo {
  readonly name: string;
  /** `ip:port`. */
  readonly address: string;
  readonly ip: string;
  readonly port: number;
  readonly status: MemberStatus;
  readonly tags: Readonly<Record<string, string>>;
  readonly protocol: VersionRange;
  readonly delegate: VersionRange;
  /** Between it and us, as the network coordinates estimate it; null if one of them is not known. */
  readonly rttMillis: Millis | null;
  /** Of our last ping that was acked in time, and when that was (ISO 8601); null: none lately. */
  readonly lastRttMillis: Millis | null;
  readonly lastAckedAt: string | null;
  /** Probes of ours that nobody answered, as far as the chronicle reaches back. */
  readonly lostProbes: number;
  /** Names of those who suspect it, the first one first, at most 16; empty: nobody does. */
  readonly suspectedBy: readonly string[];
  /** ISO 8601. */
  readonly suspectedSince: string | null;
}

/** Delays of the event loop in the last minute. */
export interface LoopDelays {
  readonly p50: Millis;
  readonly p99: Millis;
  readonly max: Millis;
}

/** An agent as it sees itself; as JSON carries it. */
export interface SelfInfo {
  readonly name: string;
  /** `ip:port` that others are told. */
  readonly address: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** False while there is somebody to join, and nobody has told us of the others yet. */
  readonly joined: boolean;
  /** Joined, nobody is suspected, and for two seconds nothing has changed of what is known of the members. */
  readonly settled: boolean;
  readonly encrypted: boolean;
  /** Lifeguard's score: 0 is healthy. */
  readonly health: number;
  /** There should be others, and we hear nobody at all. */
  readonly isolated: boolean;
  readonly loopDelayMillis: LoopDelays;
  readonly rssBytes: number;
  readonly members: MemberCounts;
  /** Names of the balancers that this agent keeps. */
  readonly balancers: readonly string[];
  /** Event handlers that are configured. */
  readonly handlers: number;
  /** Of the timing: `lan`, `wan`, `local`. */
  readonly profile: string;
}

export interface MemberCounts {
  readonly alive: number;
  readonly leaving: number;
  readonly left: number;
  readonly failed: number;
  /** Of those that are alive. */
  readonly suspected: number;
}
