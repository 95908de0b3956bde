import type { LamportTime } from "../wire/serf-messages.js";
import type { LamportClock } from "./lamport.js";

/** Everything of one Lamport time, by what tells one thing from the other. */
export interface Slot<T> {
  readonly ltime: LamportTime;
  readonly entries: ReadonlyMap<string, T>;
}

/**
 * What became of an entry. Only `new` ones are delivered and spread; `ignored` is before the time
 * from which we listen, `full` means that there is no room even without older times.
 */
export type Novelty = "new" | "duplicate" | "old" | "ignored" | "full";

interface WeighedSlot<T> extends Slot<T> {
  readonly entries: Map<string, T>;
  weight: number;
}

/**
 * What was said at the latest Lamport times, so that each thing is taken once (protocol.md section
 * 5.8): a ring with one slot for every time modulo its length.
 *
 * Serf bounds the slots but not what is in them. Here all entries together have a bound as well: when
 * it is reached the oldest times are forgotten, and from then on they count as too old.
 */
export class RecentTimes<T> {
  readonly #clock: LamportClock;
  /** Made with the first entry: thousands of simulated members never have one. */
  #slots: (WeighedSlot<T> | undefined)[] = [];
  readonly #length: number;
  readonly #capacity: number;
  /** The sum over all slots; at most {@link #capacity}. */
  #weight = 0;
  #ignoredBefore: LamportTime = 0;
  #forgottenBefore: LamportTime = 0;

  /** `clock` is the one that the times are of; `capacity` bounds the weights of all entries. */
  constructor(clock: LamportClock, length: number, capacity: number) {
    this.#clock = clock;
    this.#length = length;
    this.#capacity = capacity;
  }

  /** The sum of the weights of all entries. */
  get weight(): number {
    return this.#weight;
  }

  /** The latest `count` times, as a ring of that length; a push/pull shows it to others. */
  latest(count: number): (Slot<T> | undefined)[] {
    const ring = new Array<Slot<T> | undefined>(count).fill(undefined);
    const { time } = this.#clock;
    for (let ltime = Math.max(0, time - count); ltime < time; ltime += 1) {
      const slot = this.#slots[ltime % this.#length];
      if (slot?.ltime === ltime) ring[ltime % count] = slot;
    }
    return ring;
  }

  /** What was said before `ltime` does not concern us. */
  ignoreBefore(ltime: LamportTime): void {
    this.#ignoredBefore = Math.max(this.#ignoredBefore, ltime);
  }

  /** Takes in what was said at `ltime`, which the clock has witnessed already. */
  add(ltime: LamportTime, identity: string, weight: number, entry: T): Novelty {
    if (ltime < this.#ignoredBefore) return "ignored";
    if (this.#isOld(ltime)) return "old";
    const present = this.#slots[ltime % this.#length];
    if (present?.ltime === ltime && present.entries.has(identity)) return "duplicate";
    if (present !== undefined && present.ltime > ltime) return "old";
    if (present !== undefined && present.ltime < ltime) this.#drop(present);
    if (!this.#makeRoom(ltime, weight)) return "full";
    const slot = this.#slotFor(ltime);
    slot.entries.set(identity, entry);
    slot.weight += weight;
    this.#weight += weight;
    return "new";
  }

  #isOld(ltime: LamportTime): boolean {
    const oldest = this.#clock.time - this.#length;
    return ltime < this.#forgottenBefore || (oldest > 0 && ltime < oldest);
  }

  /** Forgets times before `ltime`, oldest first, until `weight` fits; false if it never does. */
  #makeRoom(ltime: LamportTime, weight: number): boolean {
    while (this.#weight + weight > this.#capacity) {
      const oldest = this.#oldest();
      if (oldest === undefined || oldest.ltime >= ltime) return false;
      this.#drop(oldest);
      this.#forgottenBefore = oldest.ltime + 1;
    }
    return true;
  }

  #oldest(): WeighedSlot<T> | undefined {
    let oldest: WeighedSlot<T> | undefined;
    for (const slot of this.#slots) {
      if (slot !== undefined && (oldest === undefined || slot.ltime < oldest.ltime)) oldest = slot;
    }
    return oldest;
  }

  #drop(slot: WeighedSlot<T>): void {
    this.#slots[slot.ltime % this.#length] = undefined;
    this.#weight -= slot.weight;
  }

  #slotFor(ltime: LamportTime): WeighedSlot<T> {
    const index = ltime % this.#length;
    const present = this.#slots[index];
    if (present !== undefined) return present;
    const slot = { ltime, entries: new Map<string, T>(), weight: 0 };
    if (this.#slots.length === 0) this.#slots = this.#emptyRing();
    this.#slots[index] = slot;
    return slot;
  }

  #emptyRing(): (WeighedSlot<T> | undefined)[] {
    return new Array<WeighedSlot<T> | undefined>(this.#length).fill(undefined);
  }
}
