import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { nodeNameFault } from "../../src/swim/node-name.js";
import { LoneSerf, peerAddress } from "../support/lone-serf.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

test("without coordinates acks carry none, and those of others are not looked at", () => {
  const lone = new LoneSerf({ coordinates: false });
  lone.takeSent();
  const { ip: sourceIp, port: sourcePort } = peerAddress(2);
  const ping = { kind: "ping", seq: 7, node: "self", sourceNode: "peer" } as const;
  lone.receive({ ...ping, sourceIp, sourcePort });
  const [sent] = lone.takeSent();
  expect(sent?.message).toMatchObject({ kind: "ack", payload: undefined });

  const cluster = new SerfCluster();
  const [without, other] = [cluster.add("a", { coordinates: false }), cluster.add("b")];
  cluster.join(without, other);
  cluster.run(seconds(30));
  expect(without.view).toEqual({ a: "alive", b: "alive" });
  expect(without.serf.coordinate("b")).toBeUndefined();
  expect(other.serf.coordinate("a")).toBeUndefined();
});

test("members with invalid names are not believed if names are checked", () => {
  const cluster = new SerfCluster();
  const strict = cluster.add("strict", { validateNames: true });
  const lax = cluster.add("lax");
  const odd = cluster.add("o d d");
  const join = (node: ClusterNode): void => cluster.join(node, lax);
  [strict, odd].forEach(join);
  cluster.run(seconds(10));
  expect(strict.view).toEqual({ lax: "alive", strict: "alive" });
  expect(lax.view).toEqual({ lax: "alive", "o d d": "alive", strict: "alive" });
});

test.for([
  { name: "web-1.example.org", valid: true },
  { name: "x".repeat(128), valid: true },
  { name: "x".repeat(129), valid: false },
  { name: "a_b", valid: false },
  { name: "a b", valid: false },
  { name: "bär", valid: false },
])("$name is valid: $valid", ({ name, valid }) => {
  expect(nodeNameFault(name) === undefined).toBe(valid);
});
