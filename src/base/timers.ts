import type { Instant } from "./units.js";

/** What a timer runs; `now` is the instant the driver fed, at or after the one asked for. */
export type TimerCallback = (now: Instant) => void;

/**
 * Asks for a call at an instant. A timer is never cancelled: the callback looks at what it captured
 * and does nothing if it came too late.
 */
export interface Timers {
  at(when: Instant, run: TimerCallback): void;
}

interface Entry {
  readonly when: Instant;
  readonly order: number;
  readonly run: TimerCallback;
}

/** Timers of one member, earliest first; equal instants run in the order in which they were asked for. */
export class TimerQueue implements Timers {
  /** A binary heap. At most one entry per running suspicion, probe, exchange and periodic task. */
  readonly #heap: Entry[] = [];
  #order = 0;

  get length(): number {
    return this.#heap.length;
  }

  at(when: Instant, run: TimerCallback): void {
    this.#heap.push({ when, order: this.#order++, run });
    this.#siftUp(this.#heap.length - 1);
  }

  /** When {@link runDue} has something to do next; undefined when nothing was asked for. */
  deadline(): Instant | undefined {
    return this.#heap[0]?.when;
  }

  /** Runs all that is due at `now`, also what these callbacks ask for up to `now`. */
  runDue(now: Instant): void {
    for (
      let first = this.#heap[0];
      first !== undefined && first.when <= now;
      first = this.#heap[0]
    ) {
      this.#removeFirst();
      first.run(now);
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!earlier(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #siftDown(): void {
    const heap = this.#heap;
    const entry = heap[0] as Entry;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && earlier(right, heap[below] as Entry)) below += 1;
      const child = heap[below] as Entry;
      if (!earlier(child, entry)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = entry;
  }
}

function earlier(one: Entry, other: Entry): boolean {
  return one.when === other.when ? one.order < other.order : one.when < other.when;
}
