import type { Instant } from "../base/units.js";
import type { SwimMember } from "./member.js";
import { packetRoom } from "./packet-room.js";
import type { Parts } from "./parts.js";
import type { Sender } from "./sender.js";

/**
 * So many times as many members are told when more of the layer above waits than the usual ones have room
 * for. memberlist never tells more, so that beyond some hundred events a second messages wait until they
 * are too old to be taken.
 */
const haste = 4;

/**
 * Sends what is new to a few members at a time, whoever they are (SWIM section 4.1).
 *
 * Turns come at fixed times, the first after a random part of the interval, so that members that start
 * together do not act together. While nothing is new they are left out: a group at rest costs nothing.
 */
export class Gossiper {
  readonly #parts: Parts;
  readonly #sender: Sender;
  /** The next turn, or while we sleep the first that was left out; undefined before the start. */
  #due: Instant | undefined;
  #asleep = true;

  constructor(parts: Parts, sender: Sender) {
    this.#parts = parts;
    this.#sender = sender;
    parts.queue.onAdd = () => this.wake();
  }

  start(now: Instant): void {
    const { config, host } = this.#parts;
    this.#due = now + host.random.next() * config.timing.gossipInterval;
    if (this.#isNeeded()) this.wake();
  }

  /** Something is to be gossiped. */
  wake(): void {
    const due = this.#due;
    if (!this.#asleep || due === undefined) return;
    this.#asleep = false;
    // If that is over by now we learn the time, and which turn is the next.
    this.#parts.host.sendTimers.at(due, (now) => {
      const { gossipInterval } = this.#parts.config.timing;
      const turns = Math.ceil((now - due) / gossipInterval);
      this.#turnAt(due + turns * gossipInterval, now);
    });
  }

  #turnAt(due: Instant, now: Instant): void {
    if (due <= now) this.#take(due, now);
    else this.#parts.host.sendTimers.at(due, (then) => this.#take(due, then));
  }

  /** Turns that are missed because the driver came late are left out. */
  #take(due: Instant, now: Instant): void {
    const { gossipInterval } = this.#parts.config.timing;
    const next = due + gossipInterval * (Math.floor((now - due) / gossipInterval) + 1);
    this.#due = next;
    this.#gossip(now);
    if (this.#isNeeded()) this.#parts.host.sendTimers.at(next, (then) => this.#take(next, then));
    else this.#asleep = true;
  }

  #isNeeded(): boolean {
    const { delegate, queue } = this.#parts;
    return queue.length > 0 || delegate.hasBroadcasts();
  }

  #gossip(now: Instant): void {
    const { config, delegate, local, members } = this.#parts;
    if (!this.#isNeeded()) return;
    const { gossipNodes, gossipToTheDeadTime } = config.timing;
    const waiting = Math.ceil(delegate.waitingBytes() / packetRoom(config));
    const packets = Math.max(gossipNodes, Math.min(waiting, haste * gossipNodes));
    const targets = members.pick(packets, (member) => {
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
