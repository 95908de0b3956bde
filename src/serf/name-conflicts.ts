import { type Address, formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import { type Instant, minutes } from "../base/units.js";
import type { SwimMember } from "../swim/member.js";

/** A claim comes again with every packet that carries it: each pair is reported once in so long. */
const quietPeriod = minutes(1);

/** Pairs that are remembered; beyond, the oldest is forgotten and may be reported again. */
const maxPairs = 256;

/** Reports that two addresses claim one name. */
export class NameConflicts {
  readonly #self: string;
  readonly #log: Log;
  /** When each pair was reported last, oldest first; at most {@link maxPairs}. */
  readonly #reported = new Map<string, Instant>();

  constructor(self: string, log: Log) {
    this.#self = self;
    this.#log = log;
  }

  /** `claimed` was not believed: `existing` stays where it is. */
  handle(now: Instant, existing: SwimMember, claimed: Address): void {
    const held = formatAddress(existing.address);
    const other = formatAddress(claimed);
    const line = `Name conflict for '${existing.name}' both ${held} and ${other} are claiming`;
    const last = this.#reported.get(line);
    if (last !== undefined && now - last < quietPeriod) return;
    this.#reported.delete(line);
    this.#reported.set(line, now);
    if (this.#reported.size > maxPairs) {
      const [oldest] = this.#reported.keys();
      if (oldest !== undefined) this.#reported.delete(oldest);
    }
    const level = existing.name === this.#self ? "error" : "warn";
    this.#log[level]({}, line);
  }
}
