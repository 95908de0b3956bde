import type { Meter } from "../../src/base/meter.js";

/** A meter that keeps everything, for tests to look at. */
export class RecordedMeter implements Meter {
  readonly #values = new Map<string, number[]>();

  count(name: string, by = 1): void {
    this.#keep(name, by);
  }

  sample(name: string, value: number): void {
    this.#keep(name, value);
  }

  gauge(name: string, value: number): void {
    this.#keep(name, value);
  }

  /** What was told under a name since it was last taken. */
  take(name: string): number[] {
    const values = this.#values.get(name) ?? [];
    this.#values.delete(name);
    return values;
  }

  #keep(name: string, value: number): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }
}
