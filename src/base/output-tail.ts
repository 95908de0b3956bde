import type { Bytes } from "./units.js";

/** The last `capacity` bytes of an output, whose length does not matter. */
export class OutputTail {
  /** Bytes written in all. */
  total = 0;
  readonly #ring: Bytes;

  constructor(capacity: number) {
    this.#ring = new Uint8Array(capacity);
  }

  write(chunk: Bytes): void {
    const capacity = this.#ring.length;
    const part = chunk.subarray(Math.max(0, chunk.length - capacity));
    const start = (this.total + chunk.length - part.length) % capacity;
    const first = part.subarray(0, capacity - start);
    this.#ring.set(first, start);
    this.#ring.set(part.subarray(first.length));
    this.total += chunk.length;
  }

  bytes(): Bytes {
    const capacity = this.#ring.length;
    if (this.total <= capacity) return this.#ring.slice(0, this.total);
    const start = this.total % capacity;
    const tail = new Uint8Array(capacity);
    tail.set(this.#ring.subarray(start));
    tail.set(this.#ring.subarray(0, start), capacity - start);
    return tail;
  }
}
