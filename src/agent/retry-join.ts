import { type Address, formatAddress } from "../base/address.js";
import { formatDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Millis, minutes } from "../base/units.js";
import type { JoinTarget } from "../swim/join.js";
import { type Joiner, type JoinOutcome, oneLine } from "./joiner.js";

/** Tries become rarer while some members are missing, up to one in this time; so often all seeds are looked up in any case. */
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
  /** Addresses as operators write them, which are tried until one answers. */
  readonly seeds: readonly string[];
  /** Others that were joined at start. All of these are watched from then on; not all are empty. */
  readonly joined: readonly string[];
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
 * goes on watching: whenever fewer members are here than should be, and now and then in any case, the
 * seeds are looked up again, and those that are not among the members alive are contacted. So a
 * member that lost all others finds them at their new addresses, and the halves of a cluster that was
 * cut find each other, even when they have long forgotten that there was another half.
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
    if (this.#options.seeds.length > 0) {
      this.#run(() => this.#joinFirst());
      return;
    }
    // Those of the start join that did not answer then are looked for as soon as anybody is watched.
    this.#waited = this.#longest;
    this.#afterInterval(() => this.#watch());
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
    this.#waited += 1;
    if (this.#waited >= (isShort ? this.#pause : this.#longest)) {
      await this.#lookAgain(view, isShort);
    }
    this.#afterInterval(() => this.#watch());
  }

  #startOver(): void {
    this.#tries = 0;
    this.#pause = 1;
  }

  get #longest(): number {
    return Math.max(1, Math.floor(longestPause / this.#options.interval));
  }

  async #lookAgain(view: MemberView, isShort: boolean): Promise<void> {
    const { joined, joiner, seeds, replay } = this.#options;
    const { targets, failures } = await joiner.lookUp([...new Set([...seeds, ...joined])]);
    this.#seedCount = targets.length;
    const present = new Set(view.alive.map(formatAddress));
    const absent = targets.filter(({ address }) => !present.has(formatAddress(address)));
    if (absent.length > 0) {
      const outcome = await joiner.contact({ targets: absent, failures }, replay);
      this.#report(absent, outcome, isShort);
    }
    this.#waited = 0;
    if (!isShort) return;
    this.#tries += 1;
    // Alone there is nothing better to do than to go on asking.
    this.#pause = view.alive.length <= 1 ? 1 : Math.min(this.#pause * 2, this.#longest);
  }

  /** Once for each time that members go missing the log says so, later tries only in detail. */
  #report(
    absent: readonly JoinTarget[],
    { contacted, failures }: JoinOutcome,
    isShort: boolean,
  ): void {
    const { log } = this.#options;
    const facts = { seeds: absent.length, contacted, failures: oneLine(failures) || undefined };
    const message = "members are missing, seeds looked up and joined again";
    if (!isShort) log.debug(facts, "seeds that are no members looked up and joined again");
    else if (this.#tries === 0) log.info(facts, message);
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
