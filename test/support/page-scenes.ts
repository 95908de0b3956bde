import { noCounts } from "../../src/lb/counters.js";
import type { BalancerStatus, LbStatus, ServerStatus } from "../../src/lb/status.js";
import type { Deed } from "../../src/observe/deed.js";
import type { MemberInfo } from "../../src/observe/member-info.js";
import { balancerStatus } from "./balancer-status.js";
import { memberInfo, ScriptedAgent } from "./scripted-agent.js";

/** Five members, all well. */
export function fiveMembers(): readonly MemberInfo[] {
  return [
    ["edge-1", { role: "balancer", dc: "east" }, 0.1],
    ["web-1", { role: "web", dc: "east", version: "2.4.1" }, 0.4],
    ["web-2", { role: "web", dc: "east", version: "2.4.1" }, 0.5],
    ["web-3", { role: "web", dc: "west", version: "2.4.1" }, 11.8],
    ["db-1", { role: "db", dc: "west" }, 12.3],
  ].map(([name, tags, rtt], index) =>
    memberInfo(name as string, {
      ...at(index),
      tags: tags as Record<string, string>,
      lastRttMillis: rtt as number,
      rttMillis: (rtt as number) * 1.1,
    }),
  );
}

function at(index: number): Pick<MemberInfo, "address" | "ip" | "port"> {
  const ip = `10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  return { ip, port: 7946, address: `${ip}:7946` };
}

const roles = ["web", "web", "web", "api", "api", "db", "cache", "queue"];

/** As many as are asked for, in eight roles and three places, all alive. */
export function manyMembers(count: number): readonly MemberInfo[] {
  return Array.from({ length: count }, (_, index) => {
    const role = roles[index % roles.length] as string;
    const dc = ["east", "west", "north"][index % 3] as string;
    return memberInfo(`${role}-${index + 1}`, {
      ...at(index),
      tags: { role, dc, version: index % 5 === 0 ? "2.4.0" : "2.4.1" },
      lastRttMillis: 0.3 + (index % 97) / 8,
    });
  });
}

/** Five members, of which two joined a while ago and one has new tags. */
export function quietAgent(now = Date.now()): ScriptedAgent {
  const agent = new ScriptedAgent(fiveMembers());
  for (const [before, deed] of troubledPast) {
    if (before > 200_000) agent.note(deed, now - before);
  }
  return agent;
}

/** A thousand members, of which some are in trouble. */
export function thousandAgent(now = Date.now()): ScriptedAgent {
  const members = manyMembers(1_000).map((member, index): MemberInfo => {
    if (index === 123 || index === 700) return { ...member, status: "failed" };
    if (index === 40) return { ...member, status: "leaving" };
    if (index % 211 === 9) return { ...member, status: "left" };
    if (index !== 512) return member;
    return { ...member, suspectedBy: ["web-2", "db-6", "cache-7"], suspectedSince: iso(now) };
  });
  const agent = new ScriptedAgent(members, { settled: false, handlers: 1 });
  for (const [before, deed] of crowdedPast) agent.note(deed, now - before);
  return agent;
}

const crowdedPast: readonly (readonly [number, Deed])[] = [
  [700_000, { kind: "told", event: "member-reap", nodes: ["api-7001"], count: 1 }],
  [
    62_000,
    {
      kind: "gone",
      node: "api-124",
      state: "failed",
      by: "web-1",
      why: "timeout",
      incarnation: 1,
      confirmations: 3,
    },
  ],
  [
    21_000,
    {
      kind: "gone",
      node: "api-701",
      state: "failed",
      by: "db-14",
      why: "told",
      incarnation: 4,
      confirmations: 2,
    },
  ],
  [4_000, { kind: "suspected", node: "web-513", by: "web-2", incarnation: 2, unheard: false }],
  [3_600, { kind: "confirmed", node: "web-513", by: "db-6", confirmations: 1 }],
  [3_100, { kind: "confirmed", node: "web-513", by: "cache-7", confirmations: 2 }],
];

/** One of five failed, one is suspected by two others, and the balancer has not caught up yet. */
export function troubledAgent(now = Date.now()): ScriptedAgent {
  const members = fiveMembers().map((member): MemberInfo => {
    if (member.name === "web-2") {
      return { ...member, status: "failed", lostProbes: 3, lastAckedAt: iso(now - 41_000) };
    }
    if (member.name !== "web-3") return member;
    return {
      ...member,
      suspectedBy: ["edge-1", "db-1"],
      suspectedSince: iso(now - 2_400),
      lostProbes: 1,
      lastAckedAt: iso(now - 6_000),
    };
  });
  const agent = new ScriptedAgent(members, { settled: false, encrypted: true });
  for (const [before, deed] of troubledPast) agent.note(deed, now - before);
  agent.lb = balancing(now);
  return agent;
}

const handler = { script: "/etc/gossipd/notify.sh", count: 1, took: 84 } as const;

/** What happened, by how many milliseconds ago. */
const troubledPast: readonly (readonly [number, Deed])[] = [
  [640_000, { kind: "started", node: "edge-1", address: "10.0.0.1:7946" }],
  ...["web-1", "web-2", "web-3", "db-1"].map((node, index): [number, Deed] => [
    638_000 - index * 40,
    { kind: "appeared", node, address: `10.0.0.${index + 2}:7946`, incarnation: 1 },
  ]),
  [637_000, { kind: "told", event: "member-join", nodes: ["web-1", "web-2", "web-3"], count: 4 }],
  [
    636_000,
    {
      kind: "applied",
      balancer: "edge",
      way: "reload",
      took: 212,
      cause: "members changed",
      nodes: ["web-1", "web-2", "web-3"],
      count: 3,
      version: "5f0c2ad81b7e",
    },
  ],
  [301_000, { kind: "told", event: "member-update", nodes: ["web-1"], count: 1 }],
  [300_700, { kind: "handler", run: 6, event: "member-update", nodes: ["web-1"], ...handler }],
  [96_000, { kind: "stalled", node: "edge-1", how: "busy", took: 740 }],
  [
    44_000,
    {
      kind: "probe",
      node: "web-2",
      outcome: "lost",
      took: 1_000,
      helpers: ["web-1", "db-1", "web-3"],
      nacks: 2,
      tcp: "refused",
      unheard: false,
    },
  ],
  [43_990, { kind: "suspected", node: "web-2", by: "edge-1", incarnation: 1, unheard: false }],
  [43_400, { kind: "confirmed", node: "web-2", by: "db-1", confirmations: 1 }],
  [
    41_000,
    {
      kind: "gone",
      node: "web-2",
      state: "failed",
      by: "edge-1",
      why: "refused",
      incarnation: 1,
      confirmations: 1,
    },
  ],
  [40_980, { kind: "told", event: "member-failed", nodes: ["web-2"], count: 1 }],
  [
    40_900,
    {
      kind: "handler",
      run: 7,
      event: "member-failed",
      nodes: ["web-2"],
      failure: "exit status 2: smtp.internal refuses the connection",
      ...handler,
    },
  ],
  [
    40_700,
    {
      kind: "applied",
      balancer: "edge",
      way: "runtime",
      took: 9,
      cause: "members changed",
      nodes: ["web-2"],
      count: 1,
      version: "a91be07c44d2",
    },
  ],
  [
    3_400,
    {
      kind: "probe",
      node: "web-3",
      outcome: "lost",
      took: 1_000,
      helpers: ["web-1", "db-1"],
      nacks: 1,
      tcp: "silent",
      unheard: false,
    },
  ],
  [2_400, { kind: "suspected", node: "web-3", by: "edge-1", incarnation: 1, unheard: false }],
  [1_900, { kind: "confirmed", node: "web-3", by: "db-1", confirmations: 1 }],
];

/** One pool of three servers: one as wanted, one out, and one that is still served and should be drained. */
function balancing(now: number): LbStatus {
  return {
    at: iso(now),
    keeper: { pid: 4_711, renewedBy: iso(now + 5_000) },
    self: "edge-1",
    joined: true,
    virtualIp: null,
    balancers: [
      scene(now, {
        condition: "waiting",
        since: iso(now - 2_200),
        version: "c07d11fe9a30",
        applied: "a91be07c44d2",
        next: {
          what: "runtime: web/s03 to drain",
          waitsFor: "the proxy",
          at: iso(now + 1_000),
        },
        pools: [
          {
            name: "web",
            free: 5,
            servers: [
              server(now, "web-1", 1, {}),
              server(now, "web-2", 2, {
                desired: { admission: "out", cause: "failed" },
                served: { name: "s02", state: "maint", weight: 10, up: false, inUse: 0 },
                since: iso(now - 40_700),
              }),
              server(now, "web-3", 3, {
                desired: { admission: "drain", cause: "suspected" },
                served: { name: "s03", state: "ready", weight: 10, up: true, inUse: 7 },
                since: iso(now - 2_300),
              }),
            ],
          },
        ],
      }),
    ],
  };
}

/** A balancer that is in step and serves nobody yet. */
function scene(now: number, traits: Partial<BalancerStatus>): BalancerStatus {
  return balancerStatus({
    since: iso(now - 600_000),
    version: "a91be07c44d2",
    applied: "a91be07c44d2",
    appliedAt: iso(now - 40_000),
    written: "a91be07c44d2",
    pools: [],
    process: "4712",
    counters: {
      ...noCounts(),
      passes: 40,
      changes: 4,
      runtimeSteps: 3,
      urgentSteps: 1,
      reloads: 1,
    },
    ...traits,
  });
}

function server(
  now: number,
  node: string,
  index: number,
  traits: Partial<ServerStatus>,
): ServerStatus {
  return {
    node,
    ip: `10.0.0.${index + 1}`,
    port: 8_080,
    weight: 10,
    desired: { admission: "ready", cause: "alive" },
    inFile: true,
    served: { name: `s0${index}`, state: "ready", weight: 10, up: true, inUse: 12 },
    since: iso(now - 600_000),
    ...traits,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
