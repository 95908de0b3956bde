import fc from "fast-check";
import { expect, test } from "vitest";
import { EventQueue } from "../../src/sim/event-queue.js";
import "../support/seed.js";

test("what is due first comes first, and of equal instants what was added first", () => {
  const times = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 3_000 });
  fc.assert(
    fc.property(times, (instants) => {
      const queue = new EventQueue<string>();
      const items = instants.map((at, order) => ({ at, text: `${at} ${order}` }));
      for (const { at, text } of items) queue.add(at, text);
      const expected = items.toSorted((one, other) => one.at - other.at).map(({ text }) => text);
      expect(instants.map(() => queue.take())).toEqual(expected);
      expect(queue.take()).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("items that are added between others keep the order", () => {
  const queue = new EventQueue<number>();
  queue.add(5, 5);
  queue.add(1, 1);
  expect(queue.nextAt).toBe(1);
  expect(queue.take()).toBe(1);
  queue.add(3, 3);
  queue.add(5, 6);
  expect([queue.take(), queue.take(), queue.take()]).toEqual([3, 5, 6]);
  expect(queue.nextAt).toBe(Number.POSITIVE_INFINITY);
});
