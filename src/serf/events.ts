import type { Address } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";
import type { Output } from "../swim/host.js";
import type { LamportTime } from "../wire/serf-messages.js";
import type { SnapshotRecord } from "./snapshot.js";

export type MemberStatus = "none" | "alive" | "leaving" | "left" | "failed";

/** A member as users see it. A snapshot: it does not change after it was handed out. */
export interface Member {
  readonly name: string;
  readonly address: Address;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: MemberStatus;
  readonly protocol: VersionRange;
  readonly delegate: VersionRange;
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

export type MemberEventKind =
  | "member-join"
  | "member-leave"
  | "member-failed"
  | "member-update"
  | "member-reap";

export interface MemberEvent {
  readonly kind: MemberEventKind;
  /** Never empty; sorted by name. */
  readonly members: readonly Member[];
}

export interface UserEvent {
  readonly kind: "user";
  readonly ltime: LamportTime;
  readonly name: string;
  readonly payload: Bytes;
  readonly coalesce: boolean;
}

/** A query that passed its filters here and waits for {@link Serf.respond}. */
export interface QueryEvent {
  readonly kind: "query";
  /** Names the query in {@link Serf.respond}; counts from 1. */
  readonly id: number;
  readonly ltime: LamportTime;
  readonly name: string;
  readonly payload: Bytes;
  readonly deadline: Instant;
  /** Who asked. */
  readonly from: string;
}

/** What handlers and streams are told: coalesced, in order. */
export type SerfEvent = MemberEvent | UserEvent | QueryEvent;

/** What a driver of {@link Serf} carries out, in order. */
export type SerfOutput =
  | Output
  | { readonly kind: "event"; readonly event: SerfEvent }
  /** To be added to the snapshot; a leave at once and for good. */
  | { readonly kind: "record"; readonly record: SnapshotRecord }
  /** Another member has the better right to our name: this one has to end, without a leave. */
  | { readonly kind: "stop"; readonly reason: string };
