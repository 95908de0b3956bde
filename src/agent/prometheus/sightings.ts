import Counter from "prom-client/lib/counter.js";
import Histogram from "prom-client/lib/histogram.js";
import type Registry from "prom-client/lib/registry.js";
import type { Deed } from "../../observe/deed.js";
import { maxScripts, scriptLabel } from "./handler-families.js";
import type { MetricSource } from "./source.js";

const roundTripBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const handlerBuckets = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts what the chronicle has and will be told; round trips only from now on. */
export function countSightings({ chronicle, serf }: MetricSource, registry: Registry): void {
  const sightings = new Sightings(registry, () => serf.local.name);
  for (const { deed } of chronicle.since(Number.NEGATIVE_INFINITY)) sightings.count(deed);
  chronicle.follow(({ deed }) => sightings.count(deed));
  chronicle.followRoundTrips((rtt) => sightings.roundTrips.observe(rtt / 1_000));
}

class Sightings {
  readonly #self: () => string;
  readonly roundTrips: Histogram;
  readonly #troubles: Counter<"outcome">;
  readonly #raised: Counter<"by">;
  readonly #confirmed: Counter;
  readonly #cleared: Counter<"why">;
  readonly #failed: Counter<"why">;
  readonly #stalls: Counter<"how">;
  /** At most {@link maxScripts}: a reload may bring others. */
  readonly #scripts = new Set<string>();
  readonly #handlerSeconds: Histogram<"script">;

  constructor(registry: Registry, self: () => string) {
    this.#self = self;
    const registers = [registry];
    this.roundTrips = new Histogram({
      name: "gossipd_probe_round_trip_seconds",
      help: "How long the acks of direct pings took that came in time",
      buckets: roundTripBuckets,
      registers,
    });
    this.#troubles = zeroed(
      "gossipd_probe_troubles_total",
      "Probes that the direct ping alone did not answer in time, by what became of them",
      "outcome",
      ["late", "helped", "tcp", "lost"],
      registry,
    );
    this.#raised = zeroed(
      "gossipd_suspicions_total",
      "Suspicions that began here, by whose verdict they were",
      "by",
      ["self", "others"],
      registry,
    );
    this.#confirmed = new Counter({
      name: "gossipd_suspicion_confirmations_total",
      help: "Other members that suspected a suspect as well",
      registers,
    });
    this.#cleared = zeroed(
      "gossipd_suspicions_cleared_total",
      "Suspicions that were over with the member still there",
      "why",
      ["refuted", "we were cut off"],
      registry,
    );
    this.#failed = zeroed(
      "gossipd_members_failed_total",
      "Members that counted as failed from then on, by what decided it",
      "why",
      ["timeout", "refused", "told"],
      registry,
    );
    this.#stalls = zeroed(
      "gossipd_stalls_total",
      "Times that our own process did not run for a while",
      "how",
      ["paused", "busy", "clock"],
      registry,
    );
    this.#handlerSeconds = new Histogram({
      name: "gossipd_handler_run_seconds",
      help: "How long runs of event handlers took",
      labelNames: ["script"],
      buckets: handlerBuckets,
      registers,
    });
  }

  count(deed: Deed): void {
    switch (deed.kind) {
      case "probe":
        this.#troubles.inc({ outcome: deed.outcome });
        return;
      case "suspected":
        this.#raised.inc({ by: deed.by === this.#self() ? "self" : "others" });
        return;
      case "confirmed":
        this.#confirmed.inc();
        return;
      case "cleared":
        this.#cleared.inc({ why: deed.why });
        return;
      case "gone":
        if (deed.state === "failed") this.#failed.inc({ why: deed.why });
        return;
      case "stalled":
        this.#stalls.inc({ how: deed.how });
        return;
      case "handler":
        this.#handlerSeconds.observe({ script: this.#labelOf(deed.script) }, deed.took / 1_000);
    }
  }

  #labelOf(script: string): string {
    const label = scriptLabel(script);
    if (this.#scripts.has(label)) return label;
    if (this.#scripts.size >= maxScripts) return "others";
    this.#scripts.add(label);
    return label;
  }
}

/** A counter that says 0 of each of its labels from the beginning, so that the first one is a rise. */
function zeroed<Label extends string>(
  name: string,
  help: string,
  label: Label,
  values: readonly string[],
  registry: Registry,
): Counter<Label> {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
  for (const value of values) counter.inc({ [label]: value } as Record<Label, string>, 0);
  return counter;
}
