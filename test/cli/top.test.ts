import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import type { LbStatus } from "../../src/lb/status.js";
import type { HandlerRun, HandlerState } from "../../src/observe/handler-run.js";
import type { MemberInfo, SelfInfo } from "../../src/observe/member-info.js";
import { embed, gossipOf } from "../lib/embedding.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { balancerStatus, serverStatus } from "../support/balancer-status.js";
import { until } from "../support/wait.js";
import { FakeScreen, FakeTerminal } from "./fake-terminal.js";
import { run } from "./run-command.js";

const versions = { min: 1, max: 5, current: 2 };

function info(name: string, parts: Partial<MemberInfo> = {}): MemberInfo {
  return {
    name,
    address: "10.0.0.1:7946",
    ip: "10.0.0.1",
    port: 7946,
    status: "alive",
    tags: {},
    protocol: versions,
    delegate: versions,
    rttMillis: null,
    lastRttMillis: null,
    lastAckedAt: null,
    lostProbes: 0,
    suspectedBy: [],
    suspectedSince: null,
    ...parts,
  };
}

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();

const self: SelfInfo = {
  name: "n1",
  address: "10.0.0.1:7946",
  version: "0.1.0",
  startedAt: ago(3_661),
  joined: true,
  settled: true,
  encrypted: true,
  health: 0,
  isolated: false,
  loopDelayMillis: { p50: 0.5, p99: 2.25, max: 30 },
  rssBytes: 60 * 1024 * 1024,
  members: { alive: 3, leaving: 0, left: 0, failed: 1, suspected: 1 },
  balancers: [],
  handlers: 1,
  profile: "lan",
};

const failed: Partial<HandlerRun> = {
  startedAt: ago(120),
  result: "failed",
  failure: "exit status 3",
};

const handler = {
  script: "./update.sh",
  running: null,
  waiting: 2,
  resting: { attempt: 3, until: ago(-5) },
  counts: { runs: 10, failures: 2, timeouts: 0, retries: 2, givenUp: 0 },
  lastRun: failed,
} as unknown as HandlerState;

async function bench(): Promise<Bench> {
  const started = await Bench.start();
  started.api.sections = new Map([
    ["agent", new Map([["name", "n1"]])],
    [
      "serf",
      new Map([
        ["health_score", "0"],
        ["encrypted", "true"],
      ]),
    ],
  ]);
  const members = [
    info("n1"),
    info("n2", { rttMillis: 1.234, lastRttMillis: 12.34, tags: { role: "web" } }),
    info("n3", { suspectedBy: ["n1", "n2"], suspectedSince: ago(3), lostProbes: 2 }),
    info("n4\u001b[2J", { status: "failed", rttMillis: 150.4 }),
  ];
  started.api.topics = new Map<string, unknown>([
    ["self", self],
    ["members", { members }],
    ["handlers", { handlers: [handler], journal: null }],
  ]);
  return started;
}

const table = [
  "NAME       ADDRESS        STATUS        RTT    PING  LOST  SUSPECTED BY  TAGS",
  "n1         10.0.0.1:7946  alive           -       -     0",
  "n2         10.0.0.1:7946  alive      1.23ms  12.3ms     0                role=web",
  "n3         10.0.0.1:7946  suspected       -       -     2  n1 +1 AGE",
  "n4\\x1b[2J  10.0.0.1:7946  failed      150ms       -     0",
];

test("without a terminal all is printed once, without colours", async () => {
  const { code, stdout } = await run(await bench(), "top");
  const lines = stdout.replace(/\b(\d+h)?(\d+m)?\d+s\b/g, "AGE").split("\n");
  expect(lines.slice(0, 4)).toEqual([
    "n1  10.0.0.1:7946  gossipd 0.1.0  up AGE  lan  encrypted  settled",
    "4 members: 2 alive, 1 failed, 1 suspected  health 0 (well)  loop delay 0.50ms (p99 2.25ms)  60 MiB",
    "handler ./update.sh  retry 3, 2 waiting  10 runs, 2 failed  last failed AGE ago: exit status 3",
    "",
  ]);
  expect(lines.slice(4, -1)).toEqual(table);
  expect(code).toBe(0);
});

