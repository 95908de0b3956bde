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
}

/** Forgets those that have been gone for too long, and tries to find the others again. */
export class Reaper {
  readonly #parts: ReaperParts;

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
      this.#reapAt(now + config.reapInterval);
    });
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
