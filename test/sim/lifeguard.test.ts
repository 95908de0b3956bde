import { describe, expect, test } from "vitest";
import {
  type IntervalCell,
  type LifeguardConfiguration,
  runInterval,
  runThreshold,
} from "../../src/sim/lifeguard.js";

/** The paper has 128 members; a quarter shows the same in seconds. */
const size = 32;

const swim: LifeguardConfiguration = {
  parts: { probe: false, suspicion: false, buddy: false },
  isolation: false,
  alpha: 5,
  beta: 6,
};
const lifeguard = { ...swim, parts: { probe: true, suspicion: true, buddy: true } };

/** Each is some seconds of work, and much more on a busy machine. */
const patience = { timeout: 120_000 };

const longBlocks: IntervalCell = { concurrent: 6, duration: 16_384, interval: 16 };

describe("members that are blocked again and again", () => {
  test("make SWIM declare healthy ones failed, and Lifeguard hardly any (SEED=1)", patience, () => {
    const [without, withIt] = [swim, lifeguard].map(
      (configuration) => runInterval(configuration, "hang", longBlocks, 1, size).fp,
    );
    expect(without).toBeGreaterThan(20);
    expect(withIt).toBeLessThan((without ?? 0) / 20);
  });

  test("know with the isolation check that it is they who are cut off (SEED=1)", patience, () => {
    const cell: IntervalCell = { concurrent: 8, duration: 32_768, interval: 64 };
    const [without, withIt] = [false, true].map((isolation) =>
      runInterval({ ...lifeguard, isolation }, "block", cell, 1, size),
    );
    expect(without?.fp).toBeGreaterThan(50);
    expect(withIt?.fp).toBeLessThan((without?.fp ?? 0) / 10);
    expect(withIt?.messages).toBeLessThan(1.1 * (without?.messages ?? 0));
  });

  test(
    "flapping: refutations get through, and no healthy member is held for failed (SEED=1)",
    patience,
    () => {
      const flapStorm: IntervalCell = { concurrent: 8, duration: 2_048, interval: 1 };
      expect(runInterval(lifeguard, "block", flapStorm, 1, size)).toMatchObject({ fp: 0 });
    },
  );
});

test("members that stand still again and again accuse nobody, even without Lifeguard (SEED=1)", () => {
  expect(runInterval(swim, "pause", longBlocks, 1, size)).toMatchObject({ fp: 0 });
});

test("members that stay silent are found as soon with the isolation check as without (SEED=1)", () => {
  const cell = { concurrent: 3, duration: 40_000 };
  const [without, withIt] = [false, true].map((isolation) =>
    runThreshold({ ...lifeguard, isolation }, "block", cell, 1, size),
  );
  expect(without).toHaveLength(3);
  for (const [place, detection] of (without ?? []).entries()) {
    expect(detection?.first).toBeGreaterThan(5_000);
    expect(detection?.full).toBeLessThan(30_000);
    expect(withIt?.[place]?.full).toBeLessThan(1.1 * (detection?.full ?? 0));
  }
});
