export interface ReadinessRule {
  /** So many good checks in a row make the application ready. */
  readonly rise: number;
  /** So many bad ones in a row take that back. */
  readonly fall: number;
}

/** What checks in a row say of the application. */
export class Readiness {
  readonly #rule: ReadinessRule;
  #isReady = false;
  /** Checks in a row that contradict {@link isReady}. */
  #contrary = 0;

  constructor(rule: ReadinessRule) {
    this.#rule = rule;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** True if that changed {@link isReady}. */
  take(isWell: boolean): boolean {
    if (isWell === this.#isReady) {
      this.#contrary = 0;
      return false;
    }
    this.#contrary += 1;
    if (this.#contrary < (isWell ? this.#rule.rise : this.#rule.fall)) return false;
    this.#isReady = isWell;
    this.#contrary = 0;
    return true;
  }
}
