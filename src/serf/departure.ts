import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Timers } from "../base/timers.js";
import type { Instant, Millis } from "../base/units.js";
import type { Announcements } from "./announcements.js";
import type { SerfConfig } from "./config.js";

/** Whether we are a member of the group. */
export type SerfState = "alive" | "leaving" | "left";

/** What {@link Departure} works with. */
export interface DepartureParts {
  readonly config: SerfConfig;
  readonly timers: Timers;
  readonly log: Log;
  readonly announcements: Announcements;
  /** Calls `run` as soon as the input that is being handled is done with. */
  soon(run: (now: Instant) => void): void;
  /** Tells SWIM to leave; `done` learns whether that was gossiped in time. */
  leaveSwim(now: Instant, timeout: Millis, done: (inTime: boolean) => void): void;
  /** True while there is anybody who could hear what we gossip. */
  hasListeners(): boolean;
  /** We are about to leave. */
  onLeaving(): void;
  /** We have left. */
  onLeft(now: Instant): void;
}

/** Leaving on purpose, and declaring that others have (protocol.md section 5.13). */
export class Departure {
  readonly #parts: DepartureParts;
  #state: SerfState = "alive";

  constructor(parts: DepartureParts) {
    this.#parts = parts;
  }

  get state(): SerfState {
    return this.#state;
  }

  /**
   * First the intent, so that nobody takes what follows for a failure; then SWIM's claim; then a while
   * in which we still answer, until all have heard it. What is not gossiped in time is only warned of,
   * as the newest Serf does.
   */
  leave(now: Instant, done: () => void): void {
    if (this.#state === "leaving") throw new OperatorError("Leave already in progress");
    if (this.#state === "left") {
      done();
      return;
    }
    this.#state = "leaving";
    const { announcements, config, log, onLeaving } = this.#parts;
    onLeaving();
    const announce = (finished: () => void): void =>
      announcements.announceLeave(now, config.name, false, finished);
    this.#await(now, announce, (then, inTime) => {
      if (!inTime) log.warn({}, "timeout while waiting for graceful leave");
      this.#leaveSwim(then, done);
    });
  }

  /** Declares that `node` has left; `done` learns what went wrong, if anything. */
  forceLeave(
    now: Instant,
    node: string,
    prune: boolean,
    done: (error: string | undefined) => void,
  ): void {
    const announce = (finished: () => void): void =>
      this.#parts.announcements.announceLeave(now, node, prune, finished);
    this.#await(now, announce, (_then, inTime) =>
      done(inTime ? undefined : "timed out broadcasting node removal"),
    );
  }

  #leaveSwim(now: Instant, done: () => void): void {
    const { config, leaveSwim, log, soon, timers } = this.#parts;
    leaveSwim(now, config.broadcastTimeout, (inTime) => {
      if (!inTime) log.warn({}, "timeout waiting for leave broadcast");
      soon((then) =>
        timers.at(then + config.leavePropagateDelay, (end) => this.#conclude(end, done)),
      );
    });
  }

  #conclude(now: Instant, done: () => void): void {
    this.#state = "left";
    this.#parts.onLeft(now);
    done();
  }

  /**
   * Waits until `announce` reports that it is finished or all who could hear it have gone, at most
   * until the broadcast timeout. What follows does not run within that report, which comes while a
   * packet is being put together.
   */
  #await(
    now: Instant,
    announce: (finished: () => void) => void,
    next: (now: Instant, inTime: boolean) => void,
  ): void {
    const { config, hasListeners, soon, timers } = this.#parts;
    const deadline = now + config.broadcastTimeout;
    let over = false;
    const conclude = (then: Instant, inTime: boolean): void => {
      if (over) return;
      over = true;
      next(then, inTime);
    };
    announce(() => soon((then) => conclude(then, true)));
    const watchAfter = (then: Instant): void => {
      timers.at(Math.min(then + config.timing.gossipInterval, deadline), (later) => {
        if (over) return;
        if (later >= deadline) conclude(later, false);
        else if (!hasListeners()) conclude(later, true);
        else watchAfter(later);
      });
    };
    watchAfter(now);
  }
}
