import { Overlay } from "../base/overlay.js";
import { intBelow, type Random } from "../base/random.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { Alive, RemoteState } from "../wire/swim-messages.js";
import { isGone, type SwimMember } from "./member.js";
import { ArrayRing, type Ring, RosterRing } from "./ring.js";
import type { Roster } from "./roster.js";
import { RosterStates } from "./roster-states.js";
import type { Suspicion } from "./suspicion.js";

/** How long a member that is gone stays in the table; a cluster's restarts take less. */
const graceTimesRemembered = 10;

/** A member as the table holds it. Only {@link Claims} writes to it, and to what {@link Members.own} gives. */
export interface MemberRecord extends Mutable<SwimMember> {
  /** Present if and only if the state is suspect. */
  suspicion: Suspicion | undefined;
  /** What we believed last of what it claims; most claims that come are this very one once more. */
  believed?: Alive | undefined;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/**
 * All members that we know of, the local one included, in the order in which they are probed.
 *
 * The order is random and drawn anew with every round, so that each member is probed once a round and
 * nobody can tell when (SWIM section 4.3). It is drawn one by one, as the round goes on (Fisher and
 * Yates): so a new member, wherever it is put, comes at a random time of what is left of the round, and
 * one of a {@link Roster} needs no place of its own before its turn.
 */
export class Members {
  /** As many as `capacity` allows; names are kept until they are purged. */
  readonly #records: Overlay<MemberRecord>;
  readonly #ring: Ring;
  /** What can be said of a roster at once. */
  readonly states: RosterStates | undefined;
  /** PMin, PMax, PCur, DMin, DMax, DCur of all members that there ever were; undefined if they differ. */
  #commonVersions: Bytes | undefined;
  #versionsDiffer = false;
  /** Who is before it was probed in this round. */
  #cursor = 0;
  #here: number;
  readonly #random: Random;
  readonly #capacity: number;

  /** With a `roster` its members are known from the beginning. */
  constructor(random: Random, capacity: number, roster?: Roster) {
    this.#random = random;
    this.#capacity = capacity;
    this.#records = new Overlay(roster?.byName);
    this.#ring = roster === undefined ? new ArrayRing() : new RosterRing(roster, this.#records);
    this.states = roster && new RosterStates(roster, this.#records);
    this.#here = this.#ring.length;
    this.#commonVersions = roster?.records[0]?.versions;
  }

  /** Whatever their state. */
  get known(): number {
    return this.#ring.length;
  }

  /** Alive or suspect, the local member included. */
  get here(): number {
    return this.#here;
  }

  get full(): boolean {
    return this.#ring.length >= this.#capacity;
  }

  get commonVersions(): Bytes | undefined {
    return this.#versionsDiffer ? undefined : this.#commonVersions;
  }

  /** To be read only: others may share it. It may be another object once it has changed. */
  get(name: string): Readonly<MemberRecord> | undefined {
    return this.#records.get(name);
  }

  /** The record of a known member to write to; from then on it stays the same. */
  own(known: Readonly<MemberRecord>): MemberRecord {
    const { name } = known;
    const own = this.#records.own(name);
    if (own !== undefined) return own;
    const record = { ...known };
    this.#records.set(name, record);
    return record;
  }

  all(): Iterable<Readonly<MemberRecord>> {
    return this.#records.values();
  }

  /** A member that is not known. */
  add(record: MemberRecord): void {
    this.#records.set(record.name, record);
    this.#ring.push(record);
    this.#noteVersions(record.versions);
    if (!isGone(record)) this.#here += 1;
  }

  setVersions(record: MemberRecord, versions: Bytes): void {
    record.versions = versions;
    this.#noteVersions(versions);
  }

  /** Also stamps the change, if it is one. */
  setState(record: MemberRecord, state: RemoteState, now: Instant): void {
    if (record.state === state) return;
    if (!isGone(record)) this.#here -= 1;
    record.state = state;
    record.changedAt = now;
    if (!isGone(record)) this.#here += 1;
  }

  /**
   * The member whose turn it is; undefined if there is nobody to probe. Each round begins with
   * forgetting those that have been gone for longer than {@link graceTimesRemembered} times `graceTime`.
   *
   * memberlist 0.2.2 forgets the dead after the grace time and keeps those that left for ever: names
   * of short-lived members pile up, and with them the size of the group that timeouts and copies grow
   * with. Newer ones forget both; then a member that comes back through somebody who has forgotten it
   * is not told that others still hold it for gone, and those ignore its first incarnation. Here
   * nobody ignores it after the grace time ({@link judgeAlive}), and all tell it for much longer.
   */
  nextToProbe(
    now: Instant,
    local: SwimMember,
    graceTime: Millis,
  ): Readonly<MemberRecord> | undefined {
    const ring = this.#ring;
    for (let looked = 0; looked < ring.length; looked += 1) {
      if (this.#cursor >= ring.length) this.#beginRound(now, local, graceTime);
      const left = ring.length - this.#cursor;
      ring.swap(this.#cursor, this.#cursor + intBelow(this.#random, left));
      const member = ring.at(this.#cursor);
      this.#cursor += 1;
      if (member !== local && !isGone(member)) return member;
    }
    return undefined;
  }

  /**
   * Up to `count` different members that `accept` allows, all combinations equally likely.
   *
   * As exhaustive as the newest memberlist is in small groups; older ones may miss some, which costs
   * them the copies of a broadcast. Nothing is copied: a draw looks at as many members as it needs.
   */
  pick(
    count: number,
    accept: (member: Readonly<MemberRecord>) => boolean,
  ): Readonly<MemberRecord>[] {
    const picked: Readonly<MemberRecord>[] = [];
    /** A shuffle of the ring that only notes what it has moved. */
    const moved = new Map<number, number>();
    for (let left = this.#ring.length; left > 0 && picked.length < count; left -= 1) {
      const draw = intBelow(this.#random, left);
      const member = this.#ring.at(moved.get(draw) ?? draw);
      moved.set(draw, moved.get(left - 1) ?? left - 1);
      if (accept(member)) picked.push(member);
    }
    return picked;
  }

  /** Equal ones are kept once ({@link Claims}). */
  #noteVersions(versions: Bytes): void {
    this.#commonVersions ??= versions;
    if (versions !== this.#commonVersions) this.#versionsDiffer = true;
  }

  #beginRound(now: Instant, local: SwimMember, graceTime: Millis): void {
    this.#cursor = 0;
    const rememberedTime = graceTimesRemembered * graceTime;
    const isKept = (member: MemberRecord): boolean =>
      member === local || !isGone(member) || now - member.changedAt <= rememberedTime;
    if (this.#here < this.known) {
      const gone = [...this.#records.values()].filter((member) => !isKept(member));
      for (const { name } of gone) this.#records.delete(name);
    }
    this.#ring.retain(isKept);
  }
}
