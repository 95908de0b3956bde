import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Registry from "prom-client/lib/registry.js";
import { balancerFamilies } from "./balancer-families.js";
import { clientFamilies } from "./client-families.js";
import { detectorFamilies } from "./detector-families.js";
import { eventFamilies } from "./event-families.js";
import type { Family } from "./family.js";
import { handlerFamilies } from "./handler-families.js";
import { memberFamilies } from "./member-families.js";
import { processFamilies } from "./process-families.js";
import { countSightings } from "./sightings.js";
import type { MetricSource } from "./source.js";
import { trafficFamilies } from "./traffic-families.js";
import { virtualIpFamilies } from "./virtual-ip-families.js";

/** What Prometheus is told when it asks. */
export interface OpenMetrics {
  readonly contentType: string;
  text(): Promise<string>;
}

const families: readonly Family[] = [
  ...processFamilies,
  ...memberFamilies,
  ...detectorFamilies,
  ...trafficFamilies,
  ...eventFamilies,
  ...handlerFamilies,
  ...clientFamilies,
  ...balancerFamilies,
  ...virtualIpFamilies,
];

/**
 * The agent's numbers for Prometheus, in a registry of their own. Nearly all are plain counters that are
 * read at a scrape; only what the chronicle tells is counted as it happens.
 */
export function openMetrics(source: MetricSource): OpenMetrics {
  const registry = new Registry();
  const balancing = new Once(source.balancing);
  const handlerStates = new Once(source.handlerStates);
  const asked: MetricSource = {
    ...source,
    balancing: () => balancing.answer(),
    handlerStates: () => handlerStates.answer(),
  };
  for (const family of families) register(family, asked, registry);
  countSightings(source, registry);
  const text = (): Promise<string> => {
    balancing.forget();
    handlerStates.forget();
    // All families are read before this returns, so that no two scrapes get into each other's way.
    return registry.metrics();
  };
  return { contentType: registry.contentType, text };
}

/** Many families read what is much work to put together: once for each scrape. */
class Once<Answer> {
  readonly #ask: () => Answer;
  #known: { readonly answer: Answer } | undefined;

  constructor(ask: () => Answer) {
    this.#ask = ask;
  }

  answer(): Answer {
    this.#known ??= { answer: this.#ask() };
    return this.#known.answer;
  }

  forget(): void {
    this.#known = undefined;
  }
}

function register(family: Family, source: MetricSource, registry: Registry): void {
  const { help, kind, labels, name, read } = family;
  const common = { name, help, labelNames: labels, registers: [registry] };
  if (kind === "gauge") {
    new Gauge({
      ...common,
      collect() {
        this.reset();
        if (labels.length === 0) this.remove();
        for (const sample of read(source)) this.set(named(labels, sample.labels), sample.value);
      },
    });
    return;
  }
  new Counter({
    ...common,
    collect() {
      this.reset();
      // What has no labels is 0 after a reset; what we do not know is not told.
      if (labels.length === 0) this.remove();
      for (const sample of read(source)) this.inc(named(labels, sample.labels), sample.value);
    },
  });
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
}
