import type { PoolReport } from "./pool.ts";

/** The pools in Prometheus's text format. Labels are names of the configuration and words of fixed lists. */
export function metricsText(pools: readonly PoolReport[], sinceCheck: number | undefined): string {
  const lines: string[] = [];
  const family = (name: string, kind: "gauge" | "counter", help: string): void => {
    lines.push(`# HELP autoscale_${name} ${help}`, `# TYPE autoscale_${name} ${kind}`);
  };
  const value = (name: string, labels: Readonly<Record<string, string>>, number: number): void => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    lines.push(`autoscale_${name}{${pairs.join(",")}} ${number}`);
  };
  const each = (
    name: string,
    kind: "gauge" | "counter",
    help: string,
    read: (pool: PoolReport, service: string) => void,
  ): void => {
    family(name, kind, help);
    for (const pool of pools) read(pool, pool.service.name);
  };
  const single = (
    name: string,
    kind: "gauge" | "counter",
    help: string,
    read: (pool: PoolReport) => number | undefined,
  ): void => {
    each(name, kind, help, (pool, service) => {
      const number = read(pool);
      if (number !== undefined) value(name, { service }, number);
    });
  };

  each("servers", "gauge", "Containers of the pool by how far they are.", (pool, service) => {
    for (const [phase, count] of Object.entries(pool.counts)) {
      value("servers", { service, phase }, count);
    }
  });
  single("target", "gauge", "Servers that there should be.", ({ decision }) => decision?.target);
  single("minimum", "gauge", "Servers that there are at least now.", ({ size }) => size.minimum);
  single("maximum", "gauge", "Servers that there are at most now.", ({ size }) => size.maximum);
  each("load", "gauge", "What was measured, over all servers.", ({ load }, service) => {
    for (const [metric, total] of load) value("load", { service, metric }, total);
  });
  for (const bound of ["grow", "shrink"] as const) {
    each(`${bound}_threshold`, "gauge", `Per server, to ${bound}.`, (pool, service) => {
      for (const [metric, threshold] of pool.service.thresholds) {
        value(`${bound}_threshold`, { service, metric }, threshold[bound]);
      }
    });
  }
  single("queued", "gauge", "Requests that wait for a server.", ({ queued }) => queued);
  single("started_total", "counter", "Containers that were started.", ({ started }) => started);
  single("stopped_total", "counter", "Containers that were stopped.", ({ stopped }) => stopped);
  single("ended_total", "counter", "Containers that ended by themselves.", ({ ended }) => ended);
  family("last_check_age_seconds", "gauge", "Since the last check that succeeded.");
  if (sinceCheck !== undefined) value("last_check_age_seconds", {}, sinceCheck / 1_000);
  return `${lines.join("\n")}\n`;
}
