import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { intBelow, type Random, SeededRandom, shuffle } from "../../src/base/random.js";
import "../support/seed.js";

const draw = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.next());

/** sfc32 word by word in whole numbers of any size, as its author gives it. */
function* reference(seed: number, stream: number): Generator<number> {
  const mask = 0xffff_ffffn;
  let a = BigInt(seed) & mask;
  let b = BigInt(stream) & mask;
  let c = 0x9e37_79b9n;
  let counter = 1n;
  for (let round = 0; ; round += 1) {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = (((c << 21n) | (c >> 11n)) + sum) & mask;
    if (round >= 12) yield Number(sum) / 2 ** 32;
  }
}

describe("chance from a seed", () => {
  test("is sfc32, for every seed and stream", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (seed, stream) => {
        const expected = reference(seed, stream);
        const numbers = draw(new SeededRandom(seed, stream), 50);
        expect(numbers).toEqual(numbers.map(() => expected.next().value));
      }),
    );
  });

  test("is the same for the same seed, and another for another seed or stream", () => {
    const first = draw(new SeededRandom(1), 20);
    expect(draw(new SeededRandom(1), 20)).toEqual(first);
    expect(draw(new SeededRandom(2 ** 32 + 1), 20)).toEqual(first);
    expect(draw(new SeededRandom(2), 20)).not.toEqual(first);
    expect(draw(new SeededRandom(1, 1), 20)).not.toEqual(first);
  });

  test("fills [0, 1) evenly", () => {
    const buckets = new Array<number>(16).fill(0);
    const values = draw(new SeededRandom(3), 160_000);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    for (const value of values) {
      const bucket = Math.floor(value * 16);
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    // Three standard deviations are 290.
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  test("gives whole numbers from 0 to below the bound, each of them", () => {
    const random = new SeededRandom(4);
    for (const bound of [1, 2, 3, 10]) {
      const seen = new Set(Array.from({ length: 500 }, () => intBelow(random, bound)));
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: bound }, (_, n) => n));
    }
    expect(intBelow({ next: () => 1 - 2 ** -32 }, 7)).toBe(6);
  });
});

describe("a shuffle", () => {
  test("keeps every item", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        const shuffled = [...items];
        shuffle(new SeededRandom(seed), shuffled);
        expect(shuffled.toSorted()).toEqual(items.toSorted());
      }),
    );
  });

  test("gives each order the same chance", () => {
    const random = new SeededRandom(5);
    const counts = new Map<string, number>();
    for (let round = 0; round < 24_000; round += 1) {
      const items = ["a", "b", "c", "d"];
      shuffle(random, items);
      const order = items.join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // Three standard deviations are 93.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(140);
  });
});
