import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instant } from "../../src/base/units.js";
import type { GovernorConfig } from "../../src/lb/config.js";
import { Governor } from "../../src/lb/governor.js";
import "../support/seed.js";

const config: GovernorConfig = {
  quiet: 50,
  maxDelay: 500,
  reloadGap: 2_000,
  maxLingering: 3,
  reloadPatience: 30_000,
  retry: [1_000, 30_000],
};

function governor(name = "edge"): Governor {
  return new Governor(config, name);
}

describe("rounds", () => {
  test("nothing is due while nothing happens", () => {
    expect(governor().next(100)).toBeUndefined();
  });

  test("the first change after a quiet time goes at once, and others do not put it off", () => {
    const one = governor();
    one.changed(1_000);
    one.changed(1_001);
    expect(one.next(1_001)).toBe(1_001);
  });

  test.for([
    { why: "one change waits for a quiet time", changes: [1_020], due: 1_070 },
    { why: "each change starts the quiet time anew", changes: [1_020, 1_060, 1_100], due: 1_150 },
    {
      why: "but never longer than the maximum delay",
      changes: Array.from({ length: 30 }, (_, index) => 1_020 + index * 40),
      due: 1_520,
    },
  ])("soon after a round $why", ({ changes, due }) => {
    const one = governor();
    one.changed(1_000);
    one.begin();
    one.end(1_010, true);
    for (const at of changes) one.changed(at);
    expect(one.next(0)).toBe(due);
  });

  test("a change during a round makes one more afterwards", () => {
    const one = governor();
    one.changed(1_000);
    one.begin();
    one.changed(1_005);
    one.end(1_030, true);
    expect(one.next(1_030)).toBe(1_055);
  });

  test("a round that failed is tried again, later and later, up to a limit", () => {
    const one = governor();
    const pauses = Array.from({ length: 7 }, () => {
      one.begin();
      one.end(0, false);
      return one.next(0);
    });
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    one.begin();
    one.end(0, true);
    expect(one.next(0)).toBeUndefined();
  });

  test("a change does not wait for the pause after a failure", () => {
    const one = governor();
    one.begin();
    one.end(0, false);
    one.changed(10);
    expect(one.next(10)).toBe(60);
  });
});

describe("reloads", () => {
  test("the first may begin at once", () => {
    expect(governor().mayReload(0, 0, 0)).toEqual({ go: true });
  });

  test("the next waits for the gap, stretched by up to a fifth that the name gives", () => {
    const gaps = ["edge", "inner", "a", "b", "c"].map((name) => {
      const one = governor(name);
      one.reloading(0);
      one.reloaded(true);
      const verdict = one.mayReload(10, 0, 0);
      return verdict.go ? 0 : verdict.at;
    });
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2_400);
    expect(new Set(gaps).size).toBe(gaps.length);
  });

  test("the gap doubles while reloads fail, up to the longest pause", () => {
    const one = governor();
    const gaps = Array.from({ length: 6 }, () => {
      one.reloading(0);
      one.reloaded(false);
      const verdict = one.mayReload(10, 0, 0);
      return verdict.go ? 0 : Math.floor(verdict.at / 2_000);
    });
    expect(gaps).toEqual([2, 4, 8, 15, 15, 15]);
  });

  test("old workers that pile up put it off, but not for ever", () => {
    const one = governor();
    expect(one.mayReload(0, 2, 0)).toEqual({ go: true });
    const verdict = one.mayReload(100, 3, 0);
    expect(verdict).toEqual({ go: false, at: 600, because: "3 old workers still serve" });
    expect(one.mayReload(30_000, 3, 0)).toEqual({ go: true });
  });

  test("a dead server that gets requests waits for the gap alone, not for old workers nor for others", () => {
    const one = governor();
    expect(one.mayReload(100, 99, 500, true)).toEqual({ go: true });
    one.reloading(100);
    one.reloaded(true);
    expect(one.mayReload(200, 99, 500, true)).toMatchObject({
      go: false,
      because: "gap between reloads",
    });
  });

  test("balancers whose turn is later let the others go before", () => {
    const one = governor();
    expect(one.mayReload(100, 0, 500)).toMatchObject({ go: false, at: 600 });
    expect(one.mayReload(600, 0, 500)).toEqual({ go: true });
  });
});

/** Every change is followed at once by a round that needs a reload; returns when reloads began. */
function reloadsOf(one: Governor, changes: readonly Instant[], took: number): Instant[] {
  const reloads: Instant[] = [];
  const waiting = [...changes];
  let isDirty = false;
  let pending = false;
  for (let now = 0; now < 60_000; now += 1) {
    while ((waiting[0] ?? Number.POSITIVE_INFINITY) <= now) {
      waiting.shift();
      one.changed(now);
      isDirty = true;
    }
    const isDue = (one.next(now) ?? Number.POSITIVE_INFINITY) <= now;
    if (!isDue && !pending) continue;
    if (isDue) one.begin();
    pending = isDirty && !one.mayReload(now, 0, 0).go;
    if (isDirty && !pending) {
      one.reloading(now);
      one.reloaded(true);
      reloads.push(now);
      isDirty = false;
    }
    if (isDue) one.end(now + took, true);
  }
  expect(isDirty).toBe(false);
  return reloads;
}

describe("a storm", () => {
  const bound = 10_000 * 1.2;

  test("200 changes in 10 s cause at most 3 reloads, and each is applied within the bound", () => {
    const storms = fc.array(fc.integer({ min: 0, max: 10_000 }), {
      minLength: 200,
      maxLength: 200,
    });
    fc.assert(
      fc.property(storms, fc.string(), (times, name) => {
        const changes = times.toSorted((one, other) => one - other);
        const reloads = reloadsOf(governor(name), changes, 0);
        expect(reloads.length).toBeLessThanOrEqual(3);
        for (const change of changes) {
          const applied = reloads.find((at) => at >= change);
          expect(applied).toBeDefined();
          expect((applied ?? 0) - change).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("a change now and then does not wait for the rule of storms", () => {
    const reloads = reloadsOf(governor(), [0, 3_000, 6_000, 9_000], 0);
    expect(reloads).toEqual([0, 3_000, 6_000, 9_000]);
  });
});
