import type { Instant } from "../base/units.js";

/**
 * Whether it is we who are cut off: a member that hears nobody at all, neither those that it pings nor
 * those that it asks for help nor anybody else, can tell that of others from its own silence only by
 * waiting. So it tells nobody whom it suspects then, takes that back as soon as it hears somebody, and
 * lets no suspicion run out before the longest time. That is all the time that Lifeguard takes when
 * nobody confirms, so the survivor of a group finds the others' failure as soon as it always did.
 *
 * Nothing of the kind is in Serf. Lifeguard's own measure of our health sees the same silence, but it only
 * stretches the probes that follow.
 */
export class Isolation {
  readonly #enabled: boolean;
  #heardAt: Instant = Number.NEGATIVE_INFINITY;
  /** Whom we suspect since we heard nobody; each member once at most. */
  #suspects: string[] = [];

  constructor(enabled: boolean) {
    this.#enabled = enabled;
  }

  /** True if we heard nobody since `instant`. */
  since(instant: Instant): boolean {
    return this.#enabled && this.#heardAt < instant;
  }

  /** As {@link since}, whether anything follows from it or not. */
  silentSince(instant: Instant): boolean {
    return this.#heardAt < instant;
  }

  noteSuspect(name: string): void {
    this.#suspects.push(name);
  }

  /** Somebody is heard: gives those whom it was not for us to suspect. */
  end(now: Instant): readonly string[] {
    this.#heardAt = now;
    const suspects = this.#suspects;
    if (suspects.length > 0) this.#suspects = [];
    return suspects;
  }
}
