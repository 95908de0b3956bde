import type { Bytes } from "../base/units.js";

/**
 * Values as they are encoded, one behind the other, which many members have alike: they are encoded once,
 * sent in one piece, and recognised by their bytes when others send them.
 */
export class EncodedList {
  readonly #bytes: Buffer;
  /** Where each begins, and where the last ends. */
  readonly #starts: Float64Array;

  constructor(values: readonly Bytes[]) {
    this.#bytes = Buffer.concat(values);
    this.#starts = new Float64Array(values.length + 1);
    for (const [place, { length }] of values.entries()) {
      this.#starts[place + 1] = this.startOf(place) + length;
    }
  }

  get length(): number {
    return this.#starts.length - 1;
  }

  startOf(place: number): number {
    return this.#starts[place] as number;
  }

  /** The bytes of all, in pieces, with others for those at some places (ascending); empty ones leave out. */
  withChanges(changes: readonly ListChange[]): Bytes[] {
    const pieces: Bytes[] = [];
    let from = 0;
    for (const { bytes, place } of changes) {
      pieces.push(this.#bytes.subarray(from, this.startOf(place)), bytes);
      from = this.startOf(place + 1);
    }
    pieces.push(this.#bytes.subarray(from));
    return pieces;
  }

  /** True if the values from `first` up to `beyond` are what begins at `position`. */
  isAt(bytes: Bytes, position: number, first: number, beyond: number): boolean {
    const [start, end] = [this.startOf(first), this.startOf(beyond)];
    return this.#bytes.compare(bytes, position, position + end - start, start, end) === 0;
  }
}

/** What a list has differently at one place; nothing if `bytes` is empty. */
export interface ListChange {
  readonly place: number;
  readonly bytes: Bytes;
}

/** Values of members that need not be read, for they say what is known already. */
export interface KnownValues {
  /** How many were found by the last call of {@link find}. */
  readonly found: number;
  /** How many bytes from `position` on are values that are known, whole, before `end` and at most `most`. */
  find(bytes: Bytes, position: number, end: number, most: number): number;
  /** What is said of `name` had to be read. */
  noteRead(name: string): void;
}

/**
 * Finds the values of a list in what somebody sends: in the same order, but others may stand between
 * them or in place of them.
 */
export class ListFinder implements KnownValues {
  found = 0;
  readonly #list: EncodedList;
  readonly #placeOf: (name: string) => number | undefined;
  /** Places where we know better, so that what is there has to be looked at; ascending. */
  readonly #changed: readonly number[];
  #nextChange = 0;
  /** Where the next one is expected. */
  #place = 0;

  constructor(
    list: EncodedList,
    placeOf: (name: string) => number | undefined,
    changed: readonly number[],
  ) {
    this.#list = list;
    this.#placeOf = placeOf;
    this.#changed = changed;
  }

  find(bytes: Bytes, position: number, end: number, most: number): number {
    const list = this.#list;
    const first = this.#place;
    let beyond = Math.min(this.#reach(end - position), first + most);
    // Mostly all are the same; if not, those before the first that is not are found by halving.
    while (beyond > first && !list.isAt(bytes, position, first, beyond)) {
      beyond = first + ((beyond - first) >> 1);
    }
    this.#place = beyond;
    this.found = beyond - first;
    return list.startOf(beyond) - list.startOf(first);
  }

  noteRead(name: string): void {
    const place = this.#placeOf(name);
    if (place === undefined) return;
    if (place < this.#place) this.#nextChange = 0;
    this.#place = place + 1;
  }

  /** Up to where the list has no change, nor more than `room` bytes. */
  #reach(room: number): number {
    const list = this.#list;
    while ((this.#changed[this.#nextChange] ?? list.length) < this.#place) this.#nextChange += 1;
    let low = this.#place;
    let high = Math.min(this.#changed[this.#nextChange] ?? list.length, list.length);
    const limit = list.startOf(low) + room;
    if (list.startOf(high) <= limit) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (list.startOf(middle) <= limit) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
