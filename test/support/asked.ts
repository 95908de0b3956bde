import type { Bytes, Instant } from "../../src/base/units.js";
import type { QueryListener, QueryQuestion, RunningQuery } from "../../src/serf/queries.js";
import type { ClusterNode, SerfCluster } from "./serf-cluster.js";

/** Everything that came back to one query, in order. */
export class Asked implements QueryListener {
  readonly acks: string[] = [];
  /** `name: payload` each. */
  readonly responses: string[] = [];
  /** When it was said to be over, each time that was said. */
  readonly done: Instant[] = [];

  handleAck(_now: Instant, from: string): void {
    this.acks.push(from);
  }

  handleResponse(_now: Instant, from: string, payload: Bytes): void {
    this.responses.push(`${from}: ${Buffer.from(payload).toString()}`);
  }

  handleDone(now: Instant): void {
    this.done.push(now);
  }
}

/** A question for everybody, with `parts` of it replaced. */
export function question(parts: Partial<QueryQuestion> = {}): QueryQuestion {
  return {
    name: "load",
    payload: undefined,
    filterNodes: [],
    filterTags: new Map(),
    requestAck: true,
    relayFactor: 0,
    timeout: undefined,
    ...parts,
  };
}

/** Asks on `node`, and carries out what that sends. */
export function ask(
  cluster: SerfCluster,
  node: ClusterNode,
  parts: Partial<QueryQuestion> = {},
): Asked & { readonly query: RunningQuery } {
  const asked = new Asked();
  const query = node.serf.query(cluster.now, question(parts), asked);
  cluster.settle(node);
  return Object.assign(asked, { query });
}

/** Answers on each node all queries that were delivered there and not answered yet. */
export function answer(cluster: SerfCluster, nodes: readonly ClusterNode[], text = "yes"): void {
  for (const node of nodes) {
    for (const event of node.events.splice(0)) {
      if (event.kind !== "query") continue;
      node.serf.respond(cluster.now, event.id, Uint8Array.from(Buffer.from(text)));
    }
    cluster.settle(node);
  }
}
