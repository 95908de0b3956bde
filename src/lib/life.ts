import { OperatorError } from "../base/errors.js";

/** The time from the start of an agent to its end. What is asked of it fails when it ends. */
export class Life {
  /** Resolves with the reason when all is over. */
  readonly closed: Promise<string>;
  #close: (reason: string) => void = () => {};
  #stop: () => Promise<void> = async () => {};
  #reason: string | undefined;
  /** What still waits: as many as the program asks for at once. */
  readonly #waiting = new Set<(error: OperatorError) => void>();

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  get isOver(): boolean {
    return this.#reason !== undefined;
  }

  /** From now on there is something to stop. */
  begin(stop: () => Promise<void>): void {
    this.#stop = stop;
  }

  /** Throws {@link OperatorError} once the end has come. */
  check(): void {
    if (this.#reason !== undefined) throw this.#over(this.#reason);
  }

  /** What `work` gives; rejects with {@link OperatorError} if the end comes first. */
  async whileIt<Result>(work: () => Promise<Result>): Promise<Result> {
    this.check();
    let giveUp: (error: OperatorError) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    this.#waiting.add(giveUp);
    try {
      return await Promise.race([work(), ended]);
    } finally {
      this.#waiting.delete(giveUp);
    }
  }

  /** Stops all; later calls wait for the first, whose reason counts. */
  async end(reason: string): Promise<void> {
    if (this.#reason === undefined) {
      this.#reason = reason;
      for (const giveUp of this.#waiting) giveUp(this.#over(reason));
      try {
        await this.#stop();
      } finally {
        this.#close(reason);
      }
    }
    await this.closed;
  }

  #over(reason: string): OperatorError {
    return new OperatorError(`the agent has ended: ${reason}`);
  }
}
