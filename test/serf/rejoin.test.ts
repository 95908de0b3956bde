import { expect, test } from "vitest";
import { minutes, seconds } from "../../src/base/units.js";
import type { SnapshotState } from "../../src/serf/snapshot.js";
import { type ClusterNode, emptySnapshot, SerfCluster } from "../support/serf-cluster.js";

const address = (host: number) => ({ ip: Uint8Array.of(10, 0, 0, host), port: 7946 });

function knowing(hosts: Readonly<Record<string, number>>): SnapshotState {
  const alive = new Map(Object.entries(hosts).map(([name, host]) => [name, address(host)]));
  return { ...emptySnapshot, alive };
}

/** The names that were tried, in order. */
function tried({ log }: ClusterNode, level: "info" | "debug" = "info"): string[] {
  return log
    .at(level)
    .map((line) => /^Attempting re-join to previously known node: (.*): /.exec(line)?.[1])
    .filter((name) => name !== undefined);
}

test("who restarts with a snapshot knows the others again at once, and says nothing of joining", () => {
  const cluster = new SerfCluster();
  const [, , third] = cluster.addGroup(["a", "b", "c"], { snapshot: emptySnapshot });
  if (third === undefined) throw new Error("three were started");
  cluster.run(seconds(10));
  cluster.crash(third);
  cluster.run(minutes(1));
  const again = cluster.add("c", { host: 3, snapshot: third.snapshot });
  cluster.run(seconds(1));
  expect(again.view).toEqual({ a: "alive", b: "alive", c: "alive" });
  expect(again.serf.stats()).toMatchObject({ intentQueue: 0 });
  expect(tried(again)).toHaveLength(1);
  expect(again.log.at("info").at(-1)).toMatch(/^Re-joined to previously known node: [ab]: 10/);
});

test("members are tried one by one in an order that chance decides, until one answers", () => {
  const orders = [1, 2, 3, 4, 5, 6].map((seed) => {
    const cluster = new SerfCluster({ seed });
    cluster.add("up", { host: 7 });
    const node = cluster.add("self", { host: 1, snapshot: knowing({ d: 4, up: 7, e: 5, f: 6 }) });
    cluster.run(seconds(5));
    const names = tried(node);
    expect(names.at(-1)).toBe("up");
    expect(new Set(names).size).toBe(names.length);
    return names.join();
  });
  expect(new Set(orders).size).toBeGreaterThan(2);
});

test("we are not among those we look for, under whatever name we were here", () => {
  const cluster = new SerfCluster();
  const node = cluster.add("self", { host: 1, snapshot: knowing({ self: 9, "old name": 1 }) });
  cluster.run(minutes(5));
  expect([...tried(node), ...tried(node, "debug")]).toEqual([]);
});

test("while nobody is there all are tried again after each reconnect interval", () => {
  const cluster = new SerfCluster();
  const node = cluster.add("self", { host: 1, snapshot: knowing({ x: 8, y: 9 }) });
  cluster.run(seconds(1));
  expect(tried(node)).toHaveLength(2);
  expect(node.log.at("warn")).toEqual(["Failed to re-join any previously known node"]);
  cluster.run(minutes(3));
  expect(tried(node, "debug")).toHaveLength(12);
  expect(node.log.at("warn")).toHaveLength(1);
  cluster.add("y", { host: 9 });
  cluster.run(seconds(40));
  expect(node.view).toEqual({ self: "alive", y: "alive" });
});

test("who was forgotten by all is found again by who was left alone", () => {
  const cluster = new SerfCluster();
  const snapshot = knowing({ b: 2 });
  const node = cluster.add("a", { host: 1, snapshot, reconnectTimeout: minutes(2) });
  const other = cluster.add("b", { host: 2, reconnectTimeout: minutes(2) });
  cluster.run(minutes(1));
  expect(node.view).toEqual({ a: "alive", b: "alive" });
  cluster.cut([node], [other]);
  cluster.run(minutes(10));
  expect([node.view, other.view]).toEqual([{ a: "alive" }, { b: "alive" }]);
  cluster.mend();
  cluster.run(minutes(1));
  expect(node.view).toEqual({ a: "alive", b: "alive" });
});

test("those that never came are tried as long as failed members are", () => {
  const cluster = new SerfCluster();
  const snapshot = knowing({ b: 2, gone: 9 });
  cluster.add("b", { host: 2 });
  const node = cluster.add("a", { host: 1, snapshot, reconnectTimeout: minutes(10) });
  cluster.run(minutes(10));
  const first = tried(node).length + tried(node, "debug").filter((name) => name === "gone").length;
  expect(first).toBeGreaterThan(3);
  expect(tried(node, "debug")).not.toContain("b");
  cluster.run(minutes(30));
  const second = tried(node).length + tried(node, "debug").filter((name) => name === "gone").length;
  expect(second - first).toBeLessThanOrEqual(1);
});

test("halves that were cut while both were down find each other by their snapshots", () => {
  // Of most seeds, packets that are under way at the crash tell a new member of the other half.
  const cluster = new SerfCluster({ seed: 8 });
  const names = ["a", "b", "c", "d"];
  const before = cluster.addGroup(names, { snapshot: emptySnapshot });
  cluster.run(seconds(10));
  for (const node of before) cluster.crash(node);
  const after = before.map(({ serf, snapshot }, index) =>
    cluster.add(serf.local.name, { host: index + 1, snapshot }),
  );
  cluster.cut(after.slice(0, 2), after.slice(2));
  cluster.run(minutes(10));
  expect(after[0]?.view).toEqual({ a: "alive", b: "alive" });
  cluster.mend();
  cluster.run(minutes(3));
  const all = Object.fromEntries(names.map((name) => [name, "alive"]));
  expect(after.map(({ view }) => view)).toEqual([all, all, all, all]);
});

test("who leaves looks for nobody any more", () => {
  const cluster = new SerfCluster();
  const node = cluster.add("self", { host: 1, snapshot: knowing({ x: 8 }) });
  cluster.run(seconds(1));
  node.serf.leave(cluster.now, () => {});
  cluster.settle(node);
  cluster.run(minutes(5));
  expect(tried(node, "debug")).toEqual([]);
});
