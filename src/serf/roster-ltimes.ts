import type { Overlay } from "../base/overlay.js";
import type { Bytes } from "../base/units.js";
import { type KnownValues, type ListChange, ListFinder } from "../wire/encoded-list.js";
import { encodeStatusLtime } from "../wire/serf-messages.js";
import type { GroupRoster } from "./group-roster.js";
import type { MembershipRecord } from "./membership-record.js";

const nothing: Bytes = new Uint8Array();

/** As {@link RosterStates}, of the Lamport times that Serf's part of a push/pull has. */
export class RosterLtimes {
  readonly #roster: GroupRoster;
  readonly #records: Overlay<MembershipRecord>;

  constructor(roster: GroupRoster, records: Overlay<MembershipRecord>) {
    this.#roster = roster;
    this.#records = records;
  }

  /** The entries of all members, encoded, in pieces. */
  encoded(): Bytes[] {
    const pieces = this.#roster.ltimes.withChanges(this.#changes());
    for (const [name, { statusLtime }] of this.#records.ownEntries()) {
      if (this.#placeOf(name) === undefined) pieces.push(encodeStatusLtime(name, statusLtime));
    }
    return pieces;
  }

  /** Finds those of members of whom we hold what the roster has. */
  known(): KnownValues {
    const places = this.#changes().map(({ place }) => place);
    return new ListFinder(this.#roster.ltimes, (name) => this.#placeOf(name), places);
  }

  #changes(): ListChange[] {
    const changes: ListChange[] = [];
    for (const [name, { statusLtime }] of this.#records.ownEntries()) {
      const place = this.#placeOf(name);
      if (place === undefined) continue;
      if (this.#roster.membership.get(name)?.statusLtime === statusLtime) continue;
      changes.push({ place, bytes: encodeStatusLtime(name, statusLtime) });
    }
    for (const name of this.#records.goneNames()) {
      changes.push({ place: this.#placeOf(name) ?? 0, bytes: nothing });
    }
    return changes.sort((one, other) => one.place - other.place);
  }

  #placeOf(name: string): number | undefined {
    return this.#roster.swim.placeOf(name);
  }
}
