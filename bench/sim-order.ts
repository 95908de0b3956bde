import { History } from "#sim/history.js";
import type { SeedResult } from "./sim-worker.js";

/** Puts results back into the order of their seeds. */
export class Ordered {
  /** The first that is missing. */
  next: number;
  /** As many as are under way. */
  readonly #early = new Map<number, SeedResult>();
  readonly #history = new History(1);
  readonly #take: (result: SeedResult) => void;

  constructor(first: number, take: (result: SeedResult) => void) {
    this.next = first;
    this.#take = take;
  }

  /** Of all histories so far. */
  get digest(): string {
    return this.#history.digest;
  }

  add(result: SeedResult): void {
    this.#early.set(result.seed, result);
    for (
      let one = this.#early.get(this.next);
      one !== undefined;
      one = this.#early.get(this.next)
    ) {
      this.#early.delete(this.next);
      this.#history.line(this.next, one.digest);
      this.#take(one);
      this.next += 1;
    }
  }
}
