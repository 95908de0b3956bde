import type { Address } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";
import type { MemberState, RemoteState } from "../wire/swim-messages.js";

/**
 * What SWIM holds to be true of one member. The layer above reads it and never changes it.
 *
 * It stays the same object while the member is known, and its fields change with what is learned;
 * `address`, `meta` and `versions` are replaced, never written into.
 */
export interface SwimMember {
  readonly name: string;
  readonly address: Address;
  /** The encoded tags; at most 512 bytes of our own, whatever a peer sent of others. */
  readonly meta: Bytes;
  /** PMin, PMax, PCur, DMin, DMax, DCur. */
  readonly versions: Bytes;
  readonly incarnation: number;
  readonly state: RemoteState;
  /** When {@link state} last changed. */
  readonly changedAt: Instant;
}

/** True for a member that is not in the group any more, whether it failed or left. */
export function isGone(member: Pick<SwimMember, "state">): boolean {
  return member.state === "dead" || member.state === "left";
}

/** As a push/pull describes it. */
export function stateOf(member: SwimMember): MemberState {
  const { address, incarnation, meta, name, state, versions } = member;
  return { node: name, incarnation, ip: address.ip, port: address.port, meta, state, versions };
}
