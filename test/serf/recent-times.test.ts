import fc from "fast-check";
import { expect, test } from "vitest";
import { LamportClock } from "../../src/serf/lamport.js";
import { type Novelty, RecentTimes } from "../../src/serf/recent-times.js";

function remembering({ length = 8, capacity = 1_000 } = {}) {
  const clock = new LamportClock();
  const recent = new RecentTimes<string>(clock, length, capacity);
  const hear = (ltime: number, identity: string, weight = 1): Novelty => {
    clock.witness(ltime);
    return recent.add(ltime, identity, weight, identity);
  };
  return { clock, recent, hear };
}

test("the same thing at the same time is new once", () => {
  const { hear } = remembering();
  expect(hear(3, "x")).toBe("new");
  expect(hear(3, "x")).toBe("duplicate");
  expect(hear(3, "y")).toBe("new");
  expect(hear(4, "x")).toBe("new");
});

test.for([
  { ltime: 12, novelty: "new" },
  { ltime: 11, novelty: "old" },
] as const)("with 8 slots and the clock at 20, time $ltime is $novelty", ({ ltime, novelty }) => {
  const { hear } = remembering();
  hear(19, "latest");
  expect(hear(ltime, "x")).toBe(novelty);
});

test("nothing is old before the ring has been filled once", () => {
  const { hear } = remembering();
  hear(7, "latest");
  expect(hear(0, "x")).toBe("new");
});

test("a later time takes over the slot of an earlier one", () => {
  const { hear, recent } = remembering();
  hear(3, "x");
  hear(11, "x");
  expect(recent.latest(8)[3]).toMatchObject({ ltime: 11 });
});

test("fewer times than are remembered are shown, as a ring of their own", () => {
  const { hear, recent } = remembering();
  for (const ltime of [1, 2, 3, 5, 6]) hear(ltime, "x");
  expect(recent.latest(4).map((slot) => slot?.ltime)).toEqual([undefined, 5, 6, 3]);
  expect(hear(1, "x")).toBe("duplicate");
});

test("what is ignored stays ignored", () => {
  const { hear, recent } = remembering();
  recent.ignoreBefore(5);
  recent.ignoreBefore(2);
  expect(hear(4, "x")).toBe("ignored");
  expect(hear(5, "x")).toBe("new");
});

test("when all weigh too much the oldest times are forgotten and count as old", () => {
  const { hear, recent } = remembering({ capacity: 10 });
  hear(1, "a", 4);
  hear(2, "b", 4);
  expect(hear(3, "c", 4)).toBe("new");
  expect(hear(1, "a", 4)).toBe("old");
  expect(hear(2, "b", 4)).toBe("duplicate");
  expect(recent.latest(8)[1]).toBeUndefined();
});

test("a time that alone weighs too much takes no more", () => {
  const { hear } = remembering({ capacity: 10 });
  expect(hear(1, "a", 6)).toBe("new");
  expect(hear(1, "b", 6)).toBe("full");
  expect(hear(1, "a", 6)).toBe("duplicate");
});

test("an older time cannot push out a later one", () => {
  const { hear } = remembering({ capacity: 10 });
  hear(5, "later", 8);
  expect(hear(4, "earlier", 8)).toBe("full");
  expect(hear(5, "later", 8)).toBe("duplicate");
});

test("nothing is new twice and the bound holds, whatever is heard", () => {
  const heard = fc.record({
    ltime: fc.nat(40),
    identity: fc.constantFrom("a", "b", "c"),
    weight: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(heard, { maxLength: 200 }), (things) => {
      const { hear, recent } = remembering({ capacity: 12 });
      const taken = new Set<string>();
      for (const { ltime, identity, weight } of things) {
        if (hear(ltime, identity, weight) !== "new") continue;
        const key = `${ltime} ${identity}`;
        expect(taken).not.toContain(key);
        taken.add(key);
        const slots = recent.latest(8);
        const remembered = slots.reduce((sum, slot) => sum + (slot?.entries.size ?? 0), 0);
        expect(remembered).toBeLessThanOrEqual(12);
      }
    }),
  );
});