test("each load balancer has a line: its condition, who serves of who should, and what is wrong", async () => {
  const started = await bench();
  const folder = await mkdtemp(join(tmpdir(), "gossipd-top-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "status.json");
  const pools = [
    {
      name: "web",
      servers: [
        serverStatus("a"),
        serverStatus("b", { served: null }),
        serverStatus("c", {
          served: { name: "c", state: "ready", weight: 1, up: false, inUse: 0 },
        }),
        serverStatus("d", { desired: { admission: "drain", cause: "draining" } }),
      ],
      free: 0,
    },
  ];
  const refused = { condition: "failed", ok: false, reason: "refused\u001b[2J" } as const;
  const balancers = [
    balancerStatus({ pools }),
    balancerStatus({ name: "inner", pools: [], ...refused }),
  ];
  const at = new Date().toISOString();
  const status: LbStatus = {
    at,
    keeper: null,
    self: "n1",
    joined: true,
    virtualIp: null,
    balancers,
  };
  await writeFile(file, JSON.stringify(status));
  const parts = new Map([["load_balancer", new Map([["status_file", file]])]]);
  started.api.sections = new Map([...started.api.sections, ...parts]);
  const { stdout } = await run(started, "top");
  expect(stdout.split("\n").slice(2, 4)).toEqual([
    "balancer edge        in step             1 of 3 up",
    "balancer inner       failed              0 of 0 up          refused\\x1b[2J",
  ]);
});

test("as JSON it says all that was read", async () => {
  const { stdout } = await run(await bench(), "top", "-format=json");
  expect(JSON.parse(stdout)).toMatchObject({
    node: "n1",
    self: { settled: true },
    members: [{ name: "n1" }, { name: "n2", rttMillis: 1.234 }, {}, { name: "n4\u001b[2J" }],
    handlers: [{ script: "./update.sh" }],
    balancers: null,
  });
});

test.for([
  ["trouble", ["n4\\x1b[2J", "n3", "n1", "n2"]],
  ["rtt", ["n4\\x1b[2J", "n2", "n1", "n3"]],
] as const)("sorted by %s it begins with %j", async ([order, names]) => {
  const { stdout } = await run(await bench(), "top", "-sort", order);
  expect(
    stdout
      .split("\n")
      .slice(5, -1)
      .map((line) => line.split(" ")[0]),
  ).toEqual(names);
});

test.for([
  ["-sort=age", "-sort=age: must be name, trouble or rtt"],
  ["-interval=1ms", "-interval must be 200ms or more."],
  ["-format=csv", 'Encoding error: Invalid output format "csv"'],
] as const)("%s is refused", async ([flag, words]) => {
  const ran = await run(await bench(), "top", flag);
  expect({ code: ran.code, first: ran.stdout.split("\n")[0] }).toEqual({ code: 1, first: words });
});

test("of an agent of Serf it shows what that knows, with times from its coordinates", async () => {
  const serf = await bench();
  serf.api.topics = undefined;
  serf.api.known = [member("n1"), member("n2", { tags: { role: "web" } })];
  const at = (x: number) => ({ vec: [x, 0], height: 0, adjustment: 0, error: 1 });
  serf.api.coordinates.set("n1", at(0)).set("n2", at(0.005));
  const { stdout } = await run(serf, "top");
  expect(stdout.split("\n")).toEqual([
    "n1  encrypted  an agent of Serf tells no more",
    "2 members: 2 alive  health 0 (well)",
    "",
    "NAME  ADDRESS         STATUS     RTT  PING  LOST  SUSPECTED BY  TAGS",
    "n1    127.0.0.1:7946  alive        -     -     -",
    "n2    127.0.0.1:7946  alive   5.00ms     -     -                role=web",
    "",
  ]);
});

test("on a terminal it is drawn again and again, in colours, until q", async () => {
  const started = await bench();
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${started.port}` });
  const screen = new FakeScreen();
  Object.assign(screen, { columns: 70, rows: 12 });
  terminal.display = screen;
  terminal.outColours = true;
  const ran = runProgram(["top", "-interval=200ms"], terminal);
  const shown = (): string[] => {
    const last = terminal.stdout.split("\u001b[H").at(-1) ?? "";
    const lines = stripVTControlCharacters(last.split("\u001b[J")[0] ?? "").split("\r\n");
    return lines.map((line) => line.trimEnd());
  };
  await until("it is drawn", () => screen.user !== undefined);
  expect(shown()).toHaveLength(12);
  expect(shown().every((line) => line.length <= 70)).toBe(true);
  expect(shown().slice(-1)).toEqual(["q quits, s sorts (by name), arrows scroll"]);
  screen.user?.onKey("s");
  expect(shown().slice(-1)).toEqual(["q quits, s sorts (by trouble), arrows scroll"]);
  expect(terminal.stdout).toContain("\u001b[31mfailed");
  started.api.topics = new Map([...(started.api.topics ?? []), ["members", { members: [] }]]);
  await until("it is drawn anew", () => shown()[1]?.startsWith("0 members"));
  await started.server.close();
  await until("it says that the agent is away", () => shown().at(-1)?.startsWith("agent away: "));
  screen.user?.onKey("q");
  expect(await ran).toBe(0);
  expect(screen.user).toBeUndefined();
});

test("a real agent and its members are shown", async () => {
  const one = await embed({ name: "one", rpcAddr: "127.0.0.1:0" });
  await embed({ name: "two", join: [gossipOf(one)], tags: { role: "web" } });
  await until("both are members", () => one.members().length === 2);
  const port = Number(/:(\d+)$/.exec(one.rpcAddress ?? "")?.[1]);
  const { code, stdout } = await run({ port } as Bench, "top", "-tag", "role=web");
  expect(stdout).toMatch(/^one {2}127\.\S+ {2}gossipd \d\S+ {2}up \d+s {2}local {2}not encrypted /);
  expect(stdout).toMatch(/\n1 member: 1 alive {2}health 0 \(well\) {2}loop delay /);
  expect(stdout).toMatch(/\ntwo {3}127\.\S+ {2}alive .*role=web\n$/);
  expect(code).toBe(0);
});
