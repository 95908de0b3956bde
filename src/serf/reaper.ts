import { formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import { intBelow, type Random } from "../base/random.js";
import type { Timers } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import type { SerfConfig } from "./config.js";
import type { Member } from "./events.js";
import type { Membership } from "./membership.js";

/** What {@link Reaper} works with. */
export interface ReaperParts {
  readonly config: SerfConfig;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly membership: Membership;
  /** Exchanges all with a member that failed, should it be back. */
  reconnect(now: Instant, member: Member): void;
  /** Tells a member that we hold it for leaving. */
  remind(member: Member): void;
}

/** Forgets those that have been gone for too long, and tries to find the others again. */
export class Reaper {
  readonly #parts: ReaperParts;
  /** Those who were about to leave a reap interval ago, to which a leave does not come. */
  #leaving: ReadonlySet<string> = new Set();

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  start(now: Instant): void {
    this.#reapAt(now + this.#parts.config.reapInterval);
    this.#reconnectAt(now + this.#parts.config.reconnectInterval);
  }

  #reapAt(when: Instant): void {
    const { config, membership, timers } = this.#parts;
    timers.at(when, (now) => {
      membership.reap(now);
      this.#remindLeaving();
      this.#reapAt(now + config.reapInterval);
    });
  }

  /**
   * Who leaves has left before the next look, or is dead. But an operator may have said it of one that
   * stays, at the Lamport time of its own join: those who had heard of the join first took no notice,
   * and nobody told it.
   */
  #remindLeaving(): void {
    const { config, membership } = this.#parts;
    const before = this.#leaving;
    this.#leaving = new Set(membership.leaving.keys());
    for (const { member } of membership.leaving.values()) {
      if (member.name !== config.name && before.has(member.name)) this.#parts.remind(member);
    }
  }

  #reconnectAt(when: Instant): void {
    const { config, timers } = this.#parts;
    timers.at(when, (now) => {
      this.#reconnect(now);
      this.#reconnectAt(now + config.reconnectInterval);
    });
  }

  /** So often that all members together try each failed one about once an interval. */
  #reconnect(now: Instant): void {
    const { log, membership, random } = this.#parts;
    const failed = [...membership.failed.values()];
    if (failed.length === 0) return;
    const here = membership.size - failed.length - membership.left.size;
    if (random.next() > failed.length / Math.max(1, here)) {
      log.debug({ failed: failed.length }, "forgoing reconnect for random throttling");
      return;
    }
    const chosen = failed[intBelow(random, failed.length)];
    if (chosen === undefined) return;
    const { member } = chosen;
    log.info({}, `attempting reconnect to ${member.name} ${formatAddress(member.address)}`);
    this.#parts.reconnect(now, member);
  }
}
