import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { answer, ask } from "../support/asked.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

const trio = ["a", "b", "c"];

function group(names = trio): { cluster: SerfCluster; nodes: ClusterNode[]; first: ClusterNode } {
  const cluster = new SerfCluster();
  const nodes = cluster.addGroup(names);
  const [first] = nodes;
  if (first === undefined) throw new Error("a group has members");
  return { cluster, nodes, first };
}

test("a query is acked and answered by every member, by the one that asks as well", () => {
  const { cluster, nodes, first } = group();
  const asked = ask(cluster, first);
  cluster.run(seconds(1));
  for (const node of nodes) answer(cluster, node, `by ${node.serf.local.name}`);
  cluster.run(seconds(1));
  expect(asked.acks.toSorted()).toEqual(trio);
  expect(asked.responses.toSorted()).toEqual(["a: by a", "b: by b", "c: by c"]);
  expect(asked.done).toEqual([]);
  expect(first.serf.counters).toMatchObject({ queryAcks: 3, queryResponses: 3 });
});
