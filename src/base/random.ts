/** The core's only source of chance. */
export interface Random {
  /** A number in [0, 1) with at least 32 random bits. */
  next(): number;
}

/** A whole number in [0, bound). `bound` is at least 1. */
export function intBelow(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** Puts `items` in random order, in place (Fisher and Yates). */
export function shuffle<T>(random: Random, items: T[]): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = intBelow(random, last + 1);
    const held = items[last] as T;
    items[last] = items[other] as T;
    items[other] = held;
  }
}

/**
 * Chance that a seed determines (sfc32): the same seed gives the same numbers on every machine.
 * Not for secrets.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is taken modulo 2^32; `stream` tells apart members that share a seed. */
  constructor(seed: number, stream = 0) {
    this.#a = seed >>> 0;
    this.#b = stream >>> 0;
    this.#c = 0x9e3779b9;
    for (let round = 0; round < 12; round += 1) this.next();
  }

  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 4_294_967_296;
  }
}
