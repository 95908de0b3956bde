import { expect, test } from "vitest";
import type { Metric } from "../../docker/autoscale/controller/config.js";
import { Scaler, type Situation } from "../../docker/autoscale/controller/scaler.js";

const options = {
  thresholds: new Map([
    ["requests_in_flight", { grow: 10, shrink: 5 }],
    ["cpu_percent", { grow: 80, shrink: 40 }],
  ] as const),
  growCooldown: 5_000,
  shrinkCooldown: 60_000,
};
const size = { minimum: 2, maximum: 8 };

/** A pool whose servers are ready as soon as they are wanted. */
function pool(running: number, given: Partial<typeof options> = {}) {
  const scaler = new Scaler({ ...options, ...given }, running, 0);
  return (seconds: number, inFlight: number | undefined, more: Partial<Situation> = {}) => {
    const load = new Map<Metric, number>([["cpu_percent", 0]]);
    if (inFlight !== undefined) load.set("requests_in_flight", inFlight);
    const now = 1_000 * seconds;
    return scaler.decide({ now, size, ready: scaler.target, starting: 0, load, ...more });
  };
}

test.for([
  { inFlight: 20, target: 2 },
  { inFlight: 21, target: 3 },
  { inFlight: 38, target: 4 },
  // Twice as many at most: what has piled up is not load.
  { inFlight: 70, target: 4 },
])("$inFlight requests at a time make $target of two", ({ inFlight, target }) => {
  expect(pool(2)(10, inFlight).target).toBe(target);
});

test("any measure alone makes it grow", () => {
  const load = new Map<Metric, number>([
    ["requests_in_flight", 0],
    ["cpu_percent", 250],
  ]);
  expect(pool(2)(10, 0, { load })).toEqual({
    target: 4,
    change: "grow",
    reason: "250 cpu percent need 4 servers with 80 each",
  });
});

test("it grows no further while some start, are missing, or grew just now", () => {
  const decide = pool(2);
  expect(decide(10, 40).target).toBe(4);
  expect(decide(11, 80, { ready: 2, starting: 2 })).toMatchObject({ target: 4, change: "none" });
  expect(decide(12, 80, { ready: 3 }).reason).toMatch(/3 of 4 ready$/);
  expect(decide(13, 80).reason).toBe(
    "80 requests in flight need 8 servers with 10 each; cooling down for 2 s",
  );
  expect(decide(15, 80).target).toBe(8);
  expect(decide(30, 200).reason).toMatch(/but this is the maximum$/);
});

test("it shrinks by one when load was low for the whole cooldown", () => {
  const decide = pool(4);
  expect(decide(100, 10).reason).toBe("little load; one less if it stays so for 60 s");
  expect(decide(159, 10).target).toBe(4);
  expect(decide(160, 10)).toEqual({
    target: 3,
    change: "shrink",
    reason: "0 cpu percent, 10 requests in flight: 3 servers can carry it",
  });
  // And it needs the whole cooldown again, with what the next would have to carry.
  expect(decide(220, 10).reason).toBe("the load fits");
  expect(decide(221, 9).target).toBe(3);
  expect(decide(281, 9).target).toBe(2);
  expect(decide(400, 0).reason).toBe("little load, but this is the minimum");
});

test("one moment of load starts the cooldown again", () => {
  const decide = pool(4);
  decide(100, 10);
  expect(decide(150, 16).reason).toBe("the load fits");
  decide(151, 10);
  expect(decide(210, 10).target).toBe(4);
  expect(decide(211, 10).target).toBe(3);
});

test("what cannot be measured makes nothing smaller, and does not hinder growth", () => {
  const decide = pool(4);
  for (const second of [100, 200, 300]) {
    expect(decide(second, undefined)).toEqual({
      target: 4,
      change: "none",
      reason: "requests in flight cannot be measured: kept as it is",
    });
  }
  const load = new Map<Metric, number>([["cpu_percent", 400]]);
  expect(decide(301, undefined, { load }).target).toBe(5);
});

test("nothing is taken away while a server is missing", () => {
  const decide = pool(4);
  decide(100, 0);
  expect(decide(200, 0, { ready: 3, starting: 1 }).target).toBe(4);
});

test("its bounds hold at once, also when they change", () => {
  const decide = pool(0);
  expect(decide(0, undefined)).toMatchObject({ target: 2, reason: "at least 2 servers now" });
  expect(decide(1, 0, { size: { minimum: 4, maximum: 8 } }).target).toBe(4);
  expect(decide(2, 35, { size: { minimum: 1, maximum: 3 } })).toMatchObject({
    target: 3,
    change: "shrink",
    reason: "at most 3 servers now",
  });
});

test("over a day of load that comes and goes it neither flaps nor leaves its bounds", () => {
  const decide = pool(2);
  let changes = 0;
  const wrong: string[] = [];
  for (let second = 0; second < 86_400; second += 5) {
    const load = 30 + 28 * Math.sin(second / 7_000) + 2 * Math.sin(second);
    const { target, change } = decide(second, load);
    if (change !== "none") changes += 1;
    const isShort = second > 60 && load / target > 10.5;
    if (isShort || target < size.minimum || target > size.maximum)
      wrong.push(`${second}: ${target}`);
  }
  expect(wrong).toEqual([]);
  // Two dozen slopes with a handful of steps each.
  expect(changes).toBeLessThan(150);
});
