import { expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { hours, minutes, seconds } from "../../src/base/units.js";
import { type ClusterNode, type NodeOptions, SerfCluster } from "../support/serf-cluster.js";

const names = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"];
const seeds = [1, 2];

/** A group of ten in two halves. */
function halves(seed: number, options: NodeOptions = {}) {
  const cluster = new SerfCluster({ seed, loss: 0.01 });
  const nodes = cluster.addGroup(names, options);
  cluster.run(seconds(30));
  return { cluster, nodes, here: nodes.slice(0, 5), there: nodes.slice(5) };
}

/** Name, status and address of all that each node shows, once for each different view. */
function views(nodes: readonly ClusterNode[]): string[] {
  const texts = nodes.map(({ serf }) =>
    serf
      .members()
      .map(({ address, name, status }) => `${name} ${status} ${formatAddress(address)}`)
      .join(", "),
  );
  return [...new Set(texts)];
}

function allAlive(nodes: readonly ClusterNode[]): string[] {
  const sorted = [...nodes].sort((one, other) =>
    one.serf.local.name < other.serf.local.name ? -1 : 1,
  );
  return [
    sorted
      .map(({ address, serf }) => `${serf.local.name} alive ${formatAddress(address)}`)
      .join(", "),
  ];
}

/** Runs until all show all, at most for `limit`; returns how long that took. */
function runUntilWhole(cluster: SerfCluster, nodes: readonly ClusterNode[], limit: number): number {
  const begin = cluster.now;
  const whole = allAlive(nodes);
  while (cluster.now - begin < limit) {
    cluster.run(seconds(1));
    if (views(nodes).join() === whole.join()) return cluster.now - begin;
  }
  expect(views(nodes)).toEqual(whole);
  return limit;
}

test.for(seeds)("halves find each other after ten minutes (SEED=%i)", (seed) => {
  const { cluster, nodes, here, there } = halves(seed);
  cluster.cut(here, there);
  cluster.run(minutes(10));
  expect(here[0]?.view).toMatchObject({ n4: "alive", n5: "failed", n9: "failed" });
  expect(there[0]?.view).toMatchObject({ n4: "failed", n5: "alive", n9: "alive" });
  cluster.mend();
  expect(runUntilWhole(cluster, nodes, minutes(2))).toBeLessThan(minutes(1.5));
});

test("halves find each other after an hour, as well as after minutes", () => {
  const cluster = new SerfCluster({ seed: 3 });
  const nodes = cluster.addGroup(names.slice(0, 4));
  cluster.cut(nodes.slice(0, 2), nodes.slice(2));
  cluster.run(hours(1));
  cluster.mend();
  runUntilWhole(cluster, nodes, minutes(2));
});

test.for(seeds)("one that was cut off alone comes back (SEED=%i)", (seed) => {
  const { cluster, nodes } = halves(seed);
  cluster.cut(nodes.slice(0, 9), nodes.slice(9));
  cluster.run(minutes(10));
  expect(nodes[9]?.view).toMatchObject({ n0: "failed", n9: "alive" });
  cluster.mend();
  runUntilWhole(cluster, nodes, minutes(2));
});

test.for(seeds)(
  "halves that have forgotten each other are one again by a seed (SEED=%i)",
  (seed) => {
    const { cluster, nodes, here, there } = halves(seed, { reconnectTimeout: minutes(5) });
    cluster.cut(here, there);
    cluster.run(minutes(10));
    expect(Object.keys(here[0]?.view ?? {})).toEqual(names.slice(0, 5));
    expect(Object.keys(there[0]?.view ?? {})).toEqual(names.slice(5));
    cluster.mend();
    cluster.run(minutes(2));
    expect(Object.keys(here[0]?.view ?? {})).toEqual(names.slice(0, 5));
    cluster.join(here[3] as ClusterNode, there[2] as ClusterNode);
    runUntilWhole(cluster, nodes, minutes(1));
  },
);

test.for(seeds)("a half that came up elsewhere meanwhile is found by a seed (SEED=%i)", (seed) => {
  const { cluster, here, there } = halves(seed);
  cluster.cut(here, there);
  cluster.run(minutes(5));
  for (const node of there) cluster.crash(node);
  const moved = names.slice(5).map((name) => cluster.add(name));
  cluster.cut(here, moved);
  const [first, ...others] = moved as [ClusterNode, ...ClusterNode[]];
  for (const node of others) cluster.join(node, first);
  cluster.run(minutes(5));
  expect(Object.keys(first.view)).toEqual(names.slice(5));
  cluster.mend();
  cluster.join(moved[2] as ClusterNode, here[1] as ClusterNode);
  runUntilWhole(cluster, [...here, ...moved], minutes(2));
});

test.for(seeds)("a half that restarted in its place is found by the other (SEED=%i)", (seed) => {
  const { cluster, here, there } = halves(seed);
  cluster.cut(here, there);
  cluster.run(minutes(5));
  for (const node of there) cluster.crash(node);
  const again = there.map(({ address, serf }) =>
    cluster.add(serf.local.name, { host: address.ip[3] as number }),
  );
  const [first, ...others] = again as [ClusterNode, ...ClusterNode[]];
  for (const node of others) cluster.join(node, first);
  cluster.run(minutes(5));
  cluster.mend();
  runUntilWhole(cluster, [...here, ...again], minutes(3));
});
