import { type Address, formatAddress } from "../base/address.js";
import { type Instant, minutes } from "../base/units.js";
import type { SwimMember } from "./member.js";

/** A claim comes again with every packet that carries it: each pair is news once in so long. */
const quietPeriod = minutes(1);

/** Pairs that are news in one {@link quietPeriod}; a forger could name a new address with every packet. */
const maxPairs = 256;

/** Which conflicts, two addresses that claim one name, are worth telling of. */
export class Conflicts {
  /** When each pair was news last, oldest first; at most {@link maxPairs}. */
  readonly #told = new Map<string, Instant>();

  /** True if nothing was told of this pair lately; it counts as told then. */
  isNews(now: Instant, existing: SwimMember, claimed: Address): boolean {
    for (const [pair, since] of this.#told) {
      if (now - since < quietPeriod) break;
      this.#told.delete(pair);
    }
    const pair = `${formatAddress(existing.address)} ${formatAddress(claimed)} ${existing.name}`;
    if (this.#told.has(pair) || this.#told.size >= maxPairs) return false;
    this.#told.set(pair, now);
    return true;
  }
}
