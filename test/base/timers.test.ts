import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import "../support/seed.js";

/** Asks for calls at `instants`; what was called, by place in that list. */
function ask(queue: TimerQueue, instants: readonly number[]): number[] {
  const called: number[] = [];
  for (const [place, when] of instants.entries()) queue.at(when, () => called.push(place));
  return called;
}

describe("timers", () => {
  test("run in the order of their instants, and not before", () => {
    const queue = new TimerQueue();
    const called = ask(queue, [30, 10, 20]);
    expect(queue.deadline()).toBe(10);
    queue.runDue(9.9);
    expect(called).toEqual([]);
    queue.runDue(20);
    expect(called).toEqual([1, 2]);
    expect(queue.deadline()).toBe(30);
    queue.runDue(1_000);
    expect(called).toEqual([1, 2, 0]);
    expect(queue.deadline()).toBeUndefined();
  });

  test("of one instant run in the order in which they were asked for", () => {
    const queue = new TimerQueue();
    const called = ask(queue, new Array<number>(50).fill(7));
    queue.runDue(7);
    expect(called).toEqual(Array.from({ length: 50 }, (_, place) => place));
  });

  test("are told the instant that was fed, not the one asked for", () => {
    const queue = new TimerQueue();
    const told: number[] = [];
    queue.at(10, (now) => told.push(now));
    queue.runDue(25);
    expect(told).toEqual([25]);
  });

  test("asked for by a timer run at once if they are due", () => {
    const queue = new TimerQueue();
    const called: string[] = [];
    queue.at(10, (now) => {
      called.push("first");
      queue.at(now, () => called.push("due"));
      queue.at(now + 1, () => called.push("later"));
      queue.at(5, () => called.push("overdue"));
    });
    queue.at(10, () => called.push("second"));
    queue.runDue(10);
    expect(called).toEqual(["first", "overdue", "second", "due"]);
    expect(queue.deadline()).toBe(11);
  });

  test("run as a sorted list would, whatever is asked for and whenever", () => {
    const step = fc.oneof(fc.record({ at: fc.nat(100) }), fc.record({ run: fc.nat(120) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new TimerQueue();
        const called: number[] = [];
        const expected: number[] = [];
        let waiting: { when: number; order: number }[] = [];
        for (const [order, one] of steps.entries()) {
          if ("at" in one) {
            queue.at(one.at, () => called.push(order));
            waiting.push({ when: one.at, order });
          } else {
            queue.runDue(one.run);
            const due = waiting.filter(({ when }) => when <= one.run);
            waiting = waiting.filter(({ when }) => when > one.run);
            due.sort((a, b) => a.when - b.when || a.order - b.order);
            expected.push(...due.map(({ order: place }) => place));
          }
          expect(queue.deadline()).toBe(
            waiting.length === 0 ? undefined : Math.min(...waiting.map(({ when }) => when)),
          );
        }
        expect(called).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
