import type { Instant, Millis } from "../base/units.js";
import type { GovernorConfig } from "./config.js";

/** So many changed servers within {@link Governor}'s window are a storm: reloads become rare. */
const stormChanges = 20;

/** The window of a storm, in gaps between reloads; in a storm at most two reloads begin in it. */
const windowGaps = 5;

/** How often old workers are looked at while a reload waits for them. */
const lingeringLook: Millis = 500;

/** Whether a reload may begin. */
export type ReloadVerdict =
  | { readonly go: true }
  | {
      readonly go: false;
      /** Ask again then. */
      readonly at: Instant;
      /** One line, for people. */
      readonly because: string;
    };

/**
 * Decides when changes become rounds, and when a round may reload; pure, time is an argument.
 *
 * The first change after a quiet time goes at once, those that follow wait for each other. Reloads
 * cost more (old workers stay, nginx closes idle connections): a gap between them that doubles while
 * they fail, few of them in a storm, and none while old workers pile up.
 */
export class Governor {
  readonly #config: GovernorConfig;
  /** 0 to 0.2: stretches the gap, so that two balancers drift apart. */
  readonly #jitter: number;
  /** Changes that no round has taken yet; `atOnce`: the first came after a quiet time. */
  #waiting: { first: Instant; last: Instant; atOnce: boolean } | undefined;
  #isRunning = false;
  #ended: Instant = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #retryAt: Instant | undefined;
  /** When reloads began: the last two. */
  #reloads: readonly Instant[] = [];
  #reloadFailures = 0;
  #wantedSince: Instant | undefined;
  /** At most {@link maxBuckets}, none older than the window. */
  #storm: { readonly at: Instant; count: number }[] = [];

  constructor(config: GovernorConfig, name: string) {
    this.#config = config;
    this.#jitter = jitterOf(name);
  }

  /** When the next round is due, at `now` or later; undefined if nothing waits. */
  next(now: Instant): Instant | undefined {
    const due = [this.#changeDue(), this.#retryAt].filter((at) => at !== undefined);
    return due.length === 0 ? undefined : Math.max(now, Math.min(...due));
  }

  /** `servers`: how many the change touches. */
  changed(now: Instant, servers = 1): void {
    const { quiet } = this.#config;
    const atOnce = !this.#isRunning && now >= this.#ended + quiet;
    this.#waiting = { first: now, atOnce, ...this.#waiting, last: now };
    this.#count(now, servers);
  }

  /** A round begins and takes all that waits. */
  begin(): void {
    this.#isRunning = true;
    this.#waiting = undefined;
    this.#retryAt = undefined;
  }

  /** The round ended; one that failed is tried again, later and later. */
  end(now: Instant, succeeded: boolean): void {
    this.#isRunning = false;
    this.#ended = now;
    if (succeeded) {
      this.#failures = 0;
      return;
    }
    const [first, longest] = this.#config.retry;
    this.#retryAt = now + Math.min(longest, first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
  }

  /**
   * `stagger`: how long others go before, so that balancers do not reload at the same time. `isUrgent`: a
   * server that is dead gets requests until then, so neither others nor old workers are waited for.
   */
  mayReload(now: Instant, lingering: number, stagger: Millis, isUrgent = false): ReloadVerdict {
    this.#wantedSince ??= now;
    const { maxLingering, reloadPatience } = this.#config;
    const turn = this.#wantedSince + stagger;
    if (turn > now && !isUrgent)
      return { go: false, at: turn, because: "other balancers go before" };
    const spaced = this.#spacedAt(now);
    if (spaced.at > now) return { go: false, ...spaced };
    if (isUrgent) return { go: true };
    const patience = this.#wantedSince + reloadPatience;
    if (lingering >= maxLingering && patience > now) {
      const at = Math.min(patience, now + lingeringLook);
      return { go: false, at, because: `${lingering} old workers still serve` };
    }
    return { go: true };
  }

  /** A reload begins. */
  reloading(now: Instant): void {
    this.#reloads = [...this.#reloads.slice(-1), now];
    this.#wantedSince = undefined;
  }

  reloaded(succeeded: boolean): void {
    this.#reloadFailures = succeeded ? 0 : Math.min(this.#reloadFailures + 1, 30);
  }

  /** No reload is needed any more. */
  settled(): void {
    this.#wantedSince = undefined;
  }

  #changeDue(): Instant | undefined {
    if (this.#waiting === undefined) return undefined;
    const { quiet, maxDelay } = this.#config;
    const { first, last, atOnce } = this.#waiting;
    if (atOnce) return first;
    return Math.min(last + quiet, first + maxDelay);
  }

  #spacedAt(now: Instant): { at: Instant; because: string } {
    const { reloadGap, retry } = this.#config;
    const [before, last] =
      this.#reloads.length === 2 ? this.#reloads : [undefined, this.#reloads[0]];
    const never = Number.NEGATIVE_INFINITY;
    const stretched = reloadGap * (1 + this.#jitter) * 2 ** this.#reloadFailures;
    const gap = Math.max(reloadGap, Math.min(stretched, Math.max(retry[1], reloadGap * 1.2)));
    const afterLast = (last ?? never) + gap;
    const isStorm = this.#changesSince(now - this.#window) > stormChanges;
    const afterBoth = isStorm ? (before ?? never) + this.#window : never;
    if (afterBoth > afterLast) return { at: afterBoth, because: "many changes at once" };
    const because =
      this.#reloadFailures > 0
        ? "gap between reloads, longer since one failed"
        : "gap between reloads";
    return { at: afterLast, because };
  }

  get #window(): Millis {
    return this.#config.reloadGap * windowGaps;
  }

  #count(now: Instant, servers: number): void {
    const newest = this.#storm.at(-1);
    if (newest !== undefined && now - newest.at < this.#window / maxBuckets) {
      newest.count += servers;
      return;
    }
    this.#storm = this.#storm.filter(({ at }) => at > now - this.#window).slice(1 - maxBuckets);
    this.#storm.push({ at: now, count: servers });
  }

  #changesSince(start: Instant): number {
    return this.#storm.reduce((sum, { at, count }) => (at >= start ? sum + count : sum), 0);
  }
}

const maxBuckets = 50;

/** 0 to 0.2, always the same for a name (FNV-1a). */
function jitterOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return ((hash >>> 8) % 1_000) / 5_000;
}
