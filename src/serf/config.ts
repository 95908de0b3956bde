import type { Address } from "../base/address.js";
import { hours, type Millis, minutes, seconds } from "../base/units.js";
import type { LifeguardParts, Thoroughness, Timing } from "../swim/config.js";
import type { Keyring } from "../wire/keyring.js";
import type { GroupRoster } from "./group-roster.js";
import type { SnapshotState } from "./snapshot.js";

/** What a member is and how it behaves; {@link serfDefaults} has what Serf's agent uses. */
export interface SerfConfig {
  readonly name: string;
  /** The tags at start; {@link Serf.setTags} replaces them. */
  readonly tags: ReadonlyMap<string, string>;
  /** Where others reach us. */
  readonly advertise: Address;
  /** Where we listen. */
  readonly bindPort: number;
  readonly timing: Timing;
  readonly compression: boolean;
  /** Present if and only if the cluster is encrypted. */
  readonly keyring: Keyring | undefined;
  /** Empty for none; stock agents know none. */
  readonly label: string;
  /** Serf's own protocol version, 2 to 5; below 3 there is only the tag `role`. */
  readonly delegateVersion: number;
  /** How long a leave, a force-leave or a change of tags waits until it was sent often enough. */
  readonly broadcastTimeout: Millis;
  /** How long a leave is given to reach everybody after it was sent. */
  readonly leavePropagateDelay: Millis;
  readonly reapInterval: Millis;
  readonly reconnectInterval: Millis;
  /** How long a failed member is remembered. */
  readonly reconnectTimeout: Millis;
  /** How long a member that left is remembered. */
  readonly tombstoneTimeout: Millis;
  /** A member that comes back sooner than this after it failed is flapping. */
  readonly flapTimeout: Millis;
  /** How long an intent of an unknown member is kept. */
  readonly recentIntentTimeout: Millis;
  readonly queueCheckInterval: Millis;
  /** From so many waiting broadcasts on, the check warns. */
  readonly queueDepthWarning: number;
  /** Of more waiting broadcasts than this, the check drops those that were sent most often. */
  readonly maxQueueDepth: number;
  /** Lamport times whose user events are remembered, and shown to those who join. */
  readonly eventBuffer: number;
  /** Lamport times whose queries are remembered. */
  readonly queryBuffer: number;
  /** In bytes, at most 9216. */
  readonly userEventSizeLimit: number;
  readonly querySizeLimit: number;
  readonly queryResponseSizeLimit: number;
  /** How long changes of members are collected at most; 0 tells each at once. */
  readonly coalescePeriod: Millis;
  /** After so long without another change what was collected is told. */
  readonly quiescentPeriod: Millis;
  /** As {@link coalescePeriod}, for user events that may be merged. */
  readonly userCoalescePeriod: Millis;
  readonly userQuiescentPeriod: Millis;
  /** False: acks of ours carry no coordinate, and those of others are not looked at. */
  readonly coordinates: boolean;
  /**
   * What was recovered from the snapshot, empty if that is new: its members are looked for, and what it
   * has heard is not told again. Undefined: no snapshot is kept, and nothing is recorded.
   */
  readonly snapshot: SnapshotState | undefined;
  /** False: that another member uses our name is reported, and not voted on. */
  readonly nameResolution: boolean;
  /** Members whose names hold more than letters, digits, dashes and dots are not believed. */
  readonly validateNames: boolean;
  /** As {@link SwimConfig.inquires}. */
  readonly inquires?: boolean;
  /** As {@link SwimConfig.refusals}. */
  readonly refusals: boolean;
  /** As {@link SwimConfig.isolation}. */
  readonly isolation?: boolean;
  /** As {@link SwimConfig.thoroughness}. */
  readonly thoroughness?: Thoroughness;
  /** As {@link SwimConfig.lifeguard}. */
  readonly lifeguard?: LifeguardParts;
  /** Who knows each other from the beginning, ourselves among them; in an agent there is none. */
  readonly roster?: GroupRoster;
}

/** What identifies a member and where it is: no default fits. */
export type SerfIdentity = "name" | "tags" | "advertise" | "bindPort" | "timing" | "keyring";

/** The defaults of Serf's agent (protocol.md section 5.7). */
export const serfDefaults: Omit<SerfConfig, SerfIdentity> = {
  compression: true,
  label: "",
  delegateVersion: 5,
  broadcastTimeout: seconds(5),
  leavePropagateDelay: seconds(1),
  reapInterval: seconds(15),
  reconnectInterval: seconds(30),
  reconnectTimeout: hours(24),
  tombstoneTimeout: hours(24),
  flapTimeout: seconds(60),
  recentIntentTimeout: minutes(5),
  queueCheckInterval: seconds(30),
  queueDepthWarning: 128,
  maxQueueDepth: 4_096,
  eventBuffer: 512,
  queryBuffer: 512,
  userEventSizeLimit: 512,
  querySizeLimit: 1_024,
  queryResponseSizeLimit: 1_024,
  coalescePeriod: seconds(3),
  quiescentPeriod: seconds(1),
  userCoalescePeriod: seconds(3),
  userQuiescentPeriod: seconds(1),
  coordinates: true,
  snapshot: undefined,
  nameResolution: true,
  validateNames: false,
  refusals: true,
};

/** No user event may be longer than this, whatever is configured (Serf's UserEventSizeLimit). */
export const maxUserEventBytes = 9_216;
