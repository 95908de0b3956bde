import type { Instant } from "../base/units.js";

/**
 * What is to happen in virtual time, earliest first; of equal instants what was added first.
 *
 * A binary heap of numbers: what they stand for lies beside it and is never moved, so that hundreds of
 * thousands of packets under way cost little.
 */
export class EventQueue<Item> {
  /** As many as are under way; grows by doubling and is never given back. */
  #times = new Float64Array(1_024);
  #orders = new Float64Array(1_024);
  #places = new Int32Array(1_024);
  readonly #items: (Item | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  #length = 0;
  #order = 0;

  get length(): number {
    return this.#length;
  }

  /** When the next item is due; infinite if there is none. */
  get nextAt(): Instant {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  add(at: Instant, item: Item): void {
    const place = this.#freePlaces.pop() ?? this.#items.length;
    this.#items[place] = item;
    if (this.#length === this.#times.length) this.#grow();
    this.#length += 1;
    this.#order += 1;
    this.#siftUp(at, this.#order, place);
  }

  /** The item that is due at {@link nextAt}; undefined if there is none. */
  take(): Item | undefined {
    if (this.#length === 0) return undefined;
    const place = this.#places[0] as number;
    const item = this.#items[place];
    this.#items[place] = undefined;
    this.#freePlaces.push(place);
    this.#length -= 1;
    if (this.#length > 0) this.#siftDown();
    return item;
  }

  #grow(): void {
    const size = 2 * this.#times.length;
    const [times, orders, places] = [this.#times, this.#orders, this.#places];
    this.#times = new Float64Array(size);
    this.#times.set(times);
    this.#orders = new Float64Array(size);
    this.#orders.set(orders);
    this.#places = new Int32Array(size);
    this.#places.set(places);
  }

  #siftUp(time: Instant, order: number, place: number): void {
    let index = this.#length - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#isLater(above, time, order)) break;
      this.#move(above, index);
      index = above;
    }
    this.#put(index, time, order, place);
  }

  /** Puts the last entry at the top, from where it sinks. */
  #siftDown(): void {
    const length = this.#length;
    const time = this.#times[length] as number;
    const order = this.#orders[length] as number;
    const place = this.#places[length] as number;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= length) break;
      const right = below + 1;
      if (
        right < length &&
        this.#isLater(below, this.#times[right] as number, this.#orders[right] as number)
      ) {
        below = right;
      }
      if (this.#isLater(below, time, order)) break;
      this.#move(below, index);
      index = below;
    }
    this.#put(index, time, order, place);
  }

  #isLater(index: number, time: Instant, order: number): boolean {
    const other = this.#times[index] as number;
    return other === time ? (this.#orders[index] as number) > order : other > time;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#orders[to] = this.#orders[from] as number;
    this.#places[to] = this.#places[from] as number;
  }

  #put(index: number, time: Instant, order: number, place: number): void {
    this.#times[index] = time;
    this.#orders[index] = order;
    this.#places[index] = place;
  }
}
