import { EncodedList } from "../wire/encoded-list.js";
import { encodeMemberState } from "../wire/stream.js";
import { type SwimMember, stateOf } from "./member.js";
import type { MemberRecord } from "./members.js";

/**
 * Members that know each other from the beginning, all of them alive: one list for the tables of all of
 * them, which hold only what they believe differently. Without it, the views of 10,000 members would be
 * 100 million records. Only simulations have one.
 */
export class Roster {
  /** Nobody writes to them: who would gets a copy. */
  readonly records: readonly Readonly<MemberRecord>[];
  readonly byName: ReadonlyMap<string, MemberRecord>;
  /** As a push/pull describes them. */
  readonly encoded: EncodedList;
  readonly #places: ReadonlyMap<string, number>;

  constructor(members: readonly Omit<SwimMember, "state">[]) {
    this.records = members.map((member) =>
      Object.freeze({ ...member, state: "alive", suspicion: undefined } as const),
    );
    this.byName = new Map(this.records.map((record) => [record.name, record]));
    this.encoded = new EncodedList(
      this.records.map((record) => encodeMemberState(stateOf(record))),
    );
    this.#places = new Map(this.records.map((record, place) => [record.name, place]));
  }

  /** Where `name` is in {@link records}; undefined if it is not. */
  placeOf(name: string): number | undefined {
    return this.#places.get(name);
  }
}
