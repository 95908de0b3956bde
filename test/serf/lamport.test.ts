import { expect, test } from "vitest";
import { LamportClock, successor } from "../../src/serf/lamport.js";

test("a clock starts at 1 and is one later after each thing said at its time", () => {
  const clock = new LamportClock();
  expect(clock.time).toBe(1);
  clock.witness(clock.time);
  expect(clock.time).toBe(2);
});

test.for([
  { seen: 0, time: 5 },
  { seen: 4, time: 5 },
  { seen: 5, time: 6 },
  { seen: 9, time: 10 },
  { seen: Number.MAX_SAFE_INTEGER, time: Number.MAX_SAFE_INTEGER },
])("a clock at 5 that witnesses $seen shows $time", ({ seen, time }) => {
  const clock = new LamportClock();
  clock.witness(4);
  clock.witness(seen);
  expect(clock.time).toBe(time);
});

test("a clock that was pushed to its end stays there", () => {
  const clock = new LamportClock();
  clock.witness(Number.MAX_SAFE_INTEGER);
  clock.witness(clock.time);
  expect(clock.time).toBe(Number.MAX_SAFE_INTEGER);
  expect(successor(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
});
