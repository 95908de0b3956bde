import { expect, test } from "vitest";
import { RefusalLog } from "../../src/lb/refusal-log.js";

function refusal(node: string, reason = "the port is none") {
  return { pool: "web", node, reason };
}

test("a refusal is told once, however often it is decided", () => {
  const log = new RefusalLog();
  expect(log.take(0, [refusal("a")])).toEqual([refusal("a")]);
  for (let now = 1; now < 1_000_000; now += 30_000) {
    expect(log.take(now, [refusal("a")])).toEqual([]);
  }
  expect(log.take(1_000_000, [refusal("a"), refusal("b")])).toEqual([refusal("b")]);
});

test("who changes its tags all the time has one line a minute", () => {
  const log = new RefusalLog();
  let lines = 0;
  for (let now = 0; now < 600_000; now += 100) {
    // Every other time it is right.
    const refused = now % 200 === 0 ? [refusal("a", `the port ${now}`)] : [];
    lines += log.take(now, refused).length;
  }
  expect(lines).toBe(10);
});

test("names that are made up have 100 lines a minute, and who is still there is told later", () => {
  const log = new RefusalLog();
  let lines = 0;
  for (let now = 0; now < 60_000; now += 100) {
    lines += log.take(now, [refusal("a"), refusal(`n${now}`), refusal(`m${now}`)]).length;
  }
  expect(lines).toBe(100);
  expect(log.take(120_000, [refusal("a"), refusal("late")])).toEqual([refusal("late")]);
});
