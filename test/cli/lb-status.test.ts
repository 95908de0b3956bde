import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { staleness } from "../../src/cli/lb/status-file.js";
import { runProgram } from "../../src/cli/main.js";
import { noCounts } from "../../src/lb/counters.js";
import type { BalancerStatus, LbStatus } from "../../src/lb/status.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { balancerStatus } from "../support/balancer-status.js";
import { FakeTerminal } from "./fake-terminal.js";
import { type Ran, run } from "./run-command.js";

const version = "0123456789ab";
const other = "ba9876543210";

/** A balancer that is in step. */
function balancer(name: string, more: Partial<BalancerStatus> = {}): BalancerStatus {
  const since = "2026-01-01T12:00:00.000Z";
  const counters = { ...noCounts(), passes: 1 };
  const versions = { version, applied: version, written: version };
  return balancerStatus({
    name,
    ...versions,
    since,
    appliedAt: since,
    pools: [],
    counters,
    ...more,
  });
}

function statusOf(balancers: readonly BalancerStatus[], more: Partial<LbStatus> = {}): LbStatus {
  const renewedBy = new Date(Date.now() + 60_000).toISOString();
  const keeper = { pid: process.pid, renewedBy };
  return {
    at: new Date().toISOString(),
    keeper,
    self: "lb1",
    joined: true,
    virtualIp: null,
    balancers,
    ...more,
  };
}

/** A folder with this status in it. */
function folderWith(status: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-lb-status-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "state"));
  writeFileSync(join(folder, "state", "status.json"), JSON.stringify(status));
  const pools = [{ members: "role=web" }];
  const config = { state_dir: "state", balancers: [{ config: "haproxy.cfg", pools }] };
  writeFileSync(join(folder, "lb.json"), JSON.stringify(config));
  return folder;
}

