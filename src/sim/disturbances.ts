import type { Instant, Millis } from "../base/units.js";

/** Keeps in mind for which nodes something was wrong, and until when. */
export class Disturbances {
  /** By node: how many faults it has now, and when the last one ended. */
  readonly #active = new Map<number, number>();
  readonly #endedAt = new Map<number, Instant>();
  #allEndedAt: Instant = Number.NEGATIVE_INFINITY;
  #anyActive = 0;

  begin(nodes: readonly number[]): void {
    this.#anyActive += 1;
    for (const node of nodes) this.#active.set(node, (this.#active.get(node) ?? 0) + 1);
  }

  end(now: Instant, nodes: readonly number[]): void {
    this.#anyActive -= 1;
    this.#allEndedAt = now;
    for (const node of nodes) {
      this.#active.set(node, (this.#active.get(node) ?? 0) - 1);
      this.#endedAt.set(node, now);
    }
  }

  /** Something went wrong for all, at this moment. */
  strike(now: Instant): void {
    this.#allEndedAt = now;
  }

  /** True if nothing was wrong with `node` for so long. */
  spares(node: number, now: Instant, time: Millis): boolean {
    if ((this.#active.get(node) ?? 0) > 0) return false;
    return now - (this.#endedAt.get(node) ?? Number.NEGATIVE_INFINITY) >= time;
  }

  /** True if nothing was wrong with anybody for so long. */
  sparesAll(now: Instant, time: Millis): boolean {
    return this.#anyActive === 0 && now - this.#allEndedAt >= time;
  }
}
