import { type Address, formatAddress } from "../base/address.js";
import { formatDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Millis, minutes } from "../base/units.js";
import type { JoinTarget } from "../swim/join.js";
import { type Joiner, type JoinOutcome, oneLine } from "./joiner.js";

/** While some members are missing, tries become rarer, up to one in this time. */
const longestPause = minutes(10);

/** The members as they are now, as far as it matters for seeds. */
export interface MemberView {
  /** Addresses of those alive, our own included. */
  readonly alive: readonly Address[];
  /** How many failed: they should be here, and are not. */
  readonly failed: number;
}

export interface RetryJoinOptions {
  /** Of the component `agent`. */
  readonly log: Log;
  readonly joiner: Pick<Joiner, "join" | "lookUp" | "contact">;
  /** Addresses as operators write them; not empty. */
  readonly seeds: readonly string[];
  readonly replay: boolean;
  readonly interval: Millis;
  /** How often the first join is tried again before {@link onGiveUp}; 0 means for ever. */
  readonly maxRetries: number;
  readonly view: () => MemberView;
  readonly onGiveUp: () => void;
  /** Calls `run` after `delay`, unless the function that it returns is called before. */
  readonly schedule: (delay: Millis, run: () => void) => () => void;
}

/**
 * Keeps the agent joined to its seeds.
 *
 * First all are tried at each interval until one answers, as in Serf. Where Serf stops for good, this
 * goes on watching: whenever fewer members are here than should be, the seeds are looked up again,
 * and those that are not among the members alive are contacted. So a member that lost all others
 * finds them at their new addresses, and the halves of a cluster that was cut find each other.
 */
export class RetryJoin {
  readonly #options: RetryJoinOptions;
  #cancel: () => void = () => {};
  #stopped = false;
  #retries = 0;
  /** Addresses behind the seeds when they were last looked up. */
  #seedCount = 0;
  #aliveBefore = 0;
  /** While members are missing: tries so far, intervals between two tries, intervals since the last. */
  #tries = 0;
  #pause = 1;
  #waited = 0;

  constructor(options: RetryJoinOptions) {
    this.#options = options;
  }

  start(): void {
    this.#run(() => this.#joinFirst());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #joinFirst(): Promise<void> {
    const { joiner, log, seeds, replay, interval, maxRetries, onGiveUp } = this.#options;
    log.info({}, `Joining cluster...(replay: ${replay})`);
    const { tried, contacted, failures } = await joiner.join(seeds, replay);
    if (this.#stopped) return;
    this.#seedCount = tried;
    if (contacted > 0) {
      log.info({}, `Join completed. Synced with ${contacted} initial agents`);
      this.#afterInterval(() => this.#watch());
    } else if (maxRetries > 0 && this.#retries >= maxRetries) {
      log.error({}, "maximum retry join attempts made, exiting");
      onGiveUp();
    } else {
      this.#retries += 1;
      const pause = formatDuration(interval);
      log.warn({}, `Join failed: ${oneLine(failures)}, retrying in ${pause}`);
      this.#afterInterval(() => this.#joinFirst());
    }
  }

  async #watch(): Promise<void> {
    const view = this.#options.view();
    const alive = view.alive.length;
    const isShort = alive <= 1 || view.failed > 0 || alive < this.#seedCount;
    if (!isShort || alive > this.#aliveBefore) this.#startOver();
    this.#aliveBefore = alive;
    if (isShort) {
      this.#waited += 1;
      if (this.#waited >= this.#pause) await this.#lookAgain(view);
    }
    this.#afterInterval(() => this.#watch());
  }

  #startOver(): void {
    this.#tries = 0;
    this.#pause = 1;
    this.#waited = 0;
  }

  async #lookAgain(view: MemberView): Promise<void> {
    const { joiner, interval, seeds, replay } = this.#options;
    const { targets, failures } = await joiner.lookUp(seeds);
    this.#seedCount = targets.length;
    const present = new Set(view.alive.map(formatAddress));
    const absent = targets.filter(({ address }) => !present.has(formatAddress(address)));
    if (absent.length > 0) {
      this.#report(absent, await joiner.contact({ targets: absent, failures }, replay));
    }
    this.#tries += 1;
    this.#waited = 0;
    const longest = Math.max(1, Math.floor(longestPause / interval));
    // Alone there is nothing better to do than to go on asking.
    this.#pause = view.alive.length <= 1 ? 1 : Math.min(this.#pause * 2, longest);
  }

  /** Once for each time that members go missing the log says so, later tries only in detail. */
  #report(absent: readonly JoinTarget[], { contacted, failures }: JoinOutcome): void {
    const { log } = this.#options;
    const facts = { seeds: absent.length, contacted, failures: oneLine(failures) || undefined };
    const message = "members are missing, seeds looked up and joined again";
    if (this.#tries === 0) log.info(facts, message);
    else log.debug(facts, message);
  }

  #afterInterval(step: () => Promise<void>): void {
    if (this.#stopped) return;
    const { interval, schedule } = this.#options;
    this.#cancel = schedule(interval, () => this.#run(step));
  }

  /** An agent that leaves or has left cannot join any more; that ends the matter. */
  #run(step: () => Promise<void>): void {
    step().catch((thrown: unknown) => {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#options.log.debug({ reason: thrown.message }, "joining seeds has ended");
    });
  }
}
