import { openMetrics } from "../../src/agent/prometheus/open.js";
import type { MetricSource } from "../../src/agent/prometheus/source.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import { readScrape } from "../support/scrape.js";
import type { ClusterNode, SerfCluster } from "../support/serf-cluster.js";

/** An agent's numbers, of a member on the virtual clock, with `parts` of them replaced. */
export class ScrapedMember {
  readonly chronicle = new Chronicle(() => 0);
  readonly node: ClusterNode;
  readonly text: () => Promise<string>;

  constructor(cluster: SerfCluster, name: string, parts: Partial<MetricSource> = {}) {
    const { chronicle } = this;
    this.node = cluster.add(name, {
      observe: (observation) => chronicle.observe(observation),
    });
    const metrics = openMetrics({
      startedAt: 1_700_000_000_000,
      now: () => cluster.now,
      serf: this.node.serf,
      isJoined: () => true,
      isSettled: () => true,
      loopDelays: () => ({ p50: 0, p99: 0, max: 0 }),
      chronicle,
      sendErrors: () => 0,
      handlers: () => ({ dropped: 0, expired: 0, merged: 0 }),
      handlerStates: () => [],
      rpc: {
        counters: { accepted: 0, refused: 0, requests: 0, droppedRecords: 0 },
        connections: 0,
      },
      balancing: () => undefined,
      ...parts,
    });
    this.text = () => metrics.text();
  }

  async scrape(): Promise<ReadonlyMap<string, number>> {
    return readScrape(await this.text()).samples;
  }
}
