import { type Address, formatAddress, sameAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import { intBelow, type Random, shuffle } from "../base/random.js";
import type { Timers } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import type { JoinTarget } from "../swim/join.js";
import type { SerfConfig } from "./config.js";
import type { Membership } from "./membership.js";

/** What {@link Rejoin} works with. */
export interface RejoinParts {
  readonly config: SerfConfig;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly membership: Membership;
  /** False from the moment on at which we leave. */
  staying(): boolean;
  /** Exchanges all with a member, without announcing that we join. */
  contact(now: Instant, target: JoinTarget, done: (now: Instant, answered: boolean) => void): void;
}

/**
 * Finds the members again that a snapshot tells of: at start they are tried in random order until one
 * answers (protocol.md section 5.15).
 *
 * Serf tries each once. Here, as long as we are alone, they are tried again after each reconnect
 * interval; and those that never came are tried for as long as failed members are, as rarely, for
 * they may be the other half of a group that was cut while we were down.
 */
export class Rejoin {
  readonly #parts: RejoinParts;
  readonly #targets: readonly JoinTarget[];
  #startedAt: Instant = 0;
  #isFirst = true;

  constructor(parts: RejoinParts) {
    this.#parts = parts;
    const { advertise, name: self, snapshot } = parts.config;
    const known = snapshot?.alive ?? new Map<string, Address>();
    // Under another name we may have been here as well: reaching ourselves is no success.
    this.#targets = Array.from(known, ([name, address]) => ({ name, address })).filter(
      ({ name, address }) => name !== self && !sameAddress(address, advertise),
    );
  }

  start(now: Instant): void {
    if (this.#targets.length === 0) return;
    this.#startedAt = now;
    this.#tryAll(now);
  }

  #tryAll(now: Instant): void {
    const order = [...this.#targets];
    shuffle(this.#parts.random, order);
    this.#tryNext(now, order);
  }

  /** One after the other, until one answers or we are not alone any more. */
  #tryNext(now: Instant, order: JoinTarget[]): void {
    const { log, membership } = this.#parts;
    const target = membership.hasOthersAlive() ? undefined : order.pop();
    if (target === undefined) {
      if (this.#isFirst && !membership.hasOthersAlive()) {
        log.warn({}, "Failed to re-join any previously known node");
      }
      this.#lookAgain(now);
      return;
    }
    this.#contact(now, target, (then, answered) => {
      if (answered) this.#lookAgain(then);
      else this.#tryNext(then, order);
    });
  }

  #lookAgain(now: Instant): void {
    const { config, membership, staying, timers } = this.#parts;
    this.#isFirst = false;
    timers.at(now + config.reconnectInterval, (then) => {
      if (!staying()) return;
      if (!membership.hasOthersAlive()) this.#tryAll(then);
      else this.#tryMissing(then);
    });
  }

  /** So often that all members together try each missing one about once an interval. */
  #tryMissing(now: Instant): void {
    const { config, membership, random } = this.#parts;
    const late = now - this.#startedAt > config.reconnectTimeout;
    const missing = late ? [] : this.#targets.filter(({ name }) => !membership.get(name));
    const here = membership.size - membership.failed.size - membership.left.size;
    const target = missing[intBelow(random, Math.max(1, missing.length))];
    if (target === undefined || random.next() > missing.length / Math.max(1, here)) {
      this.#lookAgain(now);
      return;
    }
    this.#contact(now, target, (then) => this.#lookAgain(then));
  }

  #contact(
    now: Instant,
    target: JoinTarget,
    done: (now: Instant, answered: boolean) => void,
  ): void {
    const { contact, log, staying } = this.#parts;
    if (!staying()) return;
    const where = `${target.name}: ${formatAddress(target.address)}`;
    const level = this.#isFirst ? "info" : "debug";
    log[level]({}, `Attempting re-join to previously known node: ${where}`);
    contact(now, target, (then, answered) => {
      if (answered) log.info({}, `Re-joined to previously known node: ${where}`);
      done(then, answered);
    });
  }
}
