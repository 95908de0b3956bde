import { expect, test } from "vitest";
import type { HandlerCounters } from "../../src/agent/handlers.js";
import { seconds } from "../../src/base/units.js";
import { noCounts } from "../../src/lb/counters.js";
import type { BalancerStatus, LbStatus } from "../../src/lb/status.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";
import type { HandlerRun, HandlerState } from "../../src/observe/handler-run.js";
import { SerfCounters } from "../../src/serf/counters.js";
import { SwimCounters } from "../../src/swim/counters.js";
import type { Tally } from "../../src/swim/traffic.js";
import { balancerStatus, serverStatus } from "../support/balancer-status.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";
import { ScrapedMember } from "./prometheus-source.js";

/** What one scrape has more than the other, by name. */
function rises(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Record<string, number> {
  const grown = [...after].filter(([name]) => name.startsWith("gossipd_"));
  return Object.fromEntries(
    grown
      .map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
      .filter(([, by]) => by !== 0),
  );
}

function alone(): ScrapedMember {
  return new ScrapedMember(new SerfCluster(), "a");
}

test("a scrape tells who is there and who is gone", async () => {
  const cluster = new SerfCluster();
  const member = new ScrapedMember(cluster, "a");
  const [, c, d] = ["b", "c", "d"].map((name) => {
    const node = cluster.add(name);
    cluster.join(node, member.node);
    return node;
  }) as [ClusterNode, ClusterNode, ClusterNode];
  cluster.run(seconds(10));
  cluster.crash(d);
  c.serf.leave(cluster.now, () => {});
  cluster.settle(c);
  cluster.run(seconds(60));
  const scrape = await member.scrape();
  expect(Object.fromEntries(scrape)).toMatchObject({
    'gossipd_members{status="alive"}': 2,
    'gossipd_members{status="leaving"}': 0,
    'gossipd_members{status="left"}': 1,
    'gossipd_members{status="failed"}': 1,
    'gossipd_member_changes_total{change="join"}': 4,
    'gossipd_member_changes_total{change="leave"}': 1,
    'gossipd_member_changes_total{change="failed"}': 1,
    gossipd_joined: 1,
    gossipd_isolated: 0,
  });
  expect(scrape.get("gossipd_probes_total")).toBeGreaterThan(10);
  expect(scrape.get("gossipd_probe_round_trip_seconds_count")).toBeGreaterThan(10);
  expect(scrape.get('gossipd_probe_troubles_total{outcome="lost"}')).toBeGreaterThan(0);
  expect(scrape.get('gossipd_probe_troubles_total{outcome="tcp"}')).toBe(0);
});

test("two scrapes tell the same as long as nothing happens", async () => {
  const member = alone();
  expect(rises(await member.scrape(), await member.scrape())).toEqual({});
});

/** What is told in other words, or only to other members. */
const notTold = {
  swim: [
    "inquiries",
    "packetBytesReceived",
    "packetBytesSent",
    "packetsReceived",
    "packetsSent",
    "refusalsSeen",
    "relaysRefused",
  ],
  serf: [
    "conflicts",
    "messageBytesReceived",
    "messageBytesSent",
    "messagesReceived",
    "messagesSent",
    "duplicateQueryAcks",
    "duplicateQueryResponses",
    "relaysForwarded",
    "relaysSent",
  ],
};

function told(counters: object, left: readonly string[]): readonly string[] {
  return Object.entries(counters)
    .filter(([name, value]) => typeof value === "number" && !left.includes(name))
    .map(([name]) => name);
}

test.for(told(new SwimCounters(), notTold.swim) as (keyof SwimCounters)[])(
  "SWIM's counter %s moves one number of the scrape",
  async (name) => {
    const member = alone();
    const before = await member.scrape();
    const counters = member.node.serf.swimCounters as unknown as Record<string, number>;
    counters[name] = (counters[name] ?? 0) + 7;
    expect(Object.values(rises(before, await member.scrape()))).toEqual([7]);
  },
);

test.for(told(new SerfCounters(), notTold.serf) as (keyof SerfCounters)[])(
  "Serf's counter %s moves one number of the scrape",
  async (name) => {
    const member = alone();
    const before = await member.scrape();
    const counters = member.node.serf.counters as unknown as Record<string, number>;
    counters[name] = (counters[name] ?? 0) + 7;
    expect(Object.values(rises(before, await member.scrape()))).toEqual([7]);
  },
);

test("packets and messages of streams are told by what they are for, with their bytes", async () => {
  const member = alone();
  const { streamed, ...packets } = member.node.serf.swimCounters.traffic;
  const before = await member.scrape();
  let told = 0;
  const expected: [string, number][] = [];
  for (const [name, directions] of Object.entries({ packet: packets, stream_message: streamed })) {
    for (const [direction, kinds] of Object.entries(directions)) {
      for (const [kind, tally] of Object.entries<Tally>(kinds)) {
        told += 1;
        tally.count += told;
        tally.bytes += 100 * told;
        const labels = `{direction="${direction}",kind="${kind}"}`;
        expected.push([`gossipd_${name}s_total${labels}`, told]);
        expected.push([`gossipd_${name}_bytes_total${labels}`, 100 * told]);
      }
    }
  }
  expect(rises(before, await member.scrape())).toEqual(Object.fromEntries(expected));
});

test("bytes that are no message are told by what is wrong with them", async () => {
  const member = alone();
  const before = await member.scrape();
  const { faults } = member.node.serf.swimCounters;
  for (const [index, reason] of Object.keys(faults).entries()) {
    faults[reason as keyof typeof faults] += index + 1;
  }
  const named = Object.keys(faults).map((reason, index) => [
    `gossipd_decode_failures_total{reason="${reason}"}`,
    index + 1,
  ]);
  expect(rises(before, await member.scrape())).toEqual(Object.fromEntries(named));
});

const node = "b";
const trouble = { node, took: 9, helpers: [], nacks: 0, tcp: "untried", unheard: false } as const;
const sightings: readonly (readonly [Deed, string])[] = [
  [{ ...trouble, kind: "probe", outcome: "late" }, 'gossipd_probe_troubles_total{outcome="late"}'],
  [
    { ...trouble, kind: "probe", outcome: "helped" },
    'gossipd_probe_troubles_total{outcome="helped"}',
  ],
  [{ ...trouble, kind: "probe", outcome: "tcp" }, 'gossipd_probe_troubles_total{outcome="tcp"}'],
  [{ ...trouble, kind: "probe", outcome: "lost" }, 'gossipd_probe_troubles_total{outcome="lost"}'],
  [
    { kind: "suspected", node, by: "a", incarnation: 1, unheard: false },
    'gossipd_suspicions_total{by="self"}',
  ],
  [
    { kind: "suspected", node, by: "c", incarnation: 1, unheard: false },
    'gossipd_suspicions_total{by="others"}',
  ],
  [{ kind: "confirmed", node, by: "c", confirmations: 1 }, "gossipd_suspicion_confirmations_total"],
  [
    { kind: "cleared", node, why: "refuted", incarnation: 2, after: 5 },
    'gossipd_suspicions_cleared_total{why="refuted"}',
  ],
  [
    { kind: "cleared", node, why: "we were cut off", incarnation: 2, after: 5 },
    'gossipd_suspicions_cleared_total{why="we were cut off"}',
  ],
  [
    {
      kind: "gone",
      node,
      state: "failed",
      by: "a",
      why: "timeout",
      incarnation: 1,
      confirmations: 0,
    },
    'gossipd_members_failed_total{why="timeout"}',
  ],
  [
    { kind: "gone", node, state: "failed", by: "c", why: "told", incarnation: 1, confirmations: 0 },
    'gossipd_members_failed_total{why="told"}',
  ],
  [
    { kind: "stalled", node: "a", how: "paused", took: 9_000 },
    'gossipd_stalls_total{how="paused"}',
  ],
];

test.for(sightings)("what the chronicle tells is counted: %o moves %s", async ([deed, name]) => {
  const member = alone();
  const before = await member.scrape();
  member.chronicle.note(deed);
  expect(before.get(name)).toBe(0);
  expect(rises(before, await member.scrape())).toEqual({ [name]: 1 });
});

test("what the chronicle had been told before the first scrape is counted as well", async () => {
  const chronicle = new Chronicle(() => 0);
  chronicle.note({ kind: "stalled", node: "a", how: "busy", took: 400 });
  const member = new ScrapedMember(new SerfCluster(), "a", { chronicle });
  chronicle.note({ kind: "stalled", node: "a", how: "busy", took: 400 });
  expect((await member.scrape()).get('gossipd_stalls_total{how="busy"}')).toBe(2);
});

test("who leaves on purpose has not failed", async () => {
  const member = alone();
  const before = await member.scrape();
  const gone = { kind: "gone", node, by: node, why: "told", incarnation: 1 } as const;
  member.chronicle.note({ ...gone, state: "left", confirmations: 0 });
  expect(rises(before, await member.scrape())).toEqual({});
});

test("how long handlers ran is told by script, of a bounded number of scripts", async () => {
  const member = alone();
  for (let number = 0; number < 500; number += 1) {
    const run = {
      kind: "handler",
      run: number,
      event: "member-join",
      nodes: [],
      count: 0,
    } as const;
    member.chronicle.note({ ...run, script: `"/bin/h ${number}"\n\\`, took: 80 });
  }
  const scrape = await member.scrape();
  const counts = [...scrape].filter(([name]) =>
    name.startsWith("gossipd_handler_run_seconds_count"),
  );
  expect(counts.length).toBe(65);
  expect(counts.at(0)).toEqual([
    'gossipd_handler_run_seconds_count{script="\\"/bin/h 0\\" \\\\"}',
    1,
  ]);
  expect(counts.at(-1)).toEqual(['gossipd_handler_run_seconds_count{script="others"}', 436]);
  const buckets = [0.05, 0.1].map((le) =>
    scrape.get(`gossipd_handler_run_seconds_bucket{le="${le}",script="others"}`),
  );
  expect(buckets).toEqual([0, 436]);
});

const lastRun = { result: "failed" } as HandlerRun;
const handler: HandlerState = {
  script: "/etc/h.sh",
  filters: ["*"],
  kind: "event",
  retries: true,
  running: null,
  waiting: 3,
  resting: null,
  counts: { runs: 9, failures: 4, timeouts: 1, retries: 2, givenUp: 1 },
  times: { sumMillis: 0, buckets: [] },
  lastRun,
  lastSuccessAt: null,
  seen: null,
};

test("handlers are told one by one", async () => {
  const handlers = (): Pick<HandlerCounters, "dropped" | "expired" | "merged"> => ({
    dropped: 5,
    expired: 6,
    merged: 7,
  });
  const member = new ScrapedMember(new SerfCluster(), "a", {
    handlers,
    handlerStates: () => [
      handler,
      { ...handler, script: "x".repeat(5_000), running: lastRun, lastRun: null },
    ],
  });
  const scrape = Object.fromEntries(await member.scrape());
  expect(scrape).toMatchObject({
    'gossipd_handler_runs_total{script="/etc/h.sh"}': 9,
    'gossipd_handler_failures_total{script="/etc/h.sh"}': 4,
    'gossipd_handler_timeouts_total{script="/etc/h.sh"}': 1,
    'gossipd_handler_retries_total{script="/etc/h.sh"}': 2,
    'gossipd_handler_given_up_total{script="/etc/h.sh"}': 1,
    'gossipd_handler_waiting{script="/etc/h.sh"}': 3,
    'gossipd_handler_running{script="/etc/h.sh"}': 0,
    'gossipd_handler_failing{script="/etc/h.sh"}': 1,
    [`gossipd_handler_running{script="${"x".repeat(120)}"}`]: 1,
    [`gossipd_handler_failing{script="${"x".repeat(120)}"}`]: 0,
    'gossipd_handler_events_lost_total{reason="dropped"}': 5,
    'gossipd_handler_events_lost_total{reason="expired"}': 6,
    gossipd_handler_changes_merged_total: 7,
  });
});

test("clients are told by how they come", async () => {
  const member = new ScrapedMember(new SerfCluster(), "a", {
    rpc: {
      counters: { accepted: 11, refused: 12, requests: 13, droppedRecords: 14 },
      connections: 15,
    },
    http: () => ({
      connections: 16,
      streams: 17,
      streamsCut: 18,
      answers: { "2xx": 19, "4xx": 20 },
    }),
    loopDelays: () => ({ p50: 1, p99: 2, max: 3_000 }),
    sendErrors: () => 21,
  });
  expect(Object.fromEntries(await member.scrape())).toMatchObject({
    'gossipd_rpc_clients_total{result="accepted"}': 11,
    'gossipd_rpc_clients_total{result="refused"}': 12,
    gossipd_rpc_requests_total: 13,
    gossipd_rpc_records_dropped_total: 14,
    gossipd_rpc_clients: 15,
    gossipd_http_clients: 16,
    gossipd_http_streams: 17,
    gossipd_http_streams_cut_total: 18,
    'gossipd_http_answers_total{status="2xx"}': 19,
    'gossipd_http_answers_total{status="4xx"}': 20,
    'gossipd_event_loop_delay_seconds{percentile="50"}': 0.001,
    'gossipd_event_loop_delay_seconds{percentile="99"}': 0.002,
    'gossipd_event_loop_delay_seconds{percentile="100"}': 3,
    gossipd_packet_send_errors_total: 21,
  });
});

test("an agent without HTTP, handlers and balancers tells nothing of them", async () => {
  const names = [...(await alone().scrape()).keys()];
  expect(names.filter((name) => /_(http|balancer|handler_runs)_/.test(name))).toEqual([]);
});

function balanced(...balancers: BalancerStatus[]): ScrapedMember {
  const status: LbStatus = {
    at: "",
    keeper: null,
    self: "a",
    joined: true,
    virtualIp: null,
    balancers,
  };
  return new ScrapedMember(new SerfCluster(), "a", { balancing: () => status });
}

test.for(
  Object.keys(noCounts()).filter((key) => key !== "urgentSteps") as (keyof ReturnType<
    typeof noCounts
  >)[],
)("a balancer's counter %s moves one number of the scrape", async (key) => {
  const before = await balanced(balancerStatus()).scrape();
  const after = await balanced(balancerStatus({ counters: { ...noCounts(), [key]: 7 } })).scrape();
  expect(Object.values(rises(before, after))).toEqual([7]);
});

test("a pool is told by what is wanted, why, and what is served", async () => {
  const up = { name: "s1", state: "ready", weight: 1, up: true, inUse: 0 } as const;
  const servers = [
    serverStatus("a"),
    serverStatus("b", { served: { ...up, up: false } }),
    serverStatus("c", { served: null }),
    serverStatus("d", {
      desired: { admission: "drain", cause: "draining" },
      served: { ...up, state: "drain" },
    }),
    serverStatus("e", { desired: { admission: "out", cause: "damped" }, served: null }),
    serverStatus("f", { desired: null, served: { ...up, state: "maint" } }),
  ];
  const pools = [{ name: 'we"b\n', servers, free: 2 }];
  const damped = [
    { node: "e", penalty: 2_000, until: "2026-01-01T00:00:00.000Z" },
    { node: "a", penalty: 10, until: null },
  ];
  const member = balanced(
    balancerStatus({ pools, damped, condition: "waiting", applied: "v0", waits: ["web/d"] }),
  );
  const pool = 'balancer="edge",pool="we\\"b\\n"';
  expect(Object.fromEntries(await member.scrape())).toMatchObject({
    [`gossipd_balancer_servers_wanted{${pool},admission="ready"}`]: 3,
    [`gossipd_balancer_servers_wanted{${pool},admission="drain"}`]: 1,
    [`gossipd_balancer_servers_wanted{${pool},admission="out"}`]: 1,
    [`gossipd_balancer_servers_by_cause{${pool},cause="alive"}`]: 3,
    [`gossipd_balancer_servers_by_cause{${pool},cause="damped"}`]: 1,
    [`gossipd_balancer_servers_by_cause{${pool},cause="pending"}`]: 0,
    [`gossipd_balancer_servers_served{${pool},state="ready"}`]: 1,
    [`gossipd_balancer_servers_served{${pool},state="down"}`]: 1,
    [`gossipd_balancer_servers_served{${pool},state="drain"}`]: 1,
    [`gossipd_balancer_servers_served{${pool},state="maint"}`]: 1,
    [`gossipd_balancer_servers_missing{${pool}}`]: 2,
    [`gossipd_balancer_slots_free{${pool}}`]: 2,
    'gossipd_balancer_members_damped{balancer="edge"}': 1,
    'gossipd_balancer_waits{balancer="edge"}': 1,
    'gossipd_balancer_in_step{balancer="edge"}': 0,
    'gossipd_balancer_ok{balancer="edge"}': 1,
    'gossipd_balancer_condition{balancer="edge",condition="waiting"}': 1,
    'gossipd_balancer_condition{balancer="edge",condition="in step"}': 0,
    'gossipd_balancer_applied_timestamp_seconds{balancer="edge"}': 1_767_225_600,
  });
});

test("each scrape asks balancers and handlers once, and anew", async () => {
  const asked = { balancing: 0, handlers: 0 };
  const member = new ScrapedMember(new SerfCluster(), "a", {
    balancing: () => {
      asked.balancing += 1;
      return undefined;
    },
    handlerStates: () => {
      asked.handlers += 1;
      return [];
    },
  });
  await member.scrape();
  await Promise.all([member.scrape(), member.scrape()]);
  expect(asked).toEqual({ balancing: 3, handlers: 3 });
});

test("a balancer is in step only if it is well and serves the version that is wanted", async () => {
  const inStep = async (parts: Partial<BalancerStatus>): Promise<number | undefined> =>
    (await balanced(balancerStatus(parts)).scrape()).get(
      'gossipd_balancer_in_step{balancer="edge"}',
    );
  expect(await inStep({})).toBe(1);
  expect(await inStep({ version: "v2" })).toBe(0);
  expect(await inStep({ ok: false, reason: "socket: no such file" })).toBe(0);
  expect(await inStep({ version: null, applied: null })).toBe(0);
  expect(await inStep({ dryRun: true })).toBeUndefined();
});

test("what a balancer never applied has no time", async () => {
  const scrape = await balanced(balancerStatus({ applied: null, appliedAt: null })).scrape();
  const names = [...scrape.keys()].filter((name) => name.includes("applied_timestamp"));
  expect(names).toEqual([]);
});

test("a thousand pools do not make a thousand numbers", async () => {
  const pools = Array.from({ length: 1_000 }, (_, index) => ({
    name: `p${index}`,
    servers: [],
    free: 0,
  }));
  const scrape = await balanced(balancerStatus({ pools })).scrape();
  const free = [...scrape.keys()].filter((name) => name.startsWith("gossipd_balancer_slots_free"));
  expect(free.length).toBe(100);
});
