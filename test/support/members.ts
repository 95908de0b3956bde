import type { Member, MemberStatus } from "../../src/serf/events.js";
import type { SwimMember } from "../../src/swim/member.js";
import { encodeTags } from "../../src/wire/serf-messages.js";
import { peerAddress, stockVersions } from "./lone-serf.js";

interface MemberLook {
  readonly host?: number;
  readonly port?: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly status?: MemberStatus;
}

/** A member as users see it. */
export function memberOf(name: string, look: MemberLook = {}): Member {
  const { host = 1, port = 7946, tags = {}, status = "alive" } = look;
  return {
    name,
    address: { ...peerAddress(host), port },
    tags: new Map(Object.entries(tags)),
    status,
    protocol: { min: 1, max: 5, current: 2 },
    delegate: { min: 2, max: 5, current: 5 },
  };
}

/** A member as SWIM tells of it. */
export function swimMember(name: string, look: MemberLook = {}): SwimMember {
  const { address, tags } = memberOf(name, look);
  return {
    name,
    address,
    meta: encodeTags(tags, 5),
    versions: stockVersions,
    incarnation: 1,
    state: "alive",
    changedAt: 0,
  };
}
