import { PerformanceObserver } from "node:perf_hooks";
import { seconds } from "../base/units.js";
import type { RpcCounters } from "../rpc/host.js";
import type { Serf } from "../serf/serf.js";
import type { Metrics } from "./metrics.js";

/** How often counters and the runtime are looked at, as in go-metrics. */
const period = seconds(1);

/** What costs something, or says little, is looked at every so many periods. */
const rarely = 10;

export interface PolledParts {
  readonly serf: Serf;
  readonly rpc: RpcCounters;
  readonly metrics: Metrics;
}

/** Tells metrics what nobody tells by himself: counters that grew, and how the process does. */
export class MetricPoll {
  readonly #parts: PolledParts;
  readonly #last = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #collections: PerformanceObserver;
  #periods = 0;
  #collected = 0;
  #collectedMillis = 0;

  constructor(parts: PolledParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#poll(), period);
    this.#collections = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#collected += 1;
        this.#collectedMillis += duration;
        parts.metrics.sample("runtime.gc_pause_ns", Math.round(duration * 1e6));
      }
    });
    this.#collections.observe({ entryTypes: ["gc"] });
  }

  /** Looks a last time. */
  stop(): void {
    clearInterval(this.#timer);
    this.#collections.disconnect();
    this.#pollCounters();
  }

  #poll(): void {
    this.#pollCounters();
    this.#pollRuntime();
    if (this.#periods % rarely === 0) this.#pollMembers();
    this.#periods += 1;
  }

  #pollCounters(): void {
    const { metrics } = this.#parts;
    for (const [name, value] of countersOf(this.#parts)) {
      const grown = value - (this.#last.get(name) ?? 0);
      if (grown === 0) continue;
      this.#last.set(name, value);
      metrics.countTimes(name, grown);
    }
  }

  /** Under the names that Go's runtime has for what comes closest. */
  #pollRuntime(): void {
    const { metrics } = this.#parts;
    const { external, heapUsed, rss } = process.memoryUsage();
    metrics.gauge("runtime.num_goroutines", process.getActiveResourcesInfo().length);
    metrics.gauge("runtime.alloc_bytes", heapUsed + external);
    metrics.gauge("runtime.sys_bytes", rss);
    metrics.gauge("runtime.total_gc_pause_ns", Math.round(this.#collectedMillis * 1e6));
    metrics.gauge("runtime.total_gc_runs", this.#collected);
  }

  #pollMembers(): void {
    const { metrics, serf } = this.#parts;
    metrics.gauge("memberlist.health.score", serf.stats().healthScore);
    for (const [state, count] of Object.entries(serf.instances())) {
      metrics.gauge(`memberlist.node.instances.${state}`, count);
    }
  }
}

/** Counters under Serf's names. */
function countersOf({ rpc, serf }: PolledParts): readonly (readonly [string, number])[] {
  const { coordinateCounters: coordinates, counters, swimCounters: swim } = serf;
  return [
    ["agent.ipc.accept", rpc.accepted],
    ["agent.ipc.command", rpc.requests],
    ["serf.member.join", counters.joins],
    ["serf.member.left", counters.leaves],
    ["serf.member.failed", counters.failures],
    ["serf.member.update", counters.updates],
    ["serf.member.flap", counters.flaps],
    ["serf.events", counters.userEvents],
    ["serf.queries", counters.queries],
    ["serf.query_acks", counters.queryAcks],
    ["serf.query_responses", counters.queryResponses],
    ["serf.query_duplicate_acks", counters.duplicateQueryAcks],
    ["serf.query_duplicate_responses", counters.duplicateQueryResponses],
    ["serf.coordinate.rejected", coordinates.rejected],
    ["serf.coordinate.zero-rtt", coordinates.zeroRtt],
    ["memberlist.msg.alive", swim.aliveClaims],
    ["memberlist.msg.suspect", swim.suspectClaims],
    ["memberlist.msg.dead", swim.deadClaims],
    ["memberlist.tcp.accept", swim.streamsAccepted],
    ["memberlist.tcp.connect", swim.streamsDialled],
    ["memberlist.degraded.probe", swim.probesDegraded],
    ["memberlist.degraded.timeout", swim.suspicionsDegraded],
  ];
}
