import { advance, type Input, nothingKnown, type PageState } from "./state.js";

/**
 * Holds the state and tells of it once per frame, however much came in: a thousand members that join at
 * once are drawn once.
 */
export class Store {
  #state = nothingKnown;
  #announced = false;
  readonly #listeners = new Set<() => void>();

  get state(): PageState {
    return this.#state;
  }

  readonly tell = (input: Input): void => {
    this.#state = advance(this.#state, input);
    if (this.#announced) return;
    this.#announced = true;
    // A tab that nobody sees gets no frames.
    if (document.hidden) setTimeout(() => this.#announce(), 1_000);
    else requestAnimationFrame(() => this.#announce());
  };

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #announce(): void {
    this.#announced = false;
    for (const listener of this.#listeners) listener();
  }
}
