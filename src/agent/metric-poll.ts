import { PerformanceObserver } from "node:perf_hooks";
import { seconds } from "../base/units.js";
import type { RpcCounters } from "../rpc/host.js";
import type { Serf } from "../serf/serf.js";
import type { Metrics } from "./metrics.js";

/** How often counters and the runtime are looked at if somebody is told at once, as in go-metrics. */
const period = seconds(1);

/** What says little, and all if nobody is told: once in an interval is all that can be seen. */
const rarely = seconds(10);

/** A look comes this long before a period ends, so that what it finds counts for that one. */
const lead = 50;

export interface PolledParts {
  readonly serf: Serf;
  readonly rpc: RpcCounters;
  readonly metrics: Metrics;
}

/** Tells metrics what nobody tells by himself: counters that grew, and how the process does. */
export class MetricPoll {
  readonly #parts: PolledParts;
  readonly #last = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  readonly #collections: PerformanceObserver | undefined;
  #sinceRare = rarely;
  #collected = 0;
  #collectedMillis = 0;

  constructor(parts: PolledParts) {
    this.#parts = parts;
    // It takes more memory than all the rest, so it is for those who watch.
    if (parts.metrics.sends) this.#collections = this.#observeCollections();
    this.#schedule();
  }

  /** Looks a last time. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#collections?.disconnect();
    this.#pollCounters();
  }

  #schedule(): void {
    const wait = this.#parts.metrics.sends ? period : rarely;
    const elapsed = (performance.timeOrigin + performance.now() + lead) % wait;
    // A timer may fire a little early; the look that was due then has been taken.
    const left = wait - elapsed;
    this.#timer = setTimeout(() => this.#poll(wait), left < lead ? left + wait : left);
  }

  #poll(waited: number): void {
    this.#pollCounters();
    this.#pollRuntime();
    this.#sinceRare += waited;
    if (this.#sinceRare >= rarely) {
      this.#sinceRare = 0;
      this.#pollMembers();
    }
    this.#schedule();
  }

  #observeCollections(): PerformanceObserver {
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#collected += 1;
        this.#collectedMillis += duration;
        this.#parts.metrics.sample("runtime.gc_pause_ns", Math.round(duration * 1e6));
      }
    });
    observer.observe({ entryTypes: ["gc"] });
    return observer;
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
    if (this.#collections === undefined) return;
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
