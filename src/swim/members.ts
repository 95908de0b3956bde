import { intBelow, type Random, shuffle } from "../base/random.js";
import type { Instant, Millis } from "../base/units.js";
import type { RemoteState } from "../wire/swim-messages.js";
import { isGone, type SwimMember } from "./member.js";
import type { Suspicion } from "./suspicion.js";

/** How long a member that is gone stays in the table; a cluster's restarts take less. */
const graceTimesRemembered = 10;

/** A member as the table holds it. Only {@link Claims} writes to it. */
export interface MemberRecord extends Mutable<SwimMember> {
  /** Present if and only if the state is suspect. */
  suspicion: Suspicion | undefined;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/**
 * All members that we know of, the local one included, in the order in which they are probed.
 *
 * The order is random and drawn anew with every round, so that each member is probed once a round and
 * nobody can tell when (SWIM section 4.3).
 */
export class Members {
  /** As many as `capacity` allows; names are kept until they are purged. */
  readonly #byName = new Map<string, MemberRecord>();
  #ring: MemberRecord[] = [];
  #cursor = 0;
  #here = 0;
  readonly #random: Random;
  readonly #capacity: number;

  constructor(random: Random, capacity: number) {
    this.#random = random;
    this.#capacity = capacity;
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

  get(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  all(): readonly MemberRecord[] {
    return this.#ring;
  }

  /** At a random place: at the end of everybody's ring, new members would be probed by all at once. */
  add(record: MemberRecord): void {
    this.#byName.set(record.name, record);
    this.#ring.push(record);
    const place = intBelow(this.#random, this.#ring.length);
    this.#ring[this.#ring.length - 1] = this.#ring[place] as MemberRecord;
    this.#ring[place] = record;
    if (!isGone(record)) this.#here += 1;
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
  nextToProbe(now: Instant, local: SwimMember, graceTime: Millis): MemberRecord | undefined {
    for (let looked = 0; looked < this.#ring.length; looked += 1) {
      if (this.#cursor >= this.#ring.length) this.#beginRound(now, local, graceTime);
      const member = this.#ring[this.#cursor++];
      if (member !== undefined && member !== local && !isGone(member)) return member;
    }
    return undefined;
  }

  /**
   * Up to `count` different members that `accept` allows, all combinations equally likely.
   *
   * As exhaustive as the newest memberlist is in small groups; older ones may miss some, which costs
   * them the copies of a broadcast. Nothing is copied: a draw looks at as many members as it needs.
   */
  pick(count: number, accept: (member: MemberRecord) => boolean): MemberRecord[] {
    const picked: MemberRecord[] = [];
    /** A shuffle of the ring that only notes what it has moved (Fisher and Yates). */
    const moved = new Map<number, number>();
    for (let left = this.#ring.length; left > 0 && picked.length < count; left -= 1) {
      const draw = intBelow(this.#random, left);
      const member = this.#ring[moved.get(draw) ?? draw] as MemberRecord;
      moved.set(draw, moved.get(left - 1) ?? left - 1);
      if (accept(member)) picked.push(member);
    }
    return picked;
  }

  #beginRound(now: Instant, local: SwimMember, graceTime: Millis): void {
    this.#cursor = 0;
    const rememberedTime = graceTimesRemembered * graceTime;
    this.#ring = this.#ring.filter((member) => {
      const kept = member === local || !isGone(member) || now - member.changedAt <= rememberedTime;
      if (!kept) this.#byName.delete(member.name);
      return kept;
    });
    shuffle(this.#random, this.#ring);
  }
}
