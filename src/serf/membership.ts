import type { Log } from "../base/log.js";
import { Overlay } from "../base/overlay.js";
import type { Timers } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import type { SwimMember } from "../swim/member.js";
import type { JoinIntent, LamportTime, LeaveIntent } from "../wire/serf-messages.js";
import type { SerfConfig } from "./config.js";
import type { SerfCounters } from "./counters.js";
import type { Member, MemberEventKind, MemberStatus } from "./events.js";
import type { GroupRoster } from "./group-roster.js";
import { IntentBuffer } from "./intents.js";
import type { LamportClock } from "./lamport.js";
import {
  describe,
  type LeaveRumour,
  type MembershipRecord,
  memberOf,
} from "./membership-record.js";
import { RosterLtimes } from "./roster-ltimes.js";

/**
 * What to do with a leave intent: `spread` it further, `ignore` it, or `refute` it, for it is about
 * us and we are staying.
 */
export type LeaveVerdict = "spread" | "ignore" | "refute";

type MembershipTimes = Pick<
  SerfConfig,
  | "broadcastTimeout"
  | "leavePropagateDelay"
  | "reconnectTimeout"
  | "tombstoneTimeout"
  | "flapTimeout"
  | "recentIntentTimeout"
>;

/** What {@link Membership} needs of its surroundings. */
export interface MembershipHost {
  readonly timers: Timers;
  readonly log: Log;
  readonly clock: LamportClock;
  readonly counters: SerfCounters;
  /** Told every change as it happens. */
  emit(now: Instant, kind: MemberEventKind, member: Member): void;
  /** A member is about to leave, or is not any more, of which no event tells. */
  noteIntent?(): void;
  /** Who is known from the beginning; others share these records. */
  readonly roster?: GroupRoster | undefined;
}

/** Members remembered, here or gone. A push/pull names them all, and peers take no more than twice this. */
const defaultCapacity = 131_072;

/**
 * All members that we know of, with what became of them: SWIM says who is there, intents say whether
 * those who go do so on purpose (protocol.md section 5.5).
 */
export class Membership {
  /** What can be said of a roster at once. */
  readonly rosterLtimes: RosterLtimes | undefined;
  readonly #self: string;
  readonly #times: MembershipTimes;
  readonly #host: MembershipHost;
  readonly #capacity: number;
  readonly #intents: IntentBuffer;
  /** At most {@link #capacity}. Only {@link #own} ones are written to. */
  readonly #records: Overlay<MembershipRecord>;
  /** Those of {@link #records} with this status. */
  readonly #failed = new Map<string, MembershipRecord>();
  readonly #left = new Map<string, MembershipRecord>();
  readonly #leaving = new Map<string, MembershipRecord>();

