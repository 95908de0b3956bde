import { type Address, formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { SwimMember } from "../swim/member.js";

/** Reports that two addresses claim one name. */
export class NameConflicts {
  readonly #self: string;
  readonly #log: Log;

  constructor(self: string, log: Log) {
    this.#self = self;
    this.#log = log;
  }

  /** `claimed` was not believed: `existing` stays where it is. */
  handle(existing: SwimMember, claimed: Address): void {
    const held = formatAddress(existing.address);
    const other = formatAddress(claimed);
    const level = existing.name === this.#self ? "error" : "warn";
    this.#log[level](
      {},
      `Name conflict for '${existing.name}' both ${held} and ${other} are claiming`,
    );
  }
}
