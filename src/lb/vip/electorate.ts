import { type Instant, type Millis, seconds } from "../../base/units.js";
import type { LbMember, View } from "../model.js";

/** Members that are gone for so long are no loss any more: whoever they were, we did well without them. */
const memory: Millis = seconds(60);

/**
 * Whether this node is cut off, and should rather not have the address: of those members that it has seen
 * lately, it sees fewer than half. All members count, so that web servers are witnesses for balancers.
 *
 * Gossip gives no lease: the other side may be the smaller one and keep the address as well until it
 * notices. In a group of two nobody is cut off, since neither could ever take over from the other.
 */
export class Electorate {
  /** When each was last seen well; at most as many as there are members. */
  readonly #seen = new Map<string, Instant>();
  #isCutOff = false;

  /** Whether we are cut off now. */
  look(now: Instant, { self, members, health }: View): boolean {
    const known = new Set(members.map(({ name }) => name));
    for (const name of this.#seen.keys()) if (!known.has(name)) this.#seen.delete(name);
    let well = 0;
    for (const member of members) {
      if (isGone(member)) this.#seen.delete(member.name);
      else if (member.name === self || isWell(member)) {
        this.#seen.set(member.name, now);
        well += 1;
      } else this.#forget(now, member.name);
    }
    const { size } = this.#seen;
    this.#isCutOff = size > 2 && (health.isolated || well * 2 < size);
    return this.#isCutOff;
  }

  /** While we are cut off those who are missed stay missed, however long it takes. */
  #forget(now: Instant, name: string): void {
    const at = this.#seen.get(name);
    if (at !== undefined && !this.#isCutOff && now - at > memory) this.#seen.delete(name);
  }
}

function isGone({ status }: LbMember): boolean {
  return status === "left" || status === "leaving" || status === "none";
}

function isWell({ status, suspected }: LbMember): boolean {
  return status === "alive" && !suspected;
}