  constructor(
    self: string,
    times: MembershipTimes,
    host: MembershipHost,
    capacity = defaultCapacity,
  ) {
    this.#self = self;
    this.#times = times;
    this.#host = host;
    this.#capacity = capacity;
    this.#records = new Overlay(host.roster?.membership);
    this.rosterLtimes = host.roster && new RosterLtimes(host.roster, this.#records);
    this.#intents = new IntentBuffer(times.recentIntentTimeout);
  }

  get size(): number {
    return this.#records.size;
  }

  /** Intents of members that were not met yet. */
  get bufferedIntents(): number {
    return this.#intents.size;
  }

  get failed(): ReadonlyMap<string, MembershipRecord> {
    return this.#failed;
  }

  get left(): ReadonlyMap<string, MembershipRecord> {
    return this.#left;
  }

  /** Those who said that they leave, or of whom others did, and whom SWIM holds for here. */
  get leaving(): ReadonlyMap<string, MembershipRecord> {
    return this.#leaving;
  }

  get(name: string): Member | undefined {
    return this.#records.get(name)?.member;
  }

  /** When, in Lamport time, a member last said that it joins or leaves; undefined if it is unknown. */
  statusLtime(name: string): LamportTime | undefined {
    return this.#records.get(name)?.statusLtime;
  }

  records(): Iterable<Readonly<MembershipRecord>> {
    return this.#records.values();
  }

  /** True if a member other than us is here and not about to leave. */
  hasOthersAlive(): boolean {
    for (const { member } of this.#records.values()) {
      if (member.name !== this.#self && member.status === "alive") return true;
    }
    return false;
  }

  /** True if a member other than us is here, and be it about to leave. */
  hasOthersHere(): boolean {
    return this.#records.size - this.#failed.size - this.#left.size > 1;
  }

  /** SWIM has met `peer`, or met it again. */
  handleJoin(now: Instant, peer: SwimMember): void {
    const known = this.#own(peer.name);
    const record = known === undefined ? this.#admit(now, peer) : this.#readmit(now, known, peer);
    if (record === undefined) return;
    this.#host.counters.joins += 1;
    this.#log(`EventMemberJoin: ${describe(record.member)}`);
    this.#host.emit(now, "member-join", record.member);
  }

  /** SWIM has found `peer` dead, or was told that it left: the intents we heard decide which it is. */
  handleLeave(now: Instant, peer: SwimMember): void {
    const record = this.#own(peer.name);
    if (record === undefined) return;
    switch (record.member.status) {
      case "leaving":
        record.goneAt = now;
        this.#leave(now, record);
        break;
      case "alive":
        record.goneAt = now;
        if (record.rumour?.incarnation === peer.incarnation) {
          record.statusLtime = Math.max(record.statusLtime, record.rumour.ltime);
          this.#leave(now, record);
          break;
        }
        this.#setStatus(record, "failed");
        this.#host.counters.failures += 1;
        this.#log(`EventMemberFailed: ${describe(record.member)}`);
        this.#host.emit(now, "member-failed", record.member);
        break;
      default:
        this.#host.log.warn(
          { member: peer.name, status: record.member.status },
          "a member that is gone went once more",
        );
    }
  }

  /** `peer` announces other tags. */
  handleUpdate(now: Instant, peer: SwimMember): void {
    const record = this.#own(peer.name);
    if (record === undefined) return;
    record.member = memberOf(peer, record.member.status);
    this.#host.counters.updates += 1;
    this.#log(`EventMemberUpdate: ${peer.name}`);
    this.#host.emit(now, "member-update", record.member);
  }

  /** Somebody leaves, or is declared to; `staying` is true while we have no intention to leave. */
  handleLeaveIntent(now: Instant, intent: LeaveIntent, staying: boolean): LeaveVerdict {
    this.#host.clock.witness(intent.ltime);
    const known = this.#records.get(intent.node);
    if (known === undefined) {
      return this.#intents.add(now, intent.node, intent) ? "spread" : "ignore";
    }
    // Others tell us of a time at which we joined or left, not which it was: at that time as well.
    const isOurs = intent.node === this.#self && staying;
    if (isOurs && intent.ltime === known.statusLtime && intent.ltime > 0) return "refute";
    if (intent.ltime <= known.statusLtime) return "ignore";
    if (isOurs) return "refute";
    const record = this.#copied(known);
    record.statusLtime = intent.ltime;
    if (record.member.status === "alive") {
      this.#setStatus(record, "leaving");
      this.#host.noteIntent?.();
    }
    if (record.member.status === "failed") this.#declareLeft(now, record);
    if (intent.prune) this.#prune(now, record);
    return "spread";
  }

  /**
   * Others hold a member that is here, and that SWIM suspects, for one that left at `ltime`. If it goes
   * under this incarnation it has left; if it refutes, it has come back and they have missed it.
   */
  noteLeave(name: string, rumour: LeaveRumour): void {
    const record = this.#own(name);
    if (record !== undefined) record.rumour = rumour;
  }

  /** Somebody joins, or denies to leave; true if others should hear of it. */
  handleJoinIntent(now: Instant, intent: JoinIntent): boolean {
    this.#host.clock.witness(intent.ltime);
    const known = this.#records.get(intent.node);
    if (known === undefined) return this.#intents.add(now, intent.node, intent);
    if (intent.ltime <= known.statusLtime) return false;
    const record = this.#copied(known);
    record.statusLtime = intent.ltime;
    if (record.member.status === "leaving") {
      this.#setStatus(record, "alive");
      this.#host.noteIntent?.();
    }
    return true;
  }

  /** Forgets those that have been gone for too long, and intents that nobody came for. */
  reap(now: Instant): void {
    const { reconnectTimeout, tombstoneTimeout } = this.#times;
    for (const record of this.#failed.values()) {
      if (now - (record.goneAt ?? now) > reconnectTimeout) this.#reap(now, record);
    }
    for (const record of this.#left.values()) {
      if (now - (record.goneAt ?? now) > tombstoneTimeout) this.#reap(now, record);
    }
    this.#intents.expire(now);
  }

  #admit(now: Instant, peer: SwimMember): MembershipRecord | undefined {
    if (this.#records.size >= this.#capacity && !this.#makeRoom(now)) {
      this.#host.counters.membersRefused += 1;
      this.#host.log.debug({ member: peer.name }, "no room for another member");
      return undefined;
    }
    const intent = this.#intents.take(now, peer.name);
    const status = intent?.kind === "leave" ? "leaving" : "alive";
    const record: MembershipRecord = {
      member: memberOf(peer, status),
      statusLtime: intent?.ltime ?? 0,
      goneAt: undefined,
      rumour: undefined,
      pruning: false,
    };
    this.#records.set(peer.name, record);
    if (status === "leaving") this.#leaving.set(peer.name, record);
    return record;
  }

