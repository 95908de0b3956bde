import type { Bytes, Instant } from "../base/units.js";
import { isGone, type SwimMember } from "../swim/member.js";
import {
  decodeSerfMessage,
  encodeSerfMessage,
  encodeSerfPushPull,
  type LamportTime,
  type SerfMessage,
  type SerfPushPull,
} from "../wire/serf-messages.js";
import type { Announcements } from "./announcements.js";
import { type LamportClock, successor } from "./lamport.js";
import type { Membership } from "./membership.js";
import type { UserEvents } from "./user-events.js";

/** Serf's three clocks. */
export interface Clocks {
  readonly member: LamportClock;
  readonly event: LamportClock;
  readonly query: LamportClock;
}

/** What {@link UserState} works with. */
export interface UserStateParts {
  readonly self: string;
  readonly clocks: Clocks;
  readonly membership: Membership;
  readonly announcements: Announcements;
  readonly userEvents: UserEvents;
  /** What SWIM holds of `node`. */
  held(node: string): SwimMember | undefined;
}

/** Serf's part of a push/pull: clocks, statuses and recent user events (protocol.md section 5.6). */
export class UserState {
  readonly #parts: UserStateParts;

  constructor(parts: UserStateParts) {
    this.#parts = parts;
  }

  encode(): Bytes {
    const { clocks, membership, userEvents } = this.#parts;
    const { rosterLtimes } = membership;
    const statusLtimes = new Map<string, LamportTime>();
    const state: SerfPushPull = {
      kind: "push-pull",
      ltime: clocks.member.time,
      eventLtime: clocks.event.time,
      queryLtime: clocks.query.time,
      statusLtimes,
      leftMembers: [...membership.left.keys()],
      events: userEvents.slots(),
    };
    if (rosterLtimes !== undefined) {
      return encodeSerfPushPull(state, {
        members: membership.size,
        pieces: rosterLtimes.encoded(),
      });
    }
    for (const { member, statusLtime } of membership.records()) {
      statusLtimes.set(member.name, statusLtime);
    }
    return encodeSerfMessage(state);
  }

  /** Throws {@link DecodeError}. What a roster has is left out of the Lamport times. */
  decode(bytes: Bytes): SerfMessage {
    return decodeSerfMessage(bytes, this.#parts.membership.rosterLtimes?.known());
  }

  /**
   * Takes in what another member knows; nothing of it is gossiped. With `ignoreOld`, user events from
   * before now are not delivered.
   */
  merge(now: Instant, remote: SerfPushPull, ignoreOld: boolean): void {
    this.#witness(remote);
    this.#applyIntents(now, remote);
    const { userEvents } = this.#parts;
    if (ignoreOld) userEvents.ignoreBefore(remote.eventLtime);
    for (const slot of remote.events) {
      if (slot === undefined) continue;
      for (const { name, payload } of slot.events) {
        const { ltime } = slot;
        userEvents.handle(now, { kind: "user-event", ltime, name, payload, coalesce: false });
      }
    }
  }

  /** Nothing has been said at the remote times yet, only before. */
  #witness(remote: SerfPushPull): void {
    const { clocks } = this.#parts;
    if (remote.ltime > 0) clocks.member.witness(remote.ltime - 1);
    if (remote.eventLtime > 0) clocks.event.witness(remote.eventLtime - 1);
    if (remote.queryLtime > 0) clocks.query.witness(remote.queryLtime - 1);
  }

  /**
   * Who left did so with the intent that the other side knows of last. Serf assumes one time later, which
   * only helps where we know of something else that was said at the same time.
   *
   * Of somebody whom we have not met it may be that we meet it when it has come back, and others who
   * have met it since still tell that time. So for us it left one time before: whatever else was said
   * by then is older, and nobody who is here is held for leaving because of it, as in Serf.
   *
   * Others who are alive, also to SWIM now that it has heard the other side, came back and the other
   * side has missed it. Serf takes them for leaving from then on, which nobody contradicts, since they
   * are not told. If SWIM suspects them it will find out ({@link Membership.noteLeave}).
   */
  #applyIntents(now: Instant, remote: SerfPushPull): void {
    const { announcements, held, membership, self } = this.#parts;
    const left = new Set(remote.leftMembers.filter((node) => !this.#cameBack(node)));
    for (const node of left) {
      const known = membership.statusLtime(node);
      const unsaid = membership.rosterLtimes === undefined ? 0 : (known ?? 0);
      const ltime = leaveTime(remote.statusLtimes.get(node) ?? unsaid, known);
      const peer = node === self ? undefined : held(node);
      if (peer?.state === "suspect" && membership.get(node)?.status === "alive") {
        membership.noteLeave(node, { ltime, incarnation: peer.incarnation });
      } else announcements.handleLeave(now, { kind: "leave", ltime, node, prune: false });
    }
    for (const [node, ltime] of remote.statusLtimes) {
      if (left.has(node)) continue;
      if (node === self) announcements.handleOwnStatus(now, ltime);
      else this.#meetAgain(now, node);
      membership.handleJoinIntent(now, { kind: "join", ltime, node });
    }
  }

  /** Who was pruned and turns out to be here, to SWIM and to others, is unknown no longer. */
  #meetAgain(now: Instant, node: string): void {
    const { held, membership } = this.#parts;
    if (membership.get(node) !== undefined) return;
    const peer = held(node);
    if (peer !== undefined && !isGone(peer)) membership.handleJoin(now, peer);
  }

  #cameBack(node: string): boolean {
    const { held, membership, self } = this.#parts;
    if (node === self || membership.get(node)?.status !== "alive") return false;
    return held(node)?.state === "alive";
  }
}

/** When somebody left of whom `said` is known over there and `known`, if anything, here. */
function leaveTime(said: LamportTime, known: LamportTime | undefined): LamportTime {
  if (known === undefined) return Math.max(0, said - 1);
  return said === known ? successor(said) : said;
}
