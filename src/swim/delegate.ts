import type { Address } from "../base/address.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { SwimMember } from "./member.js";
import type { Rival } from "./rival.js";

/** What SWIM asks and tells the layer above. Called in the middle of handling an input. */
export interface Delegate {
  /** The encoded tags to announce; read at start and by {@link Swim.updateMeta}. */
  meta(): Bytes;
  /** The payload of an ack to a UDP ping. */
  ackPayload(now: Instant): Bytes | undefined;
  /** A direct ping of `member` was acked in time. */
  handleRoundTrip(now: Instant, member: SwimMember, rtt: Millis, payload: Bytes | undefined): void;
  /** `payload` is a view: who keeps it copies it. */
  handleUserMessage(now: Instant, payload: Bytes): void;
  /** False if {@link takeBroadcasts} has nothing to give; when it gets something, {@link Swim.noteBroadcast}. */
  hasBroadcasts(): boolean;
  /** What {@link takeBroadcasts} could give if there were room for all, in bytes of a packet. */
  waitingBytes(): number;
  /** Messages to gossip along, each at most `budget - overhead` long, `overhead` counted for each. */
  takeBroadcasts(now: Instant, overhead: number, budget: number): readonly Bytes[];
  /** What a push/pull carries for the layer above. */
  localState(now: Instant, join: boolean): Bytes;
  /** `ours` is true if this exchange is one that {@link Swim.join} began. */
  mergeRemoteState(now: Instant, state: Bytes, join: boolean, ours: boolean): void;
  /** A new member, or one that had been dead or left. Also called for the local member at start. */
  handleJoin(now: Instant, member: SwimMember): void;
  /** Dead or left, see {@link SwimMember.state}. */
  handleLeave(now: Instant, member: SwimMember): void;
  /** Same member, other meta or, if it came back before it was missed, other address. */
  handleUpdate(now: Instant, member: SwimMember): void;
  /**
   * An alive claim puts a name that `existing` holds at `claimed`, and both answer by it; the claim was
   * not believed. Called once a minute for as long as the claims come.
   */
  handleConflict(now: Instant, existing: SwimMember, claimed: Address): void;
  /**
   * Our own name is held or claimed elsewhere; nobody has been asked yet. Called for each such claim,
   * in a push/pull before all members of it are known.
   */
  handleRival(now: Instant, rival: Rival): void;
}
