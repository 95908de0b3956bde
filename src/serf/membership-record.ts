import { formatIp } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";
import type { SwimMember } from "../swim/member.js";
import type { LamportTime } from "../wire/serf-messages.js";
import type { Member, MemberStatus } from "./events.js";
import { decodeMemberTags } from "./tags.js";

/** A leave that is true of a member if it goes under this incarnation: a higher one denies it. */
export interface LeaveRumour {
  readonly ltime: LamportTime;
  readonly incarnation: number;
}

/** What Serf holds to be true of one member. Only the membership table writes to it. */
export interface MembershipRecord {
  /** Replaced as a whole at every change. */
  member: Member;
  /** When, in Lamport time, it last said that it joins or leaves; 0 if we have not heard it. */
  statusLtime: LamportTime;
  /** When it failed or left; undefined while it is here. */
  goneAt: Instant | undefined;
  /** That it left, as others say whom SWIM can only prove right or wrong; undefined if nobody does. */
  rumour: LeaveRumour | undefined;
  /** True while a timer waits to forget it. */
  pruning: boolean;
}

/** As the log lines name a member. */
export function describe(member: Member): string {
  return `${member.name} ${formatIp(member.address.ip)}`;
}

/** A member as users see it, of what SWIM knows. */
export function memberOf(peer: SwimMember, status: MemberStatus): Member {
  const { address, meta, name, versions } = peer;
  const { delegate, protocol } = rangesOf(versions);
  return { name, address, tags: decodeMemberTags(meta), status, protocol, delegate };
}

type Ranges = Pick<Member, "protocol" | "delegate">;

/** At most {@link maxRanges}: a group has few versions, and so all its members share a few objects. */
const knownRanges = new Map<string, Ranges>();
const maxRanges = 64;

function rangesOf(versions: Bytes): Ranges {
  const key = String.fromCharCode(...versions);
  const known = knownRanges.get(key);
  if (known !== undefined) return known;
  const version = (index: number): number => versions[index] ?? 0;
  const ranges: Ranges = {
    protocol: { min: version(0), max: version(1), current: version(2) },
    delegate: { min: version(3), max: version(4), current: version(5) },
  };
  if (knownRanges.size < maxRanges) knownRanges.set(key, ranges);
  return ranges;
}
