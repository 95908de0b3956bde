import { type Address, formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { SwimMember } from "../swim/member.js";

/** Reports that two addresses claim the name of another member; of ours does {@link NameContest}. */
export class NameConflicts {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `claimed` was not believed: `existing` stays where it is. */
  handle(existing: SwimMember, claimed: Address): void {
    const held = formatAddress(existing.address);
    const other = formatAddress(claimed);
    this.#log.warn(
      {},
      `Name conflict for '${existing.name}' both ${held} and ${other} are claiming`,
    );
  }
}
