import type { RpcMember } from "../rpc/api.js";
import type { Member } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";

/**
 * All members as the RPC describes them, sorted by name.
 *
 * Scripts ask for them again and again, and seldom has anything changed: a member is described once,
 * for as long as it stays as it is, and the names are sorted once. A description that is the same
 * object is also packed only once by the RPC.
 */
export class MemberList {
  readonly #serf: Pick<Serf, "member" | "memberCount" | "members">;
  /** Of the members when they were asked for last, sorted. */
  #names: readonly string[] = [];
  readonly #described = new WeakMap<Member, RpcMember>();

  constructor(serf: Pick<Serf, "member" | "memberCount" | "members">) {
    this.#serf = serf;
  }

  all(): readonly RpcMember[] {
    return this.#sorted().map((member) => this.#describe(member));
  }

  matching(isWanted: (member: Member) => boolean): readonly RpcMember[] {
    return this.#sorted()
      .filter(isWanted)
      .map((member) => this.#describe(member));
  }

  #sorted(): readonly Member[] {
    const known: Member[] = [];
    for (const name of this.#names) {
      const member = this.#serf.member(name);
      if (member !== undefined) known.push(member);
    }
    // As many as there are, and none of these missing: they are all, in order.
    if (known.length === this.#names.length && known.length === this.#serf.memberCount)
      return known;
    const members = this.#serf.members();
    this.#names = members.map(({ name }) => name);
    return members;
  }

  #describe(member: Member): RpcMember {
    const known = this.#described.get(member);
    if (known !== undefined) return known;
    const described = rpcMember(member);
    this.#described.set(member, described);
    return described;
  }
}

/** A member as the RPC describes it. */
export function rpcMember(member: Member): RpcMember {
  const { name, address, tags, status, protocol, delegate } = member;
  return {
    name,
    addr: address.ip,
    port: address.port,
    tags,
    status,
    protocolMin: protocol.min,
    protocolMax: protocol.max,
    protocolCur: protocol.current,
    delegateMin: delegate.min,
    delegateMax: delegate.max,
    delegateCur: delegate.current,
  };
}
