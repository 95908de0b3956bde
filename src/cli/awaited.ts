/** The members whose answers are waited for. */
export class Awaited {
  /** Resolves when all of them have answered. */
  readonly complete: Promise<void>;
  readonly #missing: Set<string>;
  #resolve: () => void = () => {};

  constructor(names: Iterable<string>) {
    this.#missing = new Set(names);
    this.complete = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (this.#missing.size === 0) this.#resolve();
  }

  /** Takes in an answer; a second one, or one of somebody else, changes nothing. */
  note(name: string): void {
    this.#missing.delete(name);
    if (this.#missing.size === 0) this.#resolve();
  }
}
