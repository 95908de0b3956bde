import type { LamportTime } from "../wire/serf-messages.js";

/**
 * A Lamport clock of a cluster: one each for membership, user events and queries (protocol.md
 * section 5.4). What we say ourselves is given {@link time} and then witnessed like all else.
 *
 * It stops at 2^53 - 1 instead of wrapping around. Only a forged message can push it there; from
 * then on nothing we say is newer than what was said, but nothing breaks either.
 */
export class LamportClock {
  #time: LamportTime = 1;

  /** The time that the next thing said is given. */
  get time(): LamportTime {
    return this.#time;
  }

  /** Afterwards {@link time} is later than `seen`. */
  witness(seen: LamportTime): void {
    if (seen >= this.#time) this.#time = successor(seen);
  }
}

/** The Lamport time after `time`; the last one follows itself. */
export function successor(time: LamportTime): LamportTime {
  return Math.min(time + 1, Number.MAX_SAFE_INTEGER);
}
