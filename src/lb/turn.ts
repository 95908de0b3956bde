/** Lets one piece of work at a time pass, in the order of asking; what fails does not stop the next. */
export class Turn {
  readonly #waitFor: (before: Promise<unknown>) => Promise<unknown>;
  #last: Promise<unknown> = Promise.resolve();

  /** `waitFor`: how the work before is waited for; to its end, unless something else is given. */
  constructor(waitFor: (before: Promise<unknown>) => Promise<unknown> = (before) => before) {
    this.#waitFor = waitFor;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#waitFor(this.#last).then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
