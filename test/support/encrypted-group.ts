import type { Bytes } from "../../src/base/units.js";
import { seconds } from "../../src/base/units.js";
import type { KeyOperation, KeyReport } from "../../src/serf/keys.js";
import { Keyring } from "../../src/wire/keyring.js";
import { type ClusterNode, type NodeOptions, SerfCluster } from "./serf-cluster.js";

/** A node and the ring it encrypts with; undefined if it does not. */
export interface KeyHolder {
  readonly node: ClusterNode;
  readonly keyring: Keyring | undefined;
}

/** Nodes that know each other, each with a keyring of its own. */
export class EncryptedGroup {
  readonly cluster = new SerfCluster();
  readonly holders: KeyHolder[] = [];

  /** Starts a node with `keys`, none for no encryption, and joins it to the first one. */
  add(name: string, keys: readonly Bytes[], options: NodeOptions = {}): KeyHolder {
    const keyring = keys.length === 0 ? undefined : new Keyring(keys);
    const holder = { keyring, node: this.cluster.add(name, { ...options, keyring }) };
    this.holders.push(holder);
    const first = this.holders[0];
    if (first !== undefined && first !== holder) this.cluster.join(holder.node, first.node);
    this.cluster.run(seconds(5));
    return holder;
  }

  /** The keys of each node, primary first. */
  get rings(): (readonly Bytes[])[] {
    return this.holders.map(({ keyring }) => keyring?.keys() ?? []);
  }

  /** Begins an operation on the first node; the report is there once it came. */
  begin(operation: KeyOperation, key?: Bytes): { report: KeyReport | undefined } {
    const { node } = this.holders[0] as KeyHolder;
    const result: { report: KeyReport | undefined } = { report: undefined };
    node.serf.keys(this.cluster.now, operation, key, (report) => {
      result.report = report;
    });
    this.cluster.settle(node);
    return result;
  }

  /** The same, and waits until it is over. */
  keys(operation: KeyOperation, key?: Bytes): KeyReport {
    const result = this.begin(operation, key);
    this.cluster.run(seconds(4));
    if (result.report === undefined) throw new Error("no report came in time");
    return result.report;
  }
}
