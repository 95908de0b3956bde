import { expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import { CoalesceWindow } from "../../src/serf/coalescer.js";

/** When a window with 3 s in all and 1 s of quiet is flushed, if something happens at `times`. */
function flushes(times: readonly number[], periods = { coalesce: 3_000, quiescent: 1_000 }) {
  const timers = new TimerQueue();
  const flushed: number[] = [];
  const window = new CoalesceWindow(timers, periods, (now) => flushed.push(now));
  const runUntil = (end: number): void => {
    for (let due = timers.deadline(); due !== undefined && due < end; due = timers.deadline()) {
      timers.runDue(due);
    }
  };
  for (const time of times) {
    runUntil(time);
    window.extend(time);
  }
  runUntil(Number.POSITIVE_INFINITY);
  return flushed;
}

test.for([
  { times: [0], flushed: [1_000] },
  { times: [0, 900], flushed: [1_900] },
  { times: [0, 900, 1_800, 2_700], flushed: [3_000] },
  { times: [0, 1_001], flushed: [1_000, 2_001] },
  { times: [0, 900, 1_800, 2_700, 3_500], flushed: [3_000, 4_500] },
  { times: [0, 1_000, 2_000, 3_000], flushed: [3_000] },
])("events at $times are told at $flushed", ({ times, flushed }) => {
  // An event at the very instant of a deadline still belongs to the window.
  expect(flushes(times)).toEqual(flushed);
});

test("without a period every event is told at once", () => {
  expect(flushes([0, 5, 5], { coalesce: 0, quiescent: 1_000 })).toEqual([0, 5, 5]);
});

test("a window that is closed early is told once, and one timer waits at a time", () => {
  const timers = new TimerQueue();
  const flushed: number[] = [];
  const periods = { coalesce: 3_000, quiescent: 1_000 };
  const window = new CoalesceWindow(timers, periods, (now) => flushed.push(now));
  for (let now = 0; now < 500; now += 1) {
    window.extend(now);
    window.close(now);
  }
  window.close(500);
  expect(flushed).toHaveLength(500);
  timers.runDue(10_000);
  expect(flushed).toHaveLength(500);
  expect(timers.deadline()).toBeUndefined();
});
