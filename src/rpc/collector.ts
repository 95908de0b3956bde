import { OperatorError } from "../base/errors.js";
import { longestTimer, type Millis } from "../base/units.js";
import type { QueryAnswer } from "./api.js";
import type { Follower } from "./connection.js";
import { decodeAnswer } from "./records.js";

/** The client's side of one query: what comes of it until it is over. */
export class Collector implements Follower {
  /** Resolves when nothing more comes; rejects with an OperatorError if the connection is over before. */
  readonly done: Promise<void>;
  readonly #sink: (answer: QueryAnswer) => void;
  #resolve: () => void = () => {};
  #reject: (error: OperatorError) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(sink: (answer: QueryAnswer) => void) {
    this.#sink = sink;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who loses interest in a query is not to be told of its end.
    this.done.catch(() => {});
  }

  /** Calls `onLate` if the query is not over after `patience`. */
  limit(patience: Millis, onLate: () => void): void {
    if (this.#over) return;
    this.#timer = setTimeout(onLate, Math.min(patience, longestTimer));
  }

  take(value: unknown): boolean {
    const record = decodeAnswer(value);
    if (record?.kind !== "done") {
      if (record !== undefined) this.#sink(record);
      return false;
    }
    this.#conclude();
    this.#resolve();
    return true;
  }

  end(reason: string): void {
    this.#conclude();
    this.#reject(new OperatorError(reason));
  }

  #conclude(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }
}
