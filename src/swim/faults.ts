import { type Address, formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import { DecodeError } from "../wire/errors.js";
import type { SwimCounters } from "./counters.js";

/** Counts and logs what peers send that is no message. */
export class Faults {
  readonly #counters: SwimCounters;
  readonly #log: Log;

  constructor(counters: SwimCounters, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  /** Takes what a `catch` caught while something from `peer` was handled; throws on what is not a peer's fault. */
  note(peer: Address, thrown: unknown): DecodeError {
    if (!(thrown instanceof DecodeError)) throw thrown;
    this.#counters.faults[thrown.reason] += 1;
    const fields = { from: formatAddress(peer), reason: thrown.reason, fault: thrown.message };
    this.#log.debug(fields, "not a message");
    return thrown;
  }
}
