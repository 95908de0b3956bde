import { expect, test } from "vitest";
import { Steadiness } from "../../src/agent/self/steadiness.js";

/** Two seconds after the start, with all as it should be. */
function calm() {
  const world = { now: 0, joined: true, suspects: false };
  const steadiness = new Steadiness({
    now: () => world.now,
    isJoined: () => world.joined,
    hasSuspects: () => world.suspects,
  });
  world.now = 2_000;
  return { steadiness, world };
}

test("what was joined, suspects nobody and did not change for two seconds is settled", () => {
  const { steadiness, world } = calm();
  expect(steadiness.isSettled).toBe(true);
  world.now = 1_999;
  expect(steadiness.isSettled).toBe(false);
});

test("a change begins two new seconds", () => {
  const { steadiness, world } = calm();
  steadiness.noteChange();
  world.now += 1_999;
  expect(steadiness.isSettled).toBe(false);
  world.now += 1;
  expect(steadiness.isSettled).toBe(true);
});

test.for(["joined", "suspects"] as const)("%s matters", (what) => {
  const { steadiness, world } = calm();
  world[what] = !world[what];
  expect(steadiness.isSettled).toBe(false);
});
