import { beforeEach, expect, test } from "vitest";
import { metricServers } from "../../src/agent/metric-servers.js";
import { type MetricSink, Metrics } from "../../src/agent/metrics.js";

/** 2026-11-21 14:22:40 UTC, the beginning of an interval. */
const begin = Date.UTC(2026, 10, 21, 14, 22, 40);

class Lines implements MetricSink {
  text = "";
  write(line: string): void {
    this.text += line;
  }
  close(): void {}
}

class Bench {
  time = begin;
  readonly lines = new Lines();
  readonly metrics: Metrics;

  constructor(sends = false) {
    this.metrics = new Metrics({
      sinks: sends ? [this.lines] : [],
      hostName: "vm",
      clock: () => this.time,
      startedAt: begin - 1_000,
    });
  }
}

beforeEach(() => {
  process.env.TZ = "UTC";
});

test("the dump has the format of go-metrics", () => {
  const bench = new Bench();
  const { metrics } = bench;
  bench.time = begin + 5_987.5;
  metrics.gauge("runtime.sys_bytes", 18_005_008);
  metrics.countTimes("memberlist.msg.alive", 2);
  for (const value of [1.224, 2.236]) metrics.sample("memberlist.probeNode", value);
  for (const _ of "four") metrics.sample("serf.msgs.sent", 33);
  metrics.count("memberlist.tcp.sent", 220);
  bench.time = begin + 10_000;
  metrics.count("still running");
  const updated = "LastUpdated: 2026-11-21 14:22:45.9875 +0000 UTC m=+6.987500000";
  expect(metrics.dump().split("\n")).toEqual([
    "[2026-11-21 14:22:40 +0000 UTC][G] 'serf-agent.runtime.sys_bytes': 18005008.000",
    `[2026-11-21 14:22:40 +0000 UTC][C] 'serf-agent.memberlist.msg.alive': Count: 2 Sum: 2.000 ${updated}`,
    `[2026-11-21 14:22:40 +0000 UTC][C] 'serf-agent.memberlist.tcp.sent': Count: 1 Sum: 220.000 ${updated}`,
    `[2026-11-21 14:22:40 +0000 UTC][S] 'serf-agent.memberlist.probeNode': Count: 2 Min: 1.224 Mean: 1.730 Max: 2.236 Stddev: 0.716 Sum: 3.460 ${updated}`,
    `[2026-11-21 14:22:40 +0000 UTC][S] 'serf-agent.serf.msgs.sent': Count: 4 Sum: 132.000 ${updated}`,
    "",
  ]);
});

test.for([
  { zone: "Europe/Berlin", shown: "[2026-11-21 15:22:40 +0100 CET]" },
  { zone: "Asia/Kolkata", shown: "[2026-11-21 19:52:40 +0530 +0530]" },
  { zone: "America/Sao_Paulo", shown: "[2026-11-21 11:22:40 -0300 -03]" },
])("times are those of the local zone: $zone", ({ zone, shown }) => {
  process.env.TZ = zone;
  const bench = new Bench();
  bench.metrics.gauge("g", 1);
  bench.time += 10_000;
  expect(bench.metrics.dump()).toContain(shown);
});

test("five intervals that are over are kept, and gaps take no place", () => {
  const bench = new Bench();
  for (let index = 0; index < 8; index += 1) {
    bench.metrics.gauge("g", index);
    bench.time += index === 3 ? 30_000 : 10_000;
  }
  bench.metrics.gauge("g", 8);
  const values = [...bench.metrics.dump().matchAll(/: (\d)\.000\n/g)].map(([, value]) => value);
  expect(values).toEqual(["3", "4", "5", "6", "7"]);
});

test("an interval tells 4,096 names of a kind apart, whatever is run or said", () => {
  const bench = new Bench();
  for (let index = 0; index < 5_000; index += 1) bench.metrics.count(`serf.events.${index}`);
  bench.metrics.count("serf.events.7");
  bench.time += 10_000;
  const lines = bench.metrics.dump().trimEnd().split("\n");
  expect(lines).toHaveLength(4_096);
  expect(lines.find((line) => line.includes(".events.7'"))).toContain("Count: 2 Sum: 2.000");
});

test("lines carry six decimals, and the host in the names of gauges alone", () => {
  const { lines, metrics } = new Bench(true);
  metrics.count("agent.ipc.accept");
  metrics.countTimes("agent.ipc.command", 4);
  metrics.count("memberlist.udp.sent", 135);
  metrics.sample("memberlist.probeNode", 2.2368674);
  metrics.gauge("runtime.alloc_bytes", 1_878_816);
  expect(lines.text.split("\n")).toEqual([
    "serf-agent.agent.ipc.accept:1.000000|c",
    "serf-agent.agent.ipc.command:4.000000|c",
    "serf-agent.memberlist.udp.sent:135.000000|c",
    "serf-agent.memberlist.probeNode:2.236867|ms",
    "serf-agent.vm.runtime.alloc_bytes:1878816.000000|g",
    "",
  ]);
});

test("a name is one word of one line, whatever is run or said", () => {
  const bench = new Bench(true);
  bench.metrics.sample("agent.invoke.echo a:b | tee\n/x", 1);
  expect(bench.lines.text).toBe("serf-agent.agent.invoke.echo_a_b___tee_/x:1.000000|ms\n");
  bench.time += 10_000;
  expect(bench.metrics.dump()).toContain("'serf-agent.agent.invoke.echo_a:b_|_tee_/x'");
});

test.for([
  { address: "localhost", fault: "address localhost: missing port in address" },
  { address: "localhost:statsd", fault: "address tcp/statsd: unknown port" },
  { address: "10.0.0.1:0", fault: "address 10.0.0.1:0: invalid port" },
  { address: "10.0.0.1:99999", fault: "address 99999: invalid port" },
  { address: ":::", fault: "address :::: too many colons in address" },
])("$address is no address of a server", ({ address, fault }) => {
  expect(() => metricServers({ statsdAddr: address, statsiteAddr: "" })).toThrow(
    `Invalid statsd_addr: ${fault}`,
  );
  expect(() => metricServers({ statsdAddr: "", statsiteAddr: address })).toThrow(
    `Invalid statsite_addr: ${fault}`,
  );
});

test("servers are found by name or address", () => {
  expect(metricServers({ statsdAddr: "[::1]:8125", statsiteAddr: ":8126" })).toEqual({
    statsd: { host: "::1", ip: "::1", port: 8_125 },
    statsite: { host: "localhost", ip: undefined, port: 8_126 },
  });
});
