import { type Address, formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Timers } from "../base/timers.js";
import { type Instant, type Millis, minutes, seconds } from "../base/units.js";
import type { OwnName } from "../swim/own-name.js";
import type { SerfConfig } from "./config.js";
import type { SerfCounters } from "./counters.js";
import type { NamePoll } from "./name-poll.js";
import {
  type Claimants,
  countVotes,
  judgeVotes,
  majorityOf,
  type Opinion,
  type VoteVerdict,
  winsTie,
} from "./name-vote.js";
import type { KnownRival } from "./rivals.js";

/** A rival that stays is told of again after this. */
const quietTime: Millis = minutes(1);

/** How often, and how many times, we look whether a rival that lost is gone. */
const watchInterval: Millis = seconds(3);
const maxWatches = 10;

/** Before a tie is final: one of the two may be about to end. */
const tieBreak: Millis = seconds(5);

export interface NameContestParts {
  readonly config: SerfConfig;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: SerfCounters;
  readonly poll: NamePoll;
  ownName(): OwnName;
  /** Exchanges all with who is at `address`. */
  exchange(now: Instant, address: Address): void;
  /** False from the moment on at which we leave. */
  staying(): boolean;
  /** Ends this member, without a leave. */
  stop(reason: string): void;
}

interface Contest {
  readonly rival: KnownRival;
  readonly claimants: Claimants;
  /** Nobody answers at the other address any more: the name is ours alone. */
  readonly won: (now: Instant) => void;
  isSecondVote: boolean;
}

/**
 * Two members answer by our name, and we are one of them: the members vote on who is the right one
 * (protocol.md 5.12). Who loses ends itself.
 */
export class NameContest {
  readonly #parts: NameContestParts;
  #contest: Contest | undefined;

  constructor(parts: NameContestParts) {
    this.#parts = parts;
  }

  /** True while members vote; a rival that is met meanwhile waits. */
  get isOpen(): boolean {
    return this.#contest !== undefined;
  }

  /** `won` is called if the rival falls silent, now or later: then the name may have to be taken back. */
  open(now: Instant, rival: KnownRival, won: (now: Instant) => void): void {
    const { config, counters, log } = this.#parts;
    const { address } = rival.latest;
    counters.conflicts += 1;
    rival.quietUntil = now + quietTime;
    rival.silentAt = undefined;
    const [ours, theirs] = [config.advertise, address].map(formatAddress);
    const enabled = config.nameResolution;
    log.error(
      { ours, theirs },
      `Node name conflicts with another node: '${config.name}' is used at ${ours} and at ${theirs}. ` +
        `Names must be unique! (Resolution enabled: ${enabled})`,
    );
    if (!enabled) return;
    const claimants = { ours: config.advertise, theirs: address };
    this.#vote(now, { rival, claimants, won, isSecondVote: false });
  }

  #vote(now: Instant, contest: Contest): void {
    this.#contest = contest;
    this.#parts.poll.start(now, (then, opinions) => this.#handleVotes(then, contest, opinions));
  }

  #handleVotes(now: Instant, contest: Contest, opinions: readonly Opinion[]): void {
    const { claimants, rival } = contest;
    const { log } = this.#parts;
    const votes = countVotes(opinions, claimants);
    const verdict = this.#breakTie(contest, judgeVotes(votes, rival.younger));
    const count = `[${votes.ours} / ${votes.responses}]`;
    log.debug({ ...votes, needed: majorityOf(votes.responses), verdict }, "votes on our name");
    switch (verdict) {
      case "stay":
        log.info({}, `majority in name conflict resolution ${count}`);
        this.#contest = undefined;
        this.#tell(now, contest, votes.theirs);
        this.#watch(now, contest, maxWatches);
        return;
      case "tie":
        contest.isSecondVote = true;
        this.#later(now, tieBreak, contest, (then) => this.#vote(then, contest));
        return;
      case "stop":
        // An agent that was about to end anyway is no rival.
        this.#later(now, 0, contest, () => this.#lose(contest, count));
    }
  }

  #breakTie({ claimants, isSecondVote }: Contest, verdict: VoteVerdict): VoteVerdict {
    if (verdict !== "tie" || !isSecondVote) return verdict;
    return winsTie(claimants) ? "stay" : "stop";
  }

  #lose({ claimants }: Contest, count: string): void {
    const { config, log, staying, stop } = this.#parts;
    this.#contest = undefined;
    if (!staying()) return;
    log.warn({}, `minority in name conflict resolution, quitting ${count}`);
    const theirs = formatAddress(claimants.theirs);
    stop(
      `the name '${config.name}' is in use by another node at ${theirs}, which the others hold for the right one ${count}`,
    );
  }

  /** Goes on with `run` if the rival still answers after `wait`. */
  #later(now: Instant, wait: Millis, contest: Contest, run: (now: Instant) => void): void {
    const { ownName, timers } = this.#parts;
    timers.at(now + wait, (then) => {
      ownName().ask(then, contest.claimants.theirs, this.#patience, (end, answered) => {
        if (answered) {
          run(end);
          return;
        }
        this.#contest = undefined;
        contest.won(end);
      });
    });
  }

  /**
   * Who lost may not have heard of us: those who believe it pass nothing on that we say. That it is of our
   * group is known from the members that hold our name there.
   */
  #tell(now: Instant, { claimants }: Contest, believers: number): void {
    const { exchange, staying } = this.#parts;
    if (believers > 0 && staying()) exchange(now, claimants.theirs);
  }

  /** Some may have believed the one that lost: they are told when it is gone. */
  #watch(now: Instant, contest: Contest, left: number): void {
    if (left === 0) return;
    const { ownName, staying, timers } = this.#parts;
    timers.at(now + watchInterval, (then) => {
      if (!staying() || this.#contest !== undefined) return;
      ownName().ask(then, contest.claimants.theirs, this.#patience, (end, answered) => {
        if (answered) this.#watch(end, contest, left - 1);
        else contest.won(end);
      });
    });
  }

  get #patience(): Millis {
    return this.#parts.config.timing.gossipInterval;
  }
}
