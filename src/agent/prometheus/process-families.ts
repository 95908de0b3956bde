import { readdirSync } from "node:fs";
import { packageVersion } from "../self/package-version.js";
import { counter, type Family, gauge } from "./family.js";

/**
 * The process itself, under the names that all clients of Prometheus use. prom-client's own figures would
 * cost more memory than all else here.
 */
export const processFamilies: readonly Family[] = [
  {
    name: "gossipd_build_info",
    help: "Always 1: the versions of this program and of what runs it",
    kind: "gauge",
    labels: ["version", "node_version"],
    read: () => [{ labels: [packageVersion(), process.versions.node], value: 1 }],
  },
  {
    name: "gossipd_node_info",
    help: "Always 1: the name of our own member",
    kind: "gauge",
    labels: ["node"],
    read: ({ serf }) => [{ labels: [serf.local.name], value: 1 }],
  },
  {
    name: "gossipd_event_loop_delay_seconds",
    help: "How late timers came in the last minute",
    kind: "gauge",
    labels: ["percentile"],
    read: ({ loopDelays }) => {
      const { max, p50, p99 } = loopDelays();
      return [
        { labels: ["50"], value: p50 / 1_000 },
        { labels: ["99"], value: p99 / 1_000 },
        { labels: ["100"], value: max / 1_000 },
      ];
    },
  },
  gauge(
    "process_start_time_seconds",
    "When the process began, in seconds since 1970",
    ({ startedAt }) => startedAt / 1_000,
  ),
  counter("process_cpu_seconds_total", "Time that processors worked for the process", () => {
    const { system, user } = process.cpuUsage();
    return (system + user) / 1e6;
  }),
  gauge("process_resident_memory_bytes", "Memory of the process that is in RAM", () => {
    return process.memoryUsage.rss();
  }),
  gauge("process_open_fds", "Files and connections that the process has open", openFiles),
];

/** Known on Linux only. */
function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
