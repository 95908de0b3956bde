// biome-ignore-all lint/style/noDefaultExport: these are CommonJS, as they are
/**
 * The parts of prom-client that we use. Its entry also loads its figures of whole processes, Node's
 * cluster module and OpenTelemetry: that costs an agent 5 MB and is of no use to us.
 */
declare module "prom-client/lib/registry.js" {
  export { Registry as default } from "prom-client";
}

declare module "prom-client/lib/counter.js" {
  export { Counter as default } from "prom-client";
}

declare module "prom-client/lib/gauge.js" {
  export { Gauge as default } from "prom-client";
}

declare module "prom-client/lib/histogram.js" {
  export { Histogram as default } from "prom-client";
}
