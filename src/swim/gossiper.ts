import type { Instant } from "../base/units.js";
import { Allowance } from "./allowance.js";
import { wholeThoroughness } from "./config.js";
import type { SwimMember } from "./member.js";
import type { MemberRecord } from "./members.js";
import { packetRoom } from "./packet-room.js";
import type { Parts } from "./parts.js";
import type { Sender } from "./sender.js";

/**
 * So many times as many members are told when more of the layer above waits than the usual ones have room
 * for. memberlist never tells more, so that beyond some hundred events a second messages wait until they
 * are too old to be taken.
 */
const haste = 4;

/** So many turns' packets may go at once after a silence. */
const savedTurns = 3;

/** Of so many turns the first is the nearest neighbours', the second the next ones', the last chance's alone. */
const turnsInRound = 3;

/**
 * Sends what is new to a few members at a time (SWIM section 4.1): to our {@link Neighbours} first, and
 * beside and after them to whoever it is.
 *
 * memberlist draws all by chance, and lets what is new wait for the next turn: at each member that
 * passes it on, so that the time to reach all is nearly all waiting. Here the first copies go as soon as
 * the input at hand is done with. They are no more than before, and not more packets than the turns alone
 * could send: when there is much to say it waits for the turns, that pack it together.
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
  readonly #allowance: Allowance;
  /** Whose the next turn is, of {@link turnsInRound}. */
  #turn = 0;
  /** True while first copies wait for the end of the input at hand. */
  #hurrying = false;
  /** The last turn, or the start: what is asked for at an instant so long ago is due at once. */
  #latest: Instant = 0;

  constructor(parts: Parts, sender: Sender) {
    this.#parts = parts;
    this.#sender = sender;
    const { gossipInterval, gossipNodes } = parts.config.timing;
    this.#allowance = new Allowance(gossipNodes, gossipInterval, savedTurns * gossipNodes);
    parts.queue.onAdd = () => this.wake();
  }

  start(now: Instant): void {
    const { config, host } = this.#parts;
    this.#latest = now;
    this.#due = now + host.random.next() * config.timing.gossipInterval;
    if (this.#isNeeded()) this.wake();
  }

  /** Something new is to be gossiped. */
  wake(): void {
    const due = this.#due;
    if (due !== undefined) this.#hurrySoon();
    if (!this.#asleep || due === undefined) return;
    this.#asleep = false;
    // If that is over by now we learn the time, and which turn is the next.
    this.#parts.host.sendTimers.at(due, (now) => {
      const { gossipInterval } = this.#parts.config.timing;
      const turns = Math.ceil((now - due) / gossipInterval);
      this.#turnAt(due + turns * gossipInterval, now);
    });
  }

  #hurrySoon(): void {
    const { config, host } = this.#parts;
    const { promptness } = config.thoroughness ?? wholeThoroughness;
    if (!promptness || this.#hurrying) return;
    this.#hurrying = true;
    host.sendTimers.at(this.#latest, (now) => {
      this.#hurrying = false;
      if (this.#isNeeded()) this.#hurry(now);
    });
  }

  #hurry(now: Instant): void {
    const targets = this.#targets(now, 0, this.#parts.config.timing.gossipNodes);
    if (targets.length === 0 || !this.#allowance.take(now, targets.length)) return;
    this.#turn = 1;
    for (const target of targets) if (!this.#sender.gossip(now, target)) return;
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
    this.#latest = now;
    const { config, delegate } = this.#parts;
    if (!this.#isNeeded()) return;
    const { gossipNodes } = config.timing;
    const waiting = Math.ceil(delegate.waitingBytes() / packetRoom(config));
    const packets = Math.max(gossipNodes, Math.min(waiting, haste * gossipNodes));
    const targets = this.#targets(now, this.#turn, packets);
    this.#turn = (this.#turn + 1) % turnsInRound;
    this.#allowance.spend(now, targets.length);
    for (const target of targets) if (!this.#sender.gossip(now, target)) return;
  }

  #targets(now: Instant, turn: number, count: number): readonly Readonly<MemberRecord>[] {
    const { config, local, members, neighbours } = this.#parts;
    const { thoroughness = wholeThoroughness, timing } = config;
    const theirs = thoroughness.neighbours && turn < turnsInRound - 1;
    const near = theirs ? neighbours.at(turn).slice(0, count) : [];
    const others = members.pick(count - near.length, (member) => {
      if (member === local || near.includes(member)) return false;
      return hears(member, now, timing.gossipToTheDeadTime);
    });
    return [...near, ...others];
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
