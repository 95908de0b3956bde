import { type Address, formatAddress } from "../base/address.js";
import { type Instant, minutes, seconds } from "../base/units.js";
import type { Rival } from "../swim/rival.js";

/** Addresses that our name was heard at; beyond, the one that was met first is forgotten. */
const maxRivals = 16;

/** Who has met other members for less than this may have met a rival by joining. */
const newcomerTime = seconds(10);

/** How long an address that was silent is not asked again for gossip that we have overridden. */
const staleTime = minutes(1);

/** Another address that our name was heard at. */
export interface KnownRival {
  /** As it was heard of last. */
  latest: Rival;
  /** True if we met it by joining the group that it is in. */
  younger: boolean;
  /** Until then it is not asked for again. */
  quietUntil: Instant;
  /** When nobody answered there last. */
  silentAt: Instant | undefined;
}

/** Where else we were said to be. */
export class Rivals {
  /** Oldest first; at most {@link maxRivals}. */
  readonly #known = new Map<string, KnownRival>();
  #metOthersAt: Instant | undefined;
  /** The highest incarnation that was claimed for us elsewhere, and not by us. */
  #held = 0;

  get held(): number {
    return this.#held;
  }

  /** Another member was met. */
  meetOther(now: Instant): void {
    this.#metOthersAt ??= now;
  }

  /** `released` is the incarnation that we gave away ourselves. */
  note(now: Instant, rival: Rival, released: number | undefined): KnownRival {
    const place = formatAddress(rival.address);
    if (rival.incarnation !== released) this.#held = Math.max(this.#held, rival.incarnation);
    const isNew = now - (this.#metOthersAt ?? now) < newcomerTime;
    const younger = rival.source === "join" && isNew;
    const known = this.#known.get(place);
    if (known !== undefined) {
      known.latest = rival;
      known.younger ||= younger;
      return known;
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < maxRivals) break;
      this.#known.delete(oldest);
    }
    const added = { latest: rival, younger, quietUntil: now, silentAt: undefined };
    this.#known.set(place, added);
    return added;
  }

  at(address: Address): KnownRival | undefined {
    return this.#known.get(formatAddress(address));
  }
}

/** True if `rival` is to be asked for now; `own` is our incarnation. */
export function isWorthAsking(now: Instant, rival: KnownRival, own: number): boolean {
  const { latest, quietUntil, silentAt } = rival;
  if (now < quietUntil) return false;
  if (latest.source !== "gossip" || latest.incarnation >= own) return true;
  return silentAt === undefined || now - silentAt >= staleTime;
}
