import { type Instant, seconds } from "../../base/units.js";

/** So long nothing may have changed: ten rounds of gossip, so that what was under way is here. */
const calm = seconds(2);

export interface SteadinessParts {
  readonly now: () => Instant;
  /** False while the members that we see are not all there is. */
  readonly isJoined: () => boolean;
  /** True while anybody is suspected, and be it by us alone because we hear nobody. */
  readonly hasSuspects: () => boolean;
}

/**
 * Whether what we see of the members is worth acting on: we have joined whom we were to join, nobody is
 * suspected, and for two seconds nothing has changed of who is there, with which tags and status.
 */
export class Steadiness {
  readonly #parts: SteadinessParts;
  #changedAt: Instant;

  constructor(parts: SteadinessParts) {
    this.#parts = parts;
    this.#changedAt = parts.now();
  }

  noteChange(): void {
    this.#changedAt = this.#parts.now();
  }

  get isSettled(): boolean {
    const { hasSuspects, isJoined, now } = this.#parts;
    return now() - this.#changedAt >= calm && isJoined() && !hasSuspects();
  }
}