/** `lb status` by the file of -lb. */
async function statusIn(folder: string, ...flags: readonly string[]): Promise<Ran> {
  const terminal = new FakeTerminal({ GOSSIPD_LB: join(folder, "lb.json") });
  const code = await runProgram(["lb", "status", ...flags], terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const hold = {
  pool: "web",
  kind: "mass loss",
  nodes: ["web1"],
  reason: "3 of 4 failed",
  until: null,
} as const;

describe("the exit code", () => {
  test.for<[string, Partial<BalancerStatus>, number]>([
    ["0 in step", {}, 0],
    ["0 while requests are under way", { condition: "waiting", applied: null }, 0],
    ["0 while a round is under way", { condition: "working" }, 0],
    ["1 if the last round failed", { condition: "failed", ok: false, reason: "no" }, 1],
    ["1 if the proxy cannot be asked", { ok: false, reason: "no socket" }, 1],
    ["1 if something is held", { holds: [hold] }, 1],
    ["1 while it is paused", { condition: "paused" }, 1],
    ["1 before there is a view", { condition: "warming up" }, 1],
  ])("is %s", async ([, more, code]) => {
    const folder = folderWith(statusOf([balancer("edge"), balancer("api", more)]));
    expect(await statusIn(folder)).toMatchObject({ code, stderr: "" });
  });

  test("is 2 if whoever kept it is gone, and the text says so", async () => {
    const keeper = { pid: 2 ** 22 + 1, renewedBy: new Date(Date.now() + 60_000).toISOString() };
    const at = new Date(Date.now() - 90_000).toISOString();
    const ran = await statusIn(folderWith(statusOf([balancer("edge")], { at, keeper })));
    expect(ran.code).toBe(2);
    expect(ran.stdout).toContain(
      `\nThis may not be so now: process ${2 ** 22 + 1} that kept it is gone; this is 1m30s old.\n`,
    );
  });

  test("is that of the last pass if nobody keeps it", async () => {
    const ran = await statusIn(folderWith(statusOf([balancer("edge")], { keeper: null })));
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain(
      "\nNobody keeps this in step between passes; the last was 0s ago.\n",
    );
  });

  test.for([
    { status: "nonsense", fault: "it is none" },
    { status: null, fault: "it is none" },
    { status: { balancers: "edge" }, fault: "it is none" },
  ])("is 2 if the file says $status", async ({ status, fault }) => {
    const folder = folderWith(status);
    const file = join(folder, "state", "status.json");
    expect(await statusIn(folder)).toEqual({
      code: 2,
      stdout: "",
      stderr: `No status of a load balancer in ${file}: ${fault}\n`,
    });
  });

  test("is 2 if there is no file", async () => {
    const folder = folderWith({});
    rmSync(join(folder, "state", "status.json"));
    expect(await statusIn(folder)).toMatchObject({
      code: 2,
      stderr: /no such file or directory\n$/,
    });
  });

  test("is 2 if there is no configuration, and all its faults are told", async () => {
    const folder = folderWith({});
    writeFileSync(join(folder, "lb.json"), '{"balancers":[{"pools":[{"port":0}]}]}');
    const { code, stderr } = await statusIn(folder);
    expect(code).toBe(2);
    expect(stderr.trimEnd().split("\n").length).toBe(3);
  });
});

test.for([
  { pid: 1, renewedBy: "2026-01-01T12:00:30Z", runs: true, said: undefined },
  {
    pid: 1,
    renewedBy: "2026-01-01T12:00:10Z",
    runs: true,
    said: "process 1 runs, but has said nothing for 20s",
  },
  {
    pid: 1,
    renewedBy: "2026-01-01T12:00:30Z",
    runs: false,
    said: "process 1 that kept it is gone; this is 20s old",
  },
])("kept by $pid until $renewedBy, running: $runs: $said", ({ pid, renewedBy, runs, said }) => {
  const status = statusOf([], { at: "2026-01-01T12:00:00Z", keeper: { pid, renewedBy } });
  expect(staleness(status, new Date("2026-01-01T12:00:20Z"), () => runs)).toBe(said);
});

test("JSON is the status as it was written, and whether it is stale", async () => {
  const status = statusOf([balancer("edge")]);
  const { stdout } = await statusIn(folderWith(status), "-format=json");
  expect(JSON.parse(stdout)).toEqual({ ...status, stale: null });
});

describe("the agent's own", () => {
  async function agentWith(status: LbStatus): Promise<Bench> {
    const bench = await Bench.start();
    const file = join(folderWith(status), "state", "status.json");
    bench.api.sections = new Map([
      ["agent", new Map([["name", "lb1"]])],
      ["load_balancer", new Map([["status_file", file]])],
    ]);
    return bench;
  }

  test("is found through it", async () => {
    const bench = await agentWith(statusOf([balancer("edge")]));
    const { code, stdout } = await run(bench, "lb", "status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^.*edge/);
  });

  test("is not taken for that of an agent elsewhere with the same path", async () => {
    const bench = await agentWith(statusOf([balancer("edge")], { self: "lb2" }));
    expect(await run(bench, "lb", "status")).toMatchObject({
      code: 2,
      stderr: /is of lb2, not of lb1/,
    });
  });

  test("is missing if it has no balancer", async () => {
    const bench = await Bench.start();
    const text = "The agent has no load balancer. Give -lb FILE for one that it does not run.\n";
    expect(await run(bench, "lb", "status")).toEqual({ code: 2, stdout: "", stderr: text });
  });

  test("shows in members whom it holds out", async () => {
    const until = new Date(2026, 0, 1, 12, 0, 5).toISOString();
    const damped = [
      { node: "web1", penalty: 3.5, until },
      { node: "web2", penalty: 1, until: null },
    ];
    const bench = await agentWith(
      statusOf([balancer("edge", { damped }), balancer("api", { damped })]),
    );
    bench.api.known = [member("web1", { tags: { role: "web" } }), member("web2")];
    const { stdout } = await run(bench, "members");
    expect(stdout).toBe(
      "web1  127.0.0.1:7946  alive  role=web  held out of edge, api until 12:00:05\n" +
        "web2  127.0.0.1:7946  alive\n",
    );
    const { members } = JSON.parse((await run(bench, "members", "-format=json")).stdout);
    expect(members[0].held).toEqual([
      { balancer: "edge", penalty: 3.5, until },
      { balancer: "api", penalty: 3.5, until },
    ]);
    expect(members[1]).not.toHaveProperty("held");
  });

  test("leaves members as they are if its file cannot be read here", async () => {
    const bench = await agentWith(statusOf([balancer("edge")], { self: "lb2" }));
    bench.api.known = [member("web1", { tags: { role: "web" } })];
    const { stdout } = await run(bench, "members");
    expect(stdout).toBe("web1  127.0.0.1:7946  alive  role=web\n");
  });
});

describe("lb status -all", () => {
  const line = (name: string, more: object = {}): string =>
    `${JSON.stringify({ balancer: name, version, applied: version, ok: true, holds: 0, reason: null, ...more })}\n`;

  /** A cluster in which these members with the tag balancer answer so; undefined: they do not. */
  async function cluster(answers: Record<string, string | undefined>): Promise<Bench> {
    const bench = await Bench.start();
    bench.api.known = [
      member("web1"),
      member("gone", { tags: { balancer: "edge" }, status: "failed" }),
      ...Object.keys(answers).map((name) => member(name, { tags: { balancer: "edge" } })),
    ];
    const replies = Object.entries(answers).flatMap(([from, text]) =>
      text === undefined ? [] : [{ kind: "response" as const, from, payload: Buffer.from(text) }],
    );
    const isWhole = replies.length === Object.keys(answers).length && replies.length > 0;
    // If all answer, nobody waits for the end.
    bench.api.replies = isWhole ? replies : [...replies, { kind: "done" }];
    return bench;
  }

  test("says that all agree", async () => {
    const bench = await cluster({ lb2: line("edge"), lb1: line("edge") });
    expect(await run(bench, "lb", "status", "-all")).toEqual({
      code: 0,
      stdout: `lb1  edge  wants ${version}  serves ${version}  ok
lb2  edge  wants ${version}  serves ${version}  ok
edge: agree, 2 of 2 on ${version}
`,
      stderr: "",
    });
  });

  test("says who has the address that moves, and that one of them has to", async () => {
    const address = (state: string): string =>
      `${JSON.stringify({ address: "192.0.2.10/24", holds: state === "holds", state, holder: "lb1" })}\n`;
    const right = await cluster({
      lb1: address("holds") + line("edge"),
      lb2: address("ready") + line("edge"),
    });
    expect(await run(right, "lb", "status", "-all")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("\n192.0.2.10/24: held by lb1, lb2 is ready\n"),
    });
    const both = address("holds") + line("edge");
    expect(
      await run(await cluster({ lb1: both, lb2: both }), "lb", "status", "-all"),
    ).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("192.0.2.10/24: held by lb1 and lb2\n"),
    });
  });

  test("says who differs, who failed and why, what is held and who is silent", async () => {
    const bench = await cluster({
      lb1: line("edge") + line("api", { applied: null, ok: false, reason: "no\nsocket" }),
      lb2: line("edge", { version: other, applied: other, holds: 2 }),
      lb3: undefined,
    });
    expect(await run(bench, "lb", "status", "-all")).toEqual({
      code: 1,
      stdout: `lb1  edge  wants ${version}  serves ${version}  ok
lb1  api   wants ${version}  serves nothing       failed          no\\nsocket
lb2  edge  wants ${other}  serves ${other}  ok      2 held
lb3 did not answer
api: differ, 1 of 1 on none
edge: differ, 1 of 2 on ${version}, 1 of 2 on ${other}
`,
      stderr: "",
    });
  });

  test("says the same in JSON", async () => {
    const bench = await cluster({ lb1: line("edge"), lb2: undefined });
    const { code, stdout } = await run(bench, "lb", "status", "-all", "-format=json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      balancers: [
        {
          member: "lb1",
          balancer: "edge",
          version,
          applied: version,
          ok: true,
          holds: 0,
          reason: null,
        },
      ],
      silent: ["lb2"],
      groups: [{ balancer: "edge", members: 1, serving: { [version]: 1 }, agrees: true }],
      addresses: [],
    });
  });

  test("is 2 if nobody answers", async () => {
    expect(await run(await cluster({}), "lb", "status", "-all")).toEqual({
      code: 2,
      stdout: "",
      stderr: "No balancer answered. Members that run one have the tag balancer.\n",
    });
  });
});
