import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { type DetectionOptions, detect } from "../../src/sim/detection.js";
import { seeds } from "../support/seeds.js";

type Case = Omit<DetectionOptions, "seed" | "members" | "refusals">;

const group = { members: 8, watched: seconds(30) };

test.for(seeds(3))("all know of a kill sooner by refusals than by silence (SEED=%i)", (seed) => {
  const options = { ...group, seed, ordeal: { kind: "kill" } } as const;
  const [by, without] = [true, false].map((refusals) => detect({ ...options, refusals }));
  expect(by?.shortened).toBeGreaterThan(0);
  expect(without?.shortened).toBe(0);
  expect(by?.last ?? Number.POSITIVE_INFINITY).toBeLessThan(without?.first ?? 0);
});

const harmless: readonly (Case & { readonly what: string })[] = [
  { what: "packets get lost", ordeal: { kind: "calm" }, loss: 0.1 },
  { what: "processes stand still", ordeal: { kind: "pause", time: seconds(2) } },
  { what: "processes are blocked", ordeal: { kind: "block", time: seconds(2) } },
  { what: "all refuse connections", ordeal: { kind: "calm" }, refusing: 1 },
  { what: "all refuse, and packets get lost", ordeal: { kind: "calm" }, refusing: 1, loss: 0.05 },
  { what: "one restarts at once", ordeal: { kind: "restart", after: 300 } },
  { what: "all restart at once", ordeal: { kind: "restart storm", after: 300 } },
];

test.for(harmless)("nobody is told of a failure when $what", ({ what, ...one }) => {
  for (const seed of seeds(2)) {
    const { falseAlarms, lateAlarms } = detect({ ...group, ...one, seed, refusals: true });
    expect({ what, seed, falseAlarms, lateAlarms }).toEqual({
      what,
      seed,
      falseAlarms: 0,
      lateAlarms: 0,
    });
  }
});
