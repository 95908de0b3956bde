import type { Instant } from "../base/units.js";
import type { SwimMember } from "./member.js";
import type { Parts } from "./parts.js";
import type { Sender } from "./sender.js";
import { startTicker } from "./ticker.js";

/** Sends what is new to a few members at a time, whoever they are (SWIM section 4.1). */
export class Gossiper {
  readonly #parts: Parts;
  readonly #sender: Sender;

  constructor(parts: Parts, sender: Sender) {
    this.#parts = parts;
    this.#sender = sender;
  }

  start(now: Instant): void {
    const { config, host } = this.#parts;
    const { random, sendTimers: timers } = host;
    startTicker({ random, timers }, now, config.timing.gossipInterval, (then) =>
      this.#gossip(then),
    );
  }

  #gossip(now: Instant): void {
    const { config, delegate, local, members, queue } = this.#parts;
    // Nearly always: a group at rest.
    if (queue.length === 0 && !delegate.hasBroadcasts()) return;
    const { gossipNodes, gossipToTheDeadTime } = config.timing;
    const targets = members.pick(gossipNodes, (member) => {
      return member !== local && hears(member, now, gossipToTheDeadTime);
    });
    for (const target of targets) if (!this.#sender.gossip(now, target)) return;
  }
}

/**
 * A member that failed may hear that it is held for dead and refute, if it is told for a while; one
 * that left does not care.
 */
function hears(member: SwimMember, now: Instant, graceTime: number): boolean {
  switch (member.state) {
    case "alive":
    case "suspect":
      return true;
    case "dead":
      return now - member.changedAt <= graceTime;
    case "left":
      return false;
  }
}
