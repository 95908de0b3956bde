import type { Overlay } from "../base/overlay.js";
import type { MemberRecord } from "./members.js";
import type { Roster } from "./roster.js";

/** Members at places from 0 on, which can be changed in pairs. */
export interface Ring {
  readonly length: number;
  at(place: number): MemberRecord;
  swap(one: number, other: number): void;
  /** Puts a member at the end. */
  push(record: MemberRecord): void;
  /** Drops those that `keep` does not want; the order of the others may change. */
  retain(keep: (record: MemberRecord) => boolean): void;
}

/** All members in an array. */
export class ArrayRing implements Ring {
  #records: MemberRecord[] = [];

  get length(): number {
    return this.#records.length;
  }

  get records(): readonly MemberRecord[] {
    return this.#records;
  }

  at(place: number): MemberRecord {
    return this.#records[place] as MemberRecord;
  }

  swap(one: number, other: number): void {
    const held = this.at(one);
    this.#records[one] = this.at(other);
    this.#records[other] = held;
  }

  push(record: MemberRecord): void {
    this.#records.push(record);
  }

  retain(keep: (record: MemberRecord) => boolean): void {
    this.#records = this.#records.filter(keep);
  }
}

/** A roster in its order, as far as nothing was moved: memory goes by what was. */
export class RosterRing implements Ring {
  length: number;
  readonly #roster: Roster;
  /** What we hold ourselves stands for what the roster has of the same name. */
  readonly #records: Overlay<MemberRecord>;
  /** Who is at which place, where that is not as in the roster; emptied with every round. */
  readonly #moved = new Map<number, MemberRecord>();

  constructor(roster: Roster, records: Overlay<MemberRecord>) {
    this.#roster = roster;
    this.#records = records;
    this.length = roster.records.length;
  }

  at(place: number): MemberRecord {
    const record = this.#seated(place);
    return this.#records.own(record.name) ?? record;
  }

  swap(one: number, other: number): void {
    const held = this.#seated(one);
    this.#moved.set(one, this.#seated(other));
    this.#moved.set(other, held);
  }

  push(record: MemberRecord): void {
    this.#moved.set(this.length, record);
    this.length += 1;
  }

  /** Begins anew with the roster's order, less those that were ever dropped. */
  retain(keep: (record: MemberRecord) => boolean): void {
    const gone: number[] = [];
    const added: MemberRecord[] = [];
    for (const { name } of this.#roster.records) {
      const record = this.#records.get(name);
      if (record === undefined || !keep(record)) gone.push(this.#roster.placeOf(name) ?? 0);
    }
    for (let place = 0; place < this.length; place += 1) {
      const record = this.at(place);
      if (this.#roster.placeOf(record.name) === undefined && keep(record)) added.push(record);
    }
    this.#moved.clear();
    this.length = this.#roster.records.length;
    // From the end on, so that who takes a place that became free is not gone as well.
    for (const place of gone.reverse()) this.#remove(place);
    for (const record of added) this.push(record);
  }

  #remove(place: number): void {
    const last = this.length - 1;
    if (place !== last) this.#moved.set(place, this.#seated(last));
    this.#moved.delete(last);
    this.length = last;
  }

  #seated(place: number): MemberRecord {
    return this.#moved.get(place) ?? (this.#roster.records[place] as MemberRecord);
  }
}
