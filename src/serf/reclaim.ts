import { type Address, formatAddress, sameAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Timers } from "../base/timers.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { FormerPlace, OwnName } from "../swim/own-name.js";
import type { Rival } from "../swim/rival.js";
import type { SerfConfig } from "./config.js";
import type { NameContest } from "./name-contest.js";
import type { NamePoll } from "./name-poll.js";
import type { Opinion } from "./name-vote.js";
import type { Release } from "./release.js";
import { isWorthAsking, type KnownRival, Rivals } from "./rivals.js";

/** Waits before the members are asked (again) where they hold us, in gossip intervals. */
const pollRounds = [2, 2, 10, 25, 50] as const;

/**
 * How long after the first member that holds us elsewhere others may say so too, in gossip intervals;
 * times the logarithm of the group, as for all that is gossiped.
 */
const holdoutRounds = 3;

/** Between two attempts to get our name back from one address. */
const pause: Millis = seconds(5);

/** Different addresses that are asked for us before members are told that we left them. */
const maxAddressesAsked = 3;

/** Members that are asked in full what they hold, when it was not enough to tell them. */
const maxExchanges = 3;

export interface ReclaimParts {
  readonly config: SerfConfig;
  readonly timers: Timers;
  readonly log: Log;
  readonly poll: NamePoll;
  readonly contest: NameContest;
  readonly release: Release;
  ownName(): OwnName;
  /** False from the moment on at which we leave. */
  staying(): boolean;
  /** Members that are neither dead nor left, ourselves included. */
  aliveCount(): number;
}

/** One attempt to get our name back. */
interface Attempt {
  readonly rival: KnownRival;
  polls: number;
}

/** Somebody that holds us at `address`, which is not ours. */
interface Holdout {
  readonly from: string;
  readonly address: Address;
}

/**
 * Gets our name back when we have returned at another address than the one the group holds.
 *
 * The push/pull of a join tells us so. Then the old address is asked by name; if anybody answers, two
 * members use one name, which is {@link NameContest}'s. If not, our claim goes out straight and under a
 * higher incarnation. Members of our own make have asked the old address as well and believe it.
 *
 * memberlist believes it only of a member that has left; Serf holds a name for as long as it remembers
 * the failed member, 48 s and more. Who they are tells Serf's own query for name conflicts, to which
 * every member answers where it believes us to be. Those that name another address are told that we
 * have left it, and shortly after that we are here.
 */
