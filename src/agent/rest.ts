import { type Instant, type Millis, seconds } from "../base/units.js";

/** How long a script that failed rests before its second run, and at most; doubled each time. */
const shortestRest: Millis = seconds(1);
const longestRest: Millis = seconds(60);

/** The pause after so many tries that failed. */
export function restAfter(tries: number): Millis {
  return Math.min(shortestRest * 2 ** Math.min(tries - 1, 16), longestRest);
}

/** What a script waits for that has failed. */
export interface Resting {
  readonly script: string;
  /** The run that failed. */
  readonly run: number;
  /** Of the next run. */
  readonly attempt: number;
  readonly until: Instant;
}

/** A pause that may be cut short. */
export class Rest {
  readonly #schedule: (delay: Millis, run: () => void) => () => void;
  #current: { readonly what: Resting; readonly end: () => void } | undefined;

  constructor(schedule: (delay: Millis, run: () => void) => () => void) {
    this.#schedule = schedule;
  }

  get current(): Resting | undefined {
    return this.#current?.what;
  }

  /** Resolves after `delay`, or at {@link end}. One at a time. */
  async take(delay: Millis, what: Resting): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#schedule(delay, resolve);
      const end = (): void => {
        cancel();
        resolve();
      };
      this.#current = { what, end };
    });
    this.#current = undefined;
  }

  /** Cuts the pause short; nothing happens without one. */
  end(): void {
    this.#current?.end();
  }
}
