/**
 * A map that begins with the entries of another one, which it shares and never changes: it takes memory
 * only for what is different.
 */
export class Overlay<Value> {
  readonly #base: ReadonlyMap<string, Value>;
  /** Added, or in place of what the base has. */
  readonly #own = new Map<string, Value>();
  /** Names of the base that are no longer here. */
  readonly #gone = new Set<string>();
  #size: number;

  constructor(base: ReadonlyMap<string, Value> = new Map()) {
    this.#base = base;
    this.#size = base.size;
  }

  get size(): number {
    return this.#size;
  }

  get(name: string): Value | undefined {
    const own = this.#own.get(name);
    if (own !== undefined || this.#base.size === 0 || this.#gone.has(name)) return own;
    return this.#base.get(name);
  }

  /** What was set here, and is not shared. */
  own(name: string): Value | undefined {
    return this.#own.get(name);
  }

  /** The entries that were set here. */
  ownEntries(): Iterable<[string, Value]> {
    return this.#own.entries();
  }

  /** Names of the base that are no longer here. */
  goneNames(): Iterable<string> {
    return this.#gone;
  }

  set(name: string, value: Value): void {
    if (this.get(name) === undefined) this.#size += 1;
    this.#gone.delete(name);
    this.#own.set(name, value);
  }

  delete(name: string): void {
    if (this.get(name) === undefined) return;
    this.#size -= 1;
    this.#own.delete(name);
    if (this.#base.has(name)) this.#gone.add(name);
  }

  /** First what the base has, in its order, then what was added. */
  values(): Iterable<Value> {
    return this.#base.size === 0 ? this.#own.values() : this.#merged();
  }

  *#merged(): Iterable<Value> {
    for (const [name, value] of this.#base) {
      if (!this.#gone.has(name)) yield this.#own.get(name) ?? value;
    }
    for (const [name, value] of this.#own) if (!this.#base.has(name)) yield value;
  }
}
