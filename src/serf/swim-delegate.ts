import type { Address } from "../base/address.js";
import { distanceNanos } from "../base/coordinate-distance.js";
import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { Delegate } from "../swim/delegate.js";
import type { SwimMember } from "../swim/member.js";
import type { Rival } from "../swim/rival.js";
import { DecodeError } from "../wire/errors.js";
import { maxSerfMessageBytes } from "../wire/limits.js";
import { recentBytes } from "../wire/recent-bytes.js";
import {
  type CoordinateMessage,
  decodeAckPayload,
  decodeSerfMessage,
  encodeAckPayload,
  type SerfMessage,
} from "../wire/serf-messages.js";
import type { Announcements } from "./announcements.js";
import type { Broadcasts } from "./broadcasts.js";
import type { CoordinateClient } from "./coordinate-client.js";
import type { SerfCounters } from "./counters.js";
import type { Membership } from "./membership.js";
import type { UserState } from "./merge.js";
import type { NameConflicts } from "./name-conflicts.js";
import type { Queries } from "./queries.js";
import type { QueryInbox } from "./query-inbox.js";
import type { QueryReplies } from "./query-replies.js";
import type { Reclaim } from "./reclaim.js";
import type { UserEvents } from "./user-events.js";

/** Who serves what SWIM asks and tells. */
export interface DelegateParts {
  readonly log: Log;
  readonly counters: SerfCounters;
  readonly meter: Meter;
  readonly membership: Membership;
  readonly announcements: Announcements;
  readonly broadcasts: Broadcasts;
  readonly userEvents: UserEvents;
  readonly inbox: QueryInbox;
  readonly queries: Queries;
  readonly replies: QueryReplies;
  readonly userState: UserState;
  /** Undefined if coordinates are off. */
  readonly coordinates: CoordinateClient | undefined;
  readonly conflicts: NameConflicts;
  readonly reclaim: Reclaim;
  /** Our own tags, encoded. */
  meta(): Bytes;
  /** True while a join of ours is under way that does not want to hear of the past. */
  ignoresOld(): boolean;
}

/** Serf as SWIM sees it: every message and who handles it. */
export class SwimDelegate implements Delegate {
  readonly #parts: DelegateParts;

  constructor(parts: DelegateParts) {
    this.#parts = parts;
  }

  meta(): Bytes {
    return this.#parts.meta();
  }

  ackPayload(): Bytes | undefined {
    const { coordinates } = this.#parts;
    return coordinates === undefined ? undefined : encodeAckPayload(coordinates.coordinate);
  }

  handleRoundTrip(
    _now: Instant,
    member: SwimMember,
    rtt: Millis,
    payload: Bytes | undefined,
  ): void {
    const { coordinates, membership, meter } = this.#parts;
    if (coordinates === undefined || payload === undefined) return;
    if (membership.get(member.name) === undefined) return;
    const coordinate = this.#decode(payload, decodeAckPayload);
    if (coordinate === undefined) return;
    const before = coordinates.coordinate;
    coordinates.update(member.name, coordinate, rtt);
    const after = coordinates.coordinate;
    if (after === before) return;
    meter.sample("serf.coordinate.adjustment-ms", distanceNanos(before, after) / 1e6);
  }

  handleUserMessage(now: Instant, payload: Bytes): void {
    const { broadcasts, counters, log, meter } = this.#parts;
    if (payload.length === 0) return;
    counters.messagesReceived += 1;
    counters.messageBytesReceived += payload.length;
    meter.sample("serf.msgs.received", payload.length);
    if (payload.length > maxSerfMessageBytes) {
      counters.undecodable += 1;
      log.debug({ type: payload[0], bytes: payload.length }, "message too long for Serf dropped");
      return;
    }
    const message = this.#decode(payload, decodeSerfMessage);
    if (message === undefined) return;
    const kind = this.#dispatch(now, message);
    // The bytes as they came: what this version of Serf does not know must reach those who do.
    if (kind !== undefined) broadcasts.add(kind, recentBytes(payload, 0, payload.length));
  }

  hasBroadcasts(): boolean {
    return this.#parts.broadcasts.waiting;
  }

  waitingBytes(): number {
    return this.#parts.broadcasts.waitingBytes;
  }

  takeBroadcasts(_now: Instant, overhead: number, budget: number): readonly Bytes[] {
    return this.#parts.broadcasts.take(overhead, budget);
  }

  localState(): Bytes {
    return this.#parts.userState.encode();
  }

  mergeRemoteState(now: Instant, state: Bytes, join: boolean, ours: boolean): void {
    const { ignoresOld, log, userState } = this.#parts;
    const remote = this.#decode(state, (bytes) => userState.decode(bytes));
    if (remote === undefined) return;
    if (remote.kind !== "push-pull") {
      log.error({ kind: remote.kind }, "remote state is another message");
      return;
    }
    userState.merge(now, remote, join && ours && ignoresOld());
  }

  handleJoin(now: Instant, member: SwimMember): void {
    this.#parts.membership.handleJoin(now, member);
  }

  handleLeave(now: Instant, member: SwimMember): void {
    this.#parts.membership.handleLeave(now, member);
  }

  handleUpdate(now: Instant, member: SwimMember): void {
    this.#parts.membership.handleUpdate(now, member);
  }

  handleConflict(_now: Instant, existing: SwimMember, claimed: Address): void {
    this.#parts.counters.conflicts += 1;
    this.#parts.conflicts.handle(existing, claimed);
  }

  handleRival(now: Instant, rival: Rival): void {
    this.#parts.reclaim.handleRival(now, rival);
  }

  /** The queue in which the message is passed on; undefined if it is not. */
  #dispatch(now: Instant, message: SerfMessage): "intent" | "event" | "query" | undefined {
    const { announcements, inbox, log, membership, queries, replies, userEvents } = this.#parts;
    switch (message.kind) {
      case "leave":
        return announcements.handleLeave(now, message) ? "intent" : undefined;
      case "join":
        return membership.handleJoinIntent(now, message) ? "intent" : undefined;
      case "user-event":
        return userEvents.handle(now, message) ? "event" : undefined;
      case "query":
        return inbox.handle(now, message) ? "query" : undefined;
      case "relay":
        replies.forward(message);
        return undefined;
      case "query-response":
        queries.handleReply(now, message);
        return undefined;
      case "push-pull":
      case "conflict-response":
      case "key-request":
      case "key-response":
        log.warn({ kind: message.kind }, "received message of unexpected kind");
        return undefined;
    }
  }

  /** Undefined if the bytes are nothing that we understand: the peer's fault, noted and dropped. */
  #decode<T extends SerfMessage | CoordinateMessage>(
    bytes: Bytes,
    decode: (bytes: Bytes) => T | undefined,
  ): T | undefined {
    try {
      return decode(bytes);
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      const { counters, log } = this.#parts;
      counters.undecodable += 1;
      const level = thrown.reason === "type" ? "warn" : "debug";
      log[level]({ type: bytes[0], reason: thrown.message }, "undecodable message dropped");
      return undefined;
    }
  }
}
