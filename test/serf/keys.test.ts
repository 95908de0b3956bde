import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/units.js";
import { seconds } from "../../src/base/units.js";
import type { KeyOperation, KeyReport } from "../../src/serf/keys.js";
import { Keyring } from "../../src/wire/keyring.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

const keyOf = (fill: number): Bytes => new Uint8Array(16).fill(fill);
const base64 = (key: Bytes): string => Buffer.from(key).toString("base64");
const [oldKey, newKey] = [keyOf(1), keyOf(2)];

/** Three nodes that know each other, each with a ring of its own. */
class EncryptedGroup {
  readonly cluster = new SerfCluster();
  readonly rings: Keyring[] = [];
  readonly nodes: ClusterNode[];

  constructor(names = ["a", "b", "c"]) {
    this.nodes = names.map((name) => this.start(name));
    for (const node of this.nodes.slice(1)) this.cluster.join(node, this.node(0));
    this.cluster.run(seconds(5));
  }

  start(name: string, key = oldKey): ClusterNode {
    const keyring = new Keyring([key]);
    this.rings.push(keyring);
    return this.cluster.add(name, { keyring });
  }

  node(index: number): ClusterNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  /** Lets the first node do it and waits for the report. */
  keys(operation: KeyOperation, key?: Bytes): KeyReport {
    let report: KeyReport | undefined;
    this.node(0).serf.keys(this.cluster.now, operation, key, (given) => {
      report = given;
    });
    this.cluster.settle(this.node(0));
    this.cluster.run(seconds(4));
    if (report === undefined) throw new Error("no report came in time");
    return report;
  }
}

test("a key is installed, used and the old one removed on every node", () => {
  const group = new EncryptedGroup();
  const good = { error: undefined, numNodes: 3, numResponses: 3, numErrors: 0 };
  expect(group.keys("install", newKey)).toMatchObject(good);
  expect(group.keys("use", newKey)).toMatchObject(good);
  expect(group.keys("remove", oldKey)).toMatchObject({ ...good, messages: new Map() });
  for (const ring of group.rings) expect(ring.keys()).toEqual([newKey]);
  expect(group.keys("list")).toMatchObject({ ...good, keys: new Map([[base64(newKey), 3]]) });
});
