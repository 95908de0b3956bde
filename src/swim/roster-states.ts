import type { Overlay } from "../base/overlay.js";
import type { Bytes } from "../base/units.js";
import { type KnownValues, type ListChange, ListFinder } from "../wire/encoded-list.js";
import { encodeMemberState } from "../wire/stream.js";
import { stateOf } from "./member.js";
import type { MemberRecord } from "./members.js";
import type { Roster } from "./roster.js";

const nothing: Bytes = new Uint8Array();

/**
 * What a member of a roster says of all others in a push/pull, and what it need not read of what they
 * say: as long as nobody believes anything else, both are one piece of memory and one comparison.
 */
export class RosterStates {
  readonly #roster: Roster;
  readonly #records: Overlay<MemberRecord>;

  constructor(roster: Roster, records: Overlay<MemberRecord>) {
    this.#roster = roster;
    this.#records = records;
  }

  /** The states of all members, encoded, in pieces. */
  encoded(): Bytes[] {
    const pieces = this.#roster.encoded.withChanges(this.#changes());
    for (const [name, record] of this.#records.ownEntries()) {
      if (this.#roster.placeOf(name) === undefined) pieces.push(encodeMemberState(stateOf(record)));
    }
    return pieces;
  }

  /** Finds the states of those of whom we believe what the roster has. */
  known(): KnownValues {
    const places = this.#changes().map(({ place }) => place);
    return new ListFinder(this.#roster.encoded, (name) => this.#roster.placeOf(name), places);
  }

  #changes(): ListChange[] {
    const changes: ListChange[] = [];
    for (const [name, record] of this.#records.ownEntries()) {
      const place = this.#roster.placeOf(name);
      if (place === undefined || !differs(record, this.#roster.records[place])) continue;
      changes.push({ place, bytes: encodeMemberState(stateOf(record)) });
    }
    for (const name of this.#records.goneNames()) {
      changes.push({ place: this.#roster.placeOf(name) ?? 0, bytes: nothing });
    }
    return changes.sort((one, other) => one.place - other.place);
  }
}

/** Data are replaced and never written into. */
function differs(record: MemberRecord, shared: Readonly<MemberRecord> | undefined): boolean {
  return (
    record.state !== shared?.state ||
    record.incarnation !== shared.incarnation ||
    record.address !== shared.address ||
    record.meta !== shared.meta ||
    record.versions !== shared.versions
  );
}
