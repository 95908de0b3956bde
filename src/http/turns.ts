/**
 * Starts one piece of work in each turn of the event loop: however many requests come in one packet,
 * gossip is heard between any two.
 */
export class Turns {
  /** At most `limit`. */
  readonly #waiting: (() => void)[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False if too much waits already. */
  take(work: () => void): boolean {
    if (this.#waiting.length >= this.#limit) return false;
    this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(() => this.#next());
    return true;
  }

  #next(): void {
    const [work] = this.#waiting;
    try {
      work?.();
    } finally {
      this.#waiting.shift();
      // What is set here runs in the next turn, after sockets were read.
      if (this.#waiting.length > 0) setImmediate(() => this.#next());
    }
  }
}
