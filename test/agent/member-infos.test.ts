import { describe, expect, test } from "vitest";
import { MemberInfos } from "../../src/agent/member-infos.js";
import { OperatorError } from "../../src/base/errors.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

/** When the clock of the cluster stands at zero. */
const epoch = Date.UTC(2026, 0, 1);

/** Five members that know each other for a while, as the first one sees them. */
function group(coordinates = true) {
  const cluster = new SerfCluster();
  const wallClock = (): number => epoch + cluster.now;
  const chronicle = new Chronicle(wallClock);
  const first = cluster.add("a", { observe: (observation) => chronicle.observe(observation) });
  const others = ["b", "c", "d", "e"].map((name) =>
    cluster.add(name, { tags: new Map([["role", name < "d" ? "web" : "lb"]]) }),
  );
  for (const other of others) cluster.join(other, first);
  cluster.run(20_000);
  const infos = new MemberInfos({
    serf: first.serf,
    chronicle,
    now: () => cluster.now,
    wallClock,
    coordinates,
  });
  return { cluster, infos, others: others as [ClusterNode, ...ClusterNode[]] };
}

describe("a member is described", () => {
  test("with address, status, tags, versions, and how long its answers take", () => {
    const { infos } = group();
    const [a, b] = infos.matching({});
    expect(b).toMatchObject({
      name: "b",
      address: "10.0.0.2:7946",
      ip: "10.0.0.2",
      port: 7946,
      status: "alive",
      tags: { role: "web" },
      protocol: { min: 1, max: 5, current: 2 },
      lastRttMillis: 2,
      lostProbes: 0,
      suspectedBy: [],
      suspectedSince: null,
    });
    expect(b?.rttMillis).toBeGreaterThan(0);
    expect(Date.parse(b?.lastAckedAt ?? "") - epoch).toBeGreaterThan(10_000);
    expect(a).toMatchObject({ name: "a", rttMillis: null, lastRttMillis: null, lastAckedAt: null });
  });

  test("without an estimate where there are no coordinates", () => {
    const { infos } = group(false);
    expect(infos.matching({}).map(({ rttMillis }) => rttMillis)).toEqual(Array(5).fill(null));
  });

  test("with its accusers, since when, and the probes that were lost", () => {
    const { cluster, infos, others } = group();
    cluster.crash(others[0]);
    for (let waited = 0; infos.counts().suspected === 0 && waited < 20; waited += 1)
      cluster.run(500);
    cluster.run(500);
    const [b] = infos.matching({ name: "b" });
    const accusers = b?.suspectedBy ?? [];
    expect(["a", "c", "d", "e"]).toEqual(expect.arrayContaining([...accusers]));
    expect(accusers.length).toBeGreaterThan(0);
    expect(Date.parse(b?.suspectedSince ?? "")).toBeGreaterThanOrEqual(epoch + 20_000);
    expect(infos.counts()).toEqual({ alive: 5, leaving: 0, left: 0, failed: 0, suspected: 1 });
    cluster.run(30_000);
    const [later] = infos.matching({ name: "b" });
    expect(later).toMatchObject({ status: "failed", suspectedBy: [], suspectedSince: null });
    expect(infos.counts()).toEqual({ alive: 4, leaving: 0, left: 0, failed: 1, suspected: 0 });
    cluster.run(60_000);
    expect(later?.lostProbes).toBeGreaterThan(0);
  });

  test("so that JSON carries it, whatever its tags are called", () => {
    const { serf } = new SerfCluster().add("x", { tags: new Map([["__proto__", "y"]]) });
    const own = new MemberInfos({
      serf,
      chronicle: new Chronicle(() => 0),
      now: () => 0,
      wallClock: () => 0,
      coordinates: true,
    });
    const [x] = JSON.parse(JSON.stringify(own.matching({})));
    expect(Object.entries(x.tags)).toEqual([["__proto__", "y"]]);
  });
});

describe("who is asked for", () => {
  const { infos } = group();

  test.for([
    { ask: {}, names: "a b c d e" },
    { ask: { name: "[bd]" }, names: "b d" },
    { ask: { status: "failed" }, names: "" },
    { ask: { tags: { role: "web" } }, names: "b c" },
    { ask: { name: "", tags: {} }, names: "a b c d e" },
  ])("by $ask are $names", ({ ask, names }) => {
    const found = infos.matching(ask);
    expect(found.map(({ name }) => name).join(" ")).toBe(names);
  });

  test.for([
    { ask: { name: 1 }, why: "name is no expression" },
    { ask: { status: null }, why: "status is no expression" },
    { ask: { tags: "role" }, why: "tags is no object of expressions" },
    { ask: { tags: ["role"] }, why: "tags is no object of expressions" },
    { ask: { tags: { role: 2 } }, why: "tag role is no expression" },
    { ask: { name: "(" }, why: "Failed to compile regex for name" },
  ])("is refused as $why", ({ ask, why }) => {
    const asked = ask as Parameters<typeof infos.matching>[0];
    expect(() => infos.matching(asked)).toThrow(OperatorError);
    expect(() => infos.matching(asked)).toThrow(why);
  });
});
