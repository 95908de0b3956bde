import type { Address } from "../base/address.js";
import type { Instant } from "../base/units.js";
import { Roster } from "../swim/roster.js";
import { EncodedList } from "../wire/encoded-list.js";
import { encodeStatusLtime, type LamportTime } from "../wire/serf-messages.js";
import type { SerfConfig } from "./config.js";
import type { Told } from "./member-coalescer.js";
import { type MembershipRecord, memberOf } from "./membership-record.js";
import { versionsOf } from "./protocol-versions.js";
import { encodeOwnTags } from "./tags.js";

/**
 * Members that know each other from the beginning, as after joins of long ago: what their tables share
 * as long as they believe it ({@link Roster}). Only simulations have one.
 */
export class GroupRoster {
  readonly swim: Roster;
  readonly membership: ReadonlyMap<string, MembershipRecord>;
  /** Who said last when that it joins, as a push/pull has it. */
  readonly ltimes: EncodedList;
  /** What users were told of each member. */
  readonly told: ReadonlyMap<string, Told>;
  /** Later than all joins. */
  readonly time: LamportTime;

  /** All are configured alike, and have been there since `since`. */
  constructor(
    members: readonly { readonly name: string; readonly address: Address }[],
    config: Pick<SerfConfig, "tags" | "delegateVersion">,
    since: Instant,
  ) {
    const common = {
      meta: encodeOwnTags(config.tags, config.delegateVersion),
      versions: versionsOf(config.delegateVersion),
      incarnation: 1,
      changedAt: since,
    };
    this.swim = new Roster(members.map(({ name, address }) => ({ name, address, ...common })));
    const membership = new Map<string, MembershipRecord>();
    const told = new Map<string, Told>();
    for (const [place, record] of this.swim.records.entries()) {
      const member = memberOf(record, "alive");
      const left = { goneAt: undefined, rumour: undefined, pruning: false };
      membership.set(record.name, Object.freeze({ member, statusLtime: place + 1, ...left }));
      told.set(record.name, { presence: "here", member });
    }
    this.membership = membership;
    this.ltimes = new EncodedList(
      Array.from(membership, ([name, { statusLtime }]) => encodeStatusLtime(name, statusLtime)),
    );
    this.told = told;
    this.time = members.length + 1;
  }
}