  #readmit(now: Instant, record: MembershipRecord, peer: SwimMember): MembershipRecord {
    const { status } = record.member;
    if (status === "failed" && now - (record.goneAt ?? now) < this.#times.flapTimeout) {
      this.#host.counters.flaps += 1;
    }
    record.goneAt = undefined;
    record.rumour = undefined;
    record.member = memberOf(peer, status);
    this.#setStatus(record, "alive");
    return record;
  }

  /** Forgets who left longest ago, or else failed longest ago; false if all are here. */
  #makeRoom(now: Instant): boolean {
    const [oldest] = this.#left.size > 0 ? this.#left.values() : this.#failed.values();
    if (oldest === undefined) return false;
    this.#reap(now, oldest);
    return true;
  }

  #leave(now: Instant, record: MembershipRecord): void {
    this.#setStatus(record, "left");
    this.#host.counters.leaves += 1;
    this.#log(`EventMemberLeave: ${describe(record.member)}`);
    this.#host.emit(now, "member-leave", record.member);
  }

  /** A failed member turns out to have left, or an operator says so. */
  #declareLeft(now: Instant, record: MembershipRecord): void {
    this.#setStatus(record, "left");
    this.#host.counters.leaves += 1;
    this.#log(`EventMemberLeave (forced): ${describe(record.member)}`);
    this.#host.emit(now, "member-leave", record.member);
  }

  /**
   * Forgets a member on request: one that is gone at once, one that is still here when its leave has
   * had time to get around. Serf stands still for that long and then forgets it even if it turned
   * out to be alive; here a member that has denied its leave by then stays.
   */
  #prune(now: Instant, record: MembershipRecord): void {
    if (record.member.name === this.#self || record.pruning) return;
    if (record.member.status !== "leaving") {
      this.#forcedReap(now, record);
      return;
    }
    const { broadcastTimeout, leavePropagateDelay } = this.#times;
    record.pruning = true;
    this.#host.timers.at(now + broadcastTimeout + leavePropagateDelay, (then) => {
      record.pruning = false;
      if (this.#records.get(record.member.name) !== record) return;
      const { status } = record.member;
      if (status === "leaving" || status === "left") this.#forcedReap(then, record);
    });
  }

  #forcedReap(now: Instant, record: MembershipRecord): void {
    this.#log(`EventMemberReap (forced): ${describe(record.member)}`);
    this.#forget(now, record);
  }

  #reap(now: Instant, record: MembershipRecord): void {
    this.#log(`EventMemberReap: ${record.member.name}`);
    this.#forget(now, record);
  }

  #forget(now: Instant, record: MembershipRecord): void {
    const { name } = record.member;
    this.#records.delete(name);
    this.#failed.delete(name);
    this.#left.delete(name);
    this.#leaving.delete(name);
    this.#host.counters.reaps += 1;
    this.#host.emit(now, "member-reap", record.member);
  }

  #setStatus(record: MembershipRecord, status: MemberStatus): void {
    const { name } = record.member;
    record.member = { ...record.member, status };
    if (status === "failed") this.#failed.set(name, record);
    else this.#failed.delete(name);
    if (status === "left") this.#left.set(name, record);
    else this.#left.delete(name);
    if (status === "leaving") this.#leaving.set(name, record);
    else this.#leaving.delete(name);
  }

  /** The record of a known member to write to. */
  #own(name: string): MembershipRecord | undefined {
    const known = this.#records.get(name);
    return known && this.#copied(known);
  }

  #copied(known: MembershipRecord): MembershipRecord {
    const { name } = known.member;
    const own = this.#records.own(name);
    if (own !== undefined) return own;
    const record = { ...known };
    this.#records.set(name, record);
    return record;
  }

  #log(line: string): void {
    this.#host.log.info({}, line);
  }
}
