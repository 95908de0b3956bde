import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

/** A group of which `a` notes whenever something that can be read of the members has changed. */
function watched(names: readonly string[]) {
  const cluster = new SerfCluster();
  let noted = 0;
  const a = cluster.add("a", {
    isolation: true,
    noteChange: () => {
      noted += 1;
    },
  });
  const others = names.map((name) => cluster.add(name));
  for (const node of others) cluster.join(node, a);
  cluster.run(seconds(5));
  const byName = new Map(others.map((node, index) => [names[index], node]));
  return {
    cluster,
    a,
    node: (name: string) => byName.get(name) as ClusterNode,
    /** How often it was told since the last look. */
    news: () => {
      const count = noted;
      noted = 0;
      return count;
    },
    /** Runs on until `is` holds; the time that took. */
    until: (is: () => boolean): number => {
      const begun = cluster.now;
      while (!is()) {
        if (cluster.now - begun > seconds(60)) throw new Error("waited in vain");
        cluster.run(50);
      }
      return cluster.now - begun;
    },
  };
}

test("a member that falls silent is known to be suspected long before it is told to have failed", () => {
  const { a, cluster, news, node, until } = watched(["b", "c", "d"]);
  news();
  cluster.crash(node("c"));
  until(() => a.serf.suspects("c"));
  expect(a.view.c).toBe("alive");
  expect(news()).toBe(1);
  until(() => a.view.c === "failed");
  expect(a.serf.suspects("c")).toBe(false);
  expect(news()).toBe(1);
  expect(a.told.some((line) => line.startsWith("member-failed"))).toBe(false);
});

test("a refutation is news, and ends it", () => {
  const { a, cluster, news, node, until } = watched(["b", "c", "d"]);
  cluster.pause(node("c"));
  until(() => a.serf.suspects("c"));
  news();
  cluster.resume(node("c"));
  until(() => !a.serf.suspects("c"));
  expect(a.view.c).toBe("alive");
  expect(news()).toBe(1);
});

test("joins, tags, leave intents and leaves are news at once, before events are collected", () => {
  const { a, cluster, news, node, until } = watched(["b", "c"]);
  news();
  const c = node("c");
  c.serf.setTags(cluster.now, new Map([["state", "draining"]]), () => {});
  cluster.settle(c);
  expect(until(() => a.serf.member("c")?.tags.get("state") === "draining")).toBeLessThan(1_000);
  expect(news()).toBe(1);
  c.serf.leave(cluster.now, () => {});
  cluster.settle(c);
  until(() => a.view.c === "leaving");
  expect(news()).toBe(1);
  until(() => a.view.c === "left");
  expect(news()).toBe(1);
});

test("a member that hears nobody knows it, and suspects nobody on that ground", () => {
  const { a, cluster, news, until } = watched(["b", "c", "d"]);
  expect(a.serf.health(cluster.now)).toEqual({ isolated: false, awareness: 0 });
  news();
  cluster.silence(a);
  expect(until(() => a.serf.health(cluster.now).isolated)).toBeLessThan(seconds(6));
  expect(["b", "c", "d"].filter((name) => a.serf.suspects(name))).toEqual([]);
  expect(news()).toBe(0);
  cluster.heal(a);
  until(() => !a.serf.health(cluster.now).isolated);
});

test("a member that never had others is not cut off", () => {
  const cluster = new SerfCluster();
  const alone = cluster.add("a");
  cluster.run(seconds(60));
  expect(alone.serf.health(cluster.now).isolated).toBe(false);
});
