import type { Millis } from "../base/units.js";

/**
 * How well we ourselves do (Lifeguard, LHA-Probe): 0 is healthy; it rises when our probes fail
 * without nacks and when we have to refute, and falls with every probe that succeeds.
 */
export class Awareness {
  #score = 0;
  readonly #multiplier: number;
  readonly #stretches: boolean;
  readonly #onChange: ((score: number) => void) | undefined;

  /** The score stays below `multiplier`; it has no consequence unless it `stretches`. */
  constructor(multiplier: number, stretches = true, onChange?: (score: number) => void) {
    this.#multiplier = multiplier;
    this.#stretches = stretches;
    this.#onChange = onChange;
  }

  get score(): number {
    return this.#score;
  }

  apply(delta: number): void {
    const before = this.#score;
    this.#score = Math.min(this.#multiplier - 1, Math.max(0, before + delta));
    if (this.#score !== before) this.#onChange?.(this.#score);
  }

  /** Stretches the probe interval, and nothing else. */
  scale(interval: Millis): Millis {
    return this.#stretches ? interval * (this.#score + 1) : interval;
  }
}
