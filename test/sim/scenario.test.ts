import { describe, expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { quietConditions } from "../../src/sim/network.js";
import { curveOf, distributionOf, quantile, rangeOf } from "../../src/sim/quantiles.js";
import { runScenario, type Scenario, type ScenarioReport } from "../../src/sim/scenario.js";
import { summarise } from "../../src/sim/scenario-summary.js";
import { profiles } from "../../src/swim/config.js";

const plain: Scenario = {
  nodes: 12,
  seed: 1,
  start: "cold",
  timing: profiles.lan,
  conditions: quietConditions,
  compression: false,
  refusals: true,
  killed: 0,
  hostsLost: 0,
  leaving: 0,
  stalled: 0,
  steady: seconds(10),
  killSpread: 0,
  stallTime: seconds(20),
  watch: undefined,
};

const run = (changes: Partial<Scenario> = {}): ScenarioReport =>
  runScenario({ ...plain, ...changes });

test("the same scenario gives the same report, and another seed another one", () => {
  const faults = { nodes: 7, killed: 1, hostsLost: 1, leaving: 1, stalled: 1 };
  expect(run(faults)).toEqual(run(faults));
  expect(run({ ...faults, seed: 2 })).not.toEqual(run(faults));
});

test("every member that went is missed by everybody, in the way in which it went", () => {
  const { hostsLost, killed, leaves } = run({ killed: 2, hostsLost: 2, leaving: 2 });
  for (const { all, first, missed } of [killed, hostsLost, leaves]) {
    expect({ first: first.length, all: all.length, missed }).toEqual({
      first: 2,
      all: 2,
      missed: 0,
    });
    for (const [index, at] of first.entries()) expect(all[index]).toBeGreaterThanOrEqual(at ?? -1);
  }
  expect(leaves.curve[100]).toBeLessThan(seconds(3));
  expect(hostsLost.curve[0]).toBeGreaterThan(seconds(3));
});

test("a killed process is found much sooner than a lost host, if refusals count", () => {
  const faults = { nodes: 20, killed: 1, hostsLost: 1, start: "settled" as const };
  const [killed = 0] = run(faults).killed.all;
  const [lost = 0] = run(faults).hostsLost.all;
  const [waitedFor = 0] = run({ ...faults, refusals: false }).killed.all;
  expect(killed).toBeLessThan(lost / 2);
  expect(waitedFor).toBeGreaterThan(2 * killed);
});

test("on a quiet network nobody is declared failed falsely, and all hear all news", () => {
  const { excusedAlarms, falseAlarms, join, tags, userEvent } = run({ killed: 1, leaving: 2 });
  expect(falseAlarms).toEqual({ members: 0, views: 0, believedFor: [] });
  expect(Object.values(excusedAlarms)).toEqual([0, 0, 0, 0]);
  expect(join?.missed).toBe(0);
  expect({ all: userEvent.audience, missed: userEvent.missed }).toEqual({ all: 8, missed: 0 });
  expect({ all: tags.audience, missed: tags.missed }).toEqual({ all: 8, missed: 0 });
  expect(userEvent.all).toBeLessThan(seconds(2));
});

test("members that have known each other for long have nothing to join, and find and hear the same", () => {
  const report = run({ nodes: 30, start: "settled", killed: 2, hostsLost: 1, leaving: 1 });
  expect(report.join).toBeUndefined();
  expect(report.phases[0]).toEqual({ name: "settle", at: 0 });
  expect(report.falseAlarms.members).toBe(0);
  for (const { missed } of [report.killed, report.hostsLost, report.leaves, report.userEvent]) {
    expect(missed).toBe(0);
  }
  expect(report.steady.packets).toBeCloseTo(2, 1);
});

test("members that stand still are not counted as false alarms", () => {
  const { excusedAlarms, falseAlarms } = run({ stalled: 3 });
  expect(excusedAlarms).toMatchObject({ stalledMembers: 3 });
  expect(excusedAlarms.stalledViews).toBeGreaterThanOrEqual(3);
  expect(falseAlarms.members).toBe(0);
});

test("while nothing happens a member pings once a second and answers once, whatever the size", () => {
  for (const nodes of [6, 24]) {
    const { steady } = run({ nodes });
    expect(steady.packets).toBeCloseTo(2, 1);
    expect(steady.udpBytes).toBeGreaterThan(2 * 28);
    expect(steady.tcpBytes).toBeLessThan(400);
  }
});

test("what is lost is asked for again, which takes more packets", () => {
  const quiet = run();
  const bad = run({ conditions: { ...quietConditions, loss: 0.2 } });
  expect(bad.steady.packets).toBeGreaterThan(1.2 * quiet.steady.packets);
});

test("who is declared failed and well is a false alarm, until it is refuted", () => {
  const { falseAlarms } = run({ conditions: { ...quietConditions, loss: 0.5 }, seed: 3 });
  expect(falseAlarms.members).toBeGreaterThan(0);
  expect(falseAlarms.believedFor).toHaveLength(falseAlarms.views);
  expect(falseAlarms.believedFor.some((time) => time !== undefined)).toBe(true);
});

test("kills are spread over the time that is given for them, and watched for as long as is said", () => {
  const { phases, virtualTime } = run({ killed: 3, killSpread: seconds(30), watch: seconds(50) });
  const faults = phases.find(({ name }) => name === "faults");
  expect(virtualTime - (faults?.at ?? 0)).toBeCloseTo(seconds(50));
  const short = run({ killed: 1, watch: seconds(1) });
  expect(short.killed).toMatchObject({ first: [undefined], missed: 11 });
});

test("progress only grows and ends at 1", () => {
  const told: number[] = [];
  runScenario(plain, (done) => told.push(done));
  expect(told.length).toBeGreaterThan(100);
  expect(told).toEqual(told.toSorted((one, other) => one - other));
  expect(told.at(-1)).toBe(1);
});

test("several runs are summarised by their middle and their range", () => {
  const reports = [1, 2, 3].map((seed) => run({ seed, killed: 1, nodes: 6 })) as [
    ScenarioReport,
    ...ScenarioReport[],
  ];
  const { killed, seeds, userEvent } = summarise(reports);
  expect(seeds).toEqual([1, 2, 3]);
  expect(killed.all.count).toBe(3);
  const times = reports.map((report) => report.userEvent.all ?? 0).toSorted((a, b) => a - b);
  expect(userEvent.all).toEqual({ least: times[0], median: times[1], most: times[2] });
});

describe("quantiles", () => {
  test.for([
    { share: 0, value: 10 },
    { share: 0.1, value: 10 },
    { share: 0.5, value: 50 },
    { share: 0.51, value: 60 },
    { share: 0.99, value: 100 },
    { share: 1, value: 100 },
  ])("$share of ten values do not exceed $value", ({ share, value }) => {
    expect(quantile([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], share)).toBe(value);
  });

  test("what never came counts as longer than anything", () => {
    expect(quantile([1, 2], 0.5, 4)).toBe(2);
    expect(quantile([1, 2], 0.75, 4)).toBeUndefined();
    expect(rangeOf([3, undefined, 1])).toEqual({ least: 1, median: 3, most: undefined });
    expect(distributionOf([3, undefined])).toMatchObject({ count: 2, missing: 1, median: 3 });
    expect(curveOf([5], 2).filter((value) => value !== undefined)).toHaveLength(51);
  });
});
