import type { Instant, Millis } from "../base/units.js";

/** Between what the time to refute lies. */
export interface SuspicionBounds {
  readonly min: Millis;
  readonly max: Millis;
  /** How many confirmations bring it down to {@link min}. */
  readonly expected: number;
}

/**
 * How long a suspect has to refute before it is declared dead.
 *
 * The timeout starts at `max` and falls to `min` with the logarithm of the confirmations, so the
 * first few count most (Lifeguard, LHA-Suspicion). Whole milliseconds, as in memberlist.
 */
export function suspicionTimeout(confirmations: number, bounds: SuspicionBounds): Millis {
  const { min, max, expected } = bounds;
  if (expected < 1) return min;
  const progress = Math.log(confirmations + 1) / Math.log(expected + 1);
  return Math.max(min, Math.floor(max - progress * (max - min)));
}

/** Accusers of one suspect that are remembered, also those that no confirmation is hoped for from. */
const maxAccusers = 16;

/** One running suspicion: who holds it and when it ends. */
export class Suspicion {
  /** How many independent members agree with the first accuser; at most `bounds.expected`. */
  confirmations = 0;

  /** True if we began it while we heard nobody: it is not told, and over as soon as we hear somebody. */
  readonly unheard: boolean;

  readonly #start: Instant;
  readonly #bounds: SuspicionBounds;
  /** The first one does not count as a confirmation. At most {@link maxAccusers}. */
  readonly #accusers: Set<string>;

  constructor(now: Instant, accuser: string, bounds: SuspicionBounds, unheard = false) {
    this.unheard = unheard;
    this.#start = now;
    this.#bounds = bounds;
    this.#accusers = new Set([accuser]);
  }

  /** Those that are remembered. */
  get accusers(): Iterable<string> {
    return this.#accusers;
  }

  /** How many of these agree with the first one; more than `confirmations`, if few are hoped for. */
  get agreeing(): number {
    return this.#accusers.size - 1;
  }

  /** How many accuse, other than `name`. */
  accusersBesides(name: string): number {
    return this.#accusers.size - (this.#accusers.has(name) ? 1 : 0);
  }

  /** When the suspect is dead unless it refuted; may lie in the past after a confirmation. */
  get deadline(): Instant {
    return this.#start + suspicionTimeout(this.confirmations, this.#bounds);
  }

  /** When it is at its end if nobody confirms. */
  get latest(): Instant {
    return this.#start + suspicionTimeout(0, this.#bounds);
  }

  /** True if it ends before all the confirmations that were hoped for came. */
  get degraded(): boolean {
    return this.confirmations < this.#bounds.expected;
  }

  /** True if that is news; only news is gossiped on. */
  confirm(accuser: string): boolean {
    if (this.#accusers.has(accuser)) return false;
    if (this.#accusers.size < maxAccusers) this.#accusers.add(accuser);
    if (!this.degraded) return false;
    this.confirmations += 1;
    return true;
  }
}
