import type { Log } from "../base/log.js";
import type { Timers } from "../base/timers.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { Timing } from "../swim/config.js";
import type { FormerPlace, OwnName } from "../swim/own-name.js";

/** After how many gossip intervals a claim of ours is gossiped no more. */
const fadeRounds = 4;

/** Time for both copies of a leave to arrive, in gossip intervals. */
const arrivalRounds = 2;

/** So long at most Serf's agent collects changes of members before it tells its handlers. */
const serfCoalescence: Millis = seconds(3);

export interface ReleaseParts {
  readonly timing: Timing;
  readonly timers: Timers;
  readonly log: Log;
  ownName(): OwnName;
}

/**
 * Makes members of Serf's make believe that we are elsewhere: first that we left the place where they
 * hold us, then that we are here. memberlist lets only one who left move.
 *
 * Between the two lies as much time as Serf's agent collects changes of members. Of what it collected
 * it tells the last, unless that is of the kind told before: of a leave and a join in one such window
 * its handlers would hear nothing, and go on with the old address (compat.md section 11). How quiet
 * its group is we cannot know: until then it gossips to our old address.
 */
export class Release {
  /** The incarnation in which members were last told that we left. */
  incarnation: number | undefined;

  readonly #parts: ReleaseParts;
  #claimedAt: Instant = Number.NEGATIVE_INFINITY;
  /** When we say next that we are here. */
  #claimAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(parts: ReleaseParts) {
    this.#parts = parts;
  }

  /** True while members are to hear nothing of us but that we left. */
  isUnderWay(now: Instant): boolean {
    return now < this.#claimAt;
  }

  /** We have claimed to be here: that is on its way for a while. */
  handleClaim(now: Instant): void {
    this.#claimedAt = now;
  }

  /**
   * `former` says where each member holds us, `held` is the highest incarnation that any of them may
   * know. `done` is called when they should know better.
   */
  start(
    now: Instant,
    former: ReadonlyMap<string, FormerPlace>,
    held: number,
    done: (now: Instant) => void,
  ): void {
    const { log, ownName, timers } = this.#parts;
    if (ownName().incarnation < held + 2) ownName().reassert(held);
    // A claim that still is on its way would come right after the leave.
    const releaseAt = Math.max(now, this.#claimedAt + this.#rounds(fadeRounds));
    const claimAt = releaseAt + this.#rounds(arrivalRounds) + serfCoalescence;
    // Nor may one come in between.
    ownName().holdExchanges(claimAt);
    this.#claimAt = claimAt;
    const release = (): void => {
      for (const [name, place] of former) ownName().release(name, place);
    };
    timers.at(releaseAt, (then) => {
      log.info({ members: former.size }, "members that hold us elsewhere are told that we left");
      this.incarnation = ownName().incarnation - 1;
      release();
      // Either copy may get lost; a second one changes nothing.
      timers.at(then + this.#rounds(1), release);
    });
    timers.at(claimAt, (then) => this.#claim(then, former, done));
  }

  #claim(
    now: Instant,
    former: ReadonlyMap<string, FormerPlace>,
    done: (now: Instant) => void,
  ): void {
    const { ownName, timers } = this.#parts;
    ownName().reassert(ownName().incarnation - 1);
    ownName().announceTo(former.keys());
    this.handleClaim(now);
    timers.at(now + this.#rounds(1), () => ownName().announceTo(former.keys()));
    done(now);
  }

  #rounds(count: number): Millis {
    return count * this.#parts.timing.gossipInterval;
  }
}