export class Reclaim {
  readonly #parts: ReclaimParts;
  readonly #rivals = new Rivals();
  #attempt: Attempt | undefined;
  /** When those that we left are told of us next, or were last. */
  #announcedAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(parts: ReclaimParts) {
    this.#parts = parts;
  }

  /** There is another member. */
  meetOther(now: Instant): void {
    this.#rivals.meetOther(now);
  }

  /** We are held or claimed to be elsewhere. */
  handleRival(now: Instant, rival: Rival): void {
    const { ownName, staying, timers } = this.#parts;
    if (!staying()) return;
    // Whom we left believes us anywhere; we only let all know soon, unless it is we who told them so.
    if (rival.state === "left") {
      if (!this.#parts.release.isUnderWay(now)) this.#announceSoon(now);
      return;
    }
    const known = this.#rivals.note(now, rival, this.#parts.release.incarnation);
    if (this.#attempt !== undefined || this.#parts.contest.isOpen) return;
    if (!isWorthAsking(now, known, ownName().incarnation)) return;
    const attempt = { rival: known, polls: 0 };
    this.#attempt = attempt;
    // When the members that the same push/pull tells of are known.
    timers.at(now, (then) => this.#ask(then, attempt));
  }

  /** Once a round: one push/pull may say it as often as it names members, and each costs a packet to all. */
  #announceSoon(now: Instant): void {
    const { ownName, timers } = this.#parts;
    if (now < this.#announcedAt) return;
    const soon = Math.max(now, this.#announcedAt + this.#rounds(1));
    this.#announcedAt = soon;
    timers.at(soon, () => ownName().announce());
  }

  /** Members of our own make begin to ask when they hear of us first: the sooner all do, the better. */
  #ask(now: Instant, attempt: Attempt): void {
    const { log, ownName, timers } = this.#parts;
    const { address, source } = attempt.rival.latest;
    log.info({}, `We are held at ${formatAddress(address)}, which is asked for us`);
    if (source !== "gossip") {
      ownName().announce();
      timers.at(now + this.#rounds(0.5), () => ownName().announce());
    }
    ownName().ask(now, address, this.#rounds(1), (then, answered) => {
      if (answered) this.#contest(then, attempt.rival);
      else this.#takeBack(then, attempt);
    });
  }

  /** Both of us are there: who stays is not decided here. */
  #contest(now: Instant, rival: KnownRival): void {
    this.#attempt = undefined;
    this.#parts.contest.open(now, rival, (then) => {
      if (this.#attempt !== undefined) return;
      const attempt = { rival, polls: 0 };
      this.#attempt = attempt;
      this.#takeBack(then, attempt);
    });
  }

  #takeBack(now: Instant, attempt: Attempt): void {
    const { log, ownName, staying } = this.#parts;
    if (!staying()) return;
    const { rival } = attempt;
    rival.silentAt = now;
    ownName().reassert(this.#rivals.held);
    ownName().announce();
    this.#parts.release.handleClaim(now);
    const { incarnation } = ownName();
    log.info({ incarnation }, `Nobody answers for us at ${formatAddress(rival.latest.address)}`);
    this.#pollLater(now, attempt);
  }

  #pollLater(now: Instant, attempt: Attempt): void {
    const { log, staying, timers } = this.#parts;
    const rounds = pollRounds[attempt.polls];
    if (rounds === undefined) {
      log.warn({}, "some members still hold us at another address or do not answer");
      this.#end(now, attempt);
      return;
    }
    attempt.polls += 1;
    timers.at(now + this.#rounds(rounds), (then) => {
      if (staying()) this.#poll(then, attempt);
      else this.#end(then, attempt);
    });
  }

  #poll(now: Instant, attempt: Attempt): void {
    const { aliveCount, config, poll, timers } = this.#parts;
    let found = false;
    poll.start(
      now,
      (then, opinions) => this.#handleOpinions(then, attempt, opinions),
      (then, opinion, running, count) => {
        if (count >= aliveCount() - 1) running.end(then);
        if (found || opinion.address === undefined) return;
        if (sameAddress(opinion.address, config.advertise)) return;
        found = true;
        const rounds = holdoutRounds * Math.ceil(Math.log10(aliveCount() + 1));
        timers.at(then + this.#rounds(rounds), (later) => running.end(later));
      },
    );
  }

  #handleOpinions(now: Instant, attempt: Attempt, opinions: readonly Opinion[]): void {
    const { aliveCount, config, log, ownName } = this.#parts;
    const holdouts = opinions.flatMap(({ address, from }) =>
      address === undefined || sameAddress(address, config.advertise) ? [] : [{ from, address }],
    );
    const strangers = opinions.filter(({ address }) => address === undefined);
    ownName().announceTo(strangers.map(({ from }) => from));
    const [first] = holdouts;
    if (first !== undefined) {
      // Whose answer got lost is likely to hold what others do.
      const heard = new Set(opinions.map(({ from }) => from));
      const silent = [...ownName().others()].filter((name) => !heard.has(name));
      const likely = silent.map((from) => ({ from, address: first.address }));
      this.#askForHoldouts(now, attempt, [...holdouts, ...likely]);
    } else if (strangers.length > 0 || opinions.length < aliveCount() - 1) {
      this.#pollLater(now, attempt);
    } else {
      log.info({ members: opinions.length }, "all members hold us where we are");
      this.#end(now, attempt);
    }
  }

  /** What they hold may be another address than the one that we heard of, or one that woke up. */
  #askForHoldouts(now: Instant, attempt: Attempt, holdouts: readonly Holdout[]): void {
    const { ownName } = this.#parts;
    const places = new Map(holdouts.map(({ address }) => [formatAddress(address), address]));
    const asked = [...places.values()].slice(0, maxAddressesAsked);
    if (attempt.polls > 1) {
      for (const { from } of holdouts.slice(0, maxExchanges)) ownName().exchange(now, from);
    }
    let waiting = asked.length;
    let over = false;
    for (const address of asked) {
      ownName().ask(now, address, this.#rounds(1), (then, answered) => {
        waiting -= 1;
        if (over) return;
        if (answered) {
          over = true;
          this.#contest(then, this.#rivalAt(then, address, attempt));
        } else if (waiting === 0) this.#releaseHoldouts(then, attempt, holdouts);
      });
    }
  }

  #rivalAt(now: Instant, address: Address, { rival }: Attempt): KnownRival {
    return (
      this.#rivals.at(address) ??
      this.#rivals.note(now, { ...rival.latest, address }, rival.latest.incarnation)
    );
  }

  #releaseHoldouts(now: Instant, attempt: Attempt, holdouts: readonly Holdout[]): void {
    const { release, staying } = this.#parts;
    if (!staying()) {
      this.#end(now, attempt);
      return;
    }
    const { address, meta, versions } = attempt.rival.latest;
    const placeOf = (held: Address): FormerPlace => {
      const { latest } = this.#rivals.at(held) ?? { latest: { address, meta, versions } };
      return { address: held, meta: latest.meta, versions: latest.versions };
    };
    const former = new Map(holdouts.map((holdout) => [holdout.from, placeOf(holdout.address)]));
    release.start(now, former, this.#rivals.held, (then) => this.#pollLater(then, attempt));
  }

  #end(now: Instant, attempt: Attempt): void {
    attempt.rival.quietUntil = now + pause;
    if (this.#attempt === attempt) this.#attempt = undefined;
  }

  #rounds(count: number): Millis {
    return count * this.#parts.config.timing.gossipInterval;
  }
}
