import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { runProgram } from "../../src/cli/main.js";
import { SettledCondition } from "../../src/cli/wait/settled-condition.js";
import type { SelfInfo } from "../../src/observe/member-info.js";
import { ViewDigest } from "../../src/observe/view/view-digest.js";
import { answerView } from "../../src/observe/view/view-exchange.js";
import type { QueryRecord, RpcMember } from "../../src/rpc/api.js";
import { RpcClient } from "../../src/rpc/client.js";
import { embed, gossipOf } from "../lib/embedding.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { FakeTerminal } from "./fake-terminal.js";
import { begin, run } from "./run-command.js";

const web = (name: string, status = "alive"): RpcMember =>
  member(name, { tags: { role: "web" }, status });

function selfInfo(parts: Partial<SelfInfo>): Partial<SelfInfo> {
  const members = { alive: 1, leaving: 0, left: 0, failed: 0, suspected: 0 };
  return { joined: true, settled: false, isolated: false, members, ...parts };
}

async function benchWith(...members: RpcMember[]): Promise<Bench> {
  const bench = await Bench.start();
  bench.api.known = members;
  return bench;
}

describe("members", () => {
  test.for([
    [["-members=2"], 0, "3 members alive\n"],
    [["--members", "3", "--exactly"], 0, "3 of 3 members alive\n"],
    [["-members=2", "-exactly"], 2, "Not: 3 of 2 members alive\n"],
    [["-members=4"], 2, "Not: 3 of 4 members alive\n"],
    [["-members=2", "-tag", "role=web"], 0, "2 members alive with tag role=web\n"],
    [["-tag", "role=web", "-name=a"], 0, "1 member alive with name a, tag role=web\n"],
    [["-members=0", "-exactly", "-status=failed"], 2, "Not: 1 of 0 members failed\n"],
    [["-status=left"], 2, "Not: 0 of 1 member left\n"],
  ] as const)("%j gives %i: %s", async ([flags, code, stdout]) => {
    const bench = await benchWith(web("a"), web("b"), member("db"), web("c", "failed"));
    const ran = await run(bench, "wait", "-timeout=0", ...flags);
    expect(ran).toEqual({ code, stdout, stderr: "" });
  });

  test("it ends as soon as there are enough", async () => {
    const bench = await benchWith(web("a"));
    const { ran, terminal } = begin(bench, "wait", "-members=2");
    await until("it has looked", () => bench.api.calls.length > 1);
    expect(terminal.stdout).toBe("");
    bench.api.known = [web("a"), web("b")];
    bench.api.emit({ kind: "member", event: "member-join", members: [web("b")] });
    expect(await ran).toEqual({ code: 0, stdout: "2 members alive\n", stderr: "" });
  });

  test("when the time is over it says what was missing", async () => {
    const ran = await run(await benchWith(web("a")), "wait", "-members=2", "-timeout=300ms");
    expect(ran).toEqual({
      code: 2,
      stdout: "Not within 300ms: 1 of 2 members alive\n",
      stderr: "",
    });
  });
});

test.for([
  [[], "Say what to wait for."],
  [["-exactly"], "-exactly goes with -members."],
  [["-members=-1"], "-members must be 0 or more."],
  [["-members=1", "5"], "Everything is said by flags."],
] as const)("wait %j is refused", async ([flags, words]) => {
  const ran = await run(await benchWith(), "wait", ...flags);
  expect(ran.code).toBe(1);
  expect(ran.stdout.split("\n")[0]).toBe(words);
});

test("a pattern that is none, and a wrong token, are no reason to go on", async () => {
  expect(await run(await benchWith(), "wait", "-name=(")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("Failed to compile regex: ("),
  });
  const locked = await Bench.start({ authKey: "secret" });
  expect(await run(locked, "wait", "-members=1", "-rpc-auth=wrong")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("Invalid authentication token"),
  });
});

test("an agent that is not there yet is waited for, and one that went away", async () => {
  const bench = await benchWith(web("a"));
  const { port } = bench;
  await bench.server.close();
  const { ran, terminal } = begin(bench, "wait", "-members=2");
  terminal.errColumns = 200;
  await until("it waits", () => terminal.stderr.includes("connection refused"));
  const first = new Bench({});
  first.api.known = [web("a")];
  await first.server.listen("127.0.0.1", port);
  await until("it sees one", () => terminal.stderr.includes("1 of 2 members alive"));
  await first.server.close();
  const second = new Bench({});
  onTestFinished(() => second.server.close());
  second.api.known = [web("a"), web("b")];
  await second.server.listen("127.0.0.1", port);
  expect(await ran).toMatchObject({ code: 0, stdout: "2 members alive\n" });
});

test("an agent that says nothing holds nobody longer than there is time", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.resume()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${port}` });
  expect(await runProgram(["wait", "-members=1", "-timeout=100ms"], terminal)).toBe(2);
  expect(terminal.stdout).toBe("Not within 100ms: the agent was not reached\n");
  await until(
    "it has hung up",
    () => sockets.every((socket) => socket.destroyed || socket.readableEnded),
    {
      timeout: 5_000,
    },
  );
});

test("without an agent it says so when the time is over", async () => {
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: "127.0.0.1:1" });
  expect(await runProgram(["wait", "-members=1", "-timeout=100ms"], terminal)).toBe(2);
  expect(terminal.stdout).toMatch(/^Not within 100ms: .*connection refused\n$/);
});

test("on a terminal a line says what is missing, cut to its width and gone at the end", async () => {
  const bench = await benchWith(web("a"));
  const { ran, terminal } = begin(bench, "wait", "-members=2", "-timeout=10s");
  terminal.errColumns = 30;
  await until("it says so", () => terminal.stderr !== "");
  terminal.interrupt();
  expect((await ran).code).toBe(1);
  const lines = terminal.stderr.split("\r").slice(1);
  expect(lines[0]).toBe("Waiting 0s: 1 of 2 members al\u001b[K");
});

describe("settled", () => {
  test.for([
    [selfInfo({ settled: true }), 0, "settled\n"],
    [selfInfo({}), 2, "Not: not settled: the members have just changed\n"],
    [selfInfo({ joined: false }), 2, "Not: not settled: it has not joined yet\n"],
    [selfInfo({ isolated: true }), 2, "Not: not settled: it hears nobody\n"],
  ] as const)("%j gives %i: %s", async ([self, code, stdout]) => {
    const bench = await benchWith(web("a"));
    bench.api.topics = new Map([["self", self]]);
    expect(await run(bench, "wait", "-settled", "-timeout=0")).toMatchObject({ code, stdout });
  });

  test("of an agent of Serf it is taken from its list standing still", async () => {
    const bench = await benchWith(web("a"));
    bench.api.topics = undefined;
    const agent = await RpcClient.connect({ host: "127.0.0.1", port: bench.port, authKey: "" });
    onTestFinished(() => agent.close());
    let now = 0;
    const condition = new SettledCondition(() => now);
    const look = async (at: number) => {
      now = at;
      return (await condition.look(agent)).holds;
    };
    expect(await look(0)).toBe(false);
    expect(await look(1_900)).toBe(false);
    bench.api.known = [web("a", "failed")];
    expect(await look(2_000)).toBe(false);
    expect(await look(3_999)).toBe(false);
    expect(await look(4_000)).toBe(true);
  });
});

/** Answers to what members see, and of their balancers. */
function answering(
  views: Readonly<Record<string, readonly RpcMember[]>>,
  balancers: Readonly<Record<string, object>> = {},
) {
  return ({ name, payload }: { name: string; payload: Uint8Array }): readonly QueryRecord[] => {
    if (name === "lb-status") {
      return Object.entries(balancers).map(([from, status]) => {
        const line = {
          balancer: "edge",
          version: "v2",
          applied: "v2",
          ok: true,
          holds: 0,
          reason: null,
        };
        const text = JSON.stringify({ ...line, ...status });
        return { kind: "response", from, payload: Buffer.from(text) };
      });
    }
    return Object.entries(views).map(([from, members]) => {
      const entries = members.map((one) => {
        return { ...one, address: formatAddress({ ip: one.addr, port: one.port }) };
      });
      const text = answerView(Buffer.from(payload).toString(), new ViewDigest(entries), 800) ?? "";
      return { kind: "response", from, payload: Buffer.from(text) };
    });
  };
}

describe("agree", () => {
  const all = [web("a"), web("b")];

  test.for([
    ["both see the same", { a: all, b: all }, 0, "2 of 2 told what they see, and agree\n"],
    ["one remembers who is gone", { a: all, b: [...all, web("c", "left")] }, 0, "2 of 2 told"],
    ["one sees less", { a: all, b: all.slice(1) }, 2, "Not: b sees other members than the agent\n"],
  ] as const)("%s", async ([_, views, code, words]) => {
    const bench = await benchWith(...all);
    bench.api.answering = answering(views);
    const ran = await run(bench, "wait", "-agree", "-timeout=0");
    expect(ran.stdout).toContain(words);
    expect(ran.code).toBe(code);
  });
});

describe("lb-applied", () => {
  const lb = member("lb", { tags: { balancer: "edge" } });
  const all = [lb, web("a")];

  test.for([
    ["it has", {}, 0, "1 load balancer has applied it\n"],
    ["not yet", { applied: "v1" }, 2, "Not: edge on lb: not applied yet\n"],
    [
      "it failed",
      { ok: false, reason: "port taken\u001b" },
      2,
      "Not: edge on lb: port taken\\x1b\n",
    ],
    ["it is held", { holds: 2 }, 2, "Not: edge on lb: 2 held\n"],
    ["it knows nobody", { version: null, applied: null }, 2, "does not know the members yet"],
  ] as const)("%s", async ([_, status, code, words]) => {
    const bench = await benchWith(...all);
    bench.api.answering = answering({ lb: all }, { lb: status });
    const ran = await run(bench, "wait", "-lb-applied", "-timeout=0");
    expect(ran.stdout).toContain(words);
    expect(ran.code).toBe(code);
  });

  test("what it has applied does not count while it sees other members", async () => {
    const bench = await benchWith(...all);
    bench.api.answering = answering({ lb: [lb] }, { lb: {} });
    const ran = await run(bench, "wait", "-lb-applied", "-timeout=0");
    expect(ran.stdout).toBe("Not: lb sees other members than the agent\n");
  });

  test("without a balancer there is nothing that could be applied", async () => {
    const ran = await run(await benchWith(web("a")), "wait", "-lb-applied", "-timeout=0");
    expect(ran).toMatchObject({ code: 2, stdout: "Not: no member has a load balancer\n" });
  });
});

test("real agents: it ends when two have found each other, settled, and agree", async () => {
  const one = await embed({ name: "one", rpcAddr: "127.0.0.1:0" });
  const port = Number(/:(\d+)$/.exec(one.rpcAddress ?? "")?.[1]);
  const flags = ["-members=2", "-tag", "role=web", "-settled", "-agree", "-timeout=15s"];
  const { ran } = begin({ port } as Bench, "wait", ...flags);
  for (const name of ["two", "three"]) {
    await embed({ name, join: [gossipOf(one)], tags: { role: "web" } });
  }
  expect(await ran).toEqual({
    code: 0,
    stdout: "2 members alive with tag role=web, settled, 3 of 3 told what they see, and agree\n",
    stderr: "",
  });
});
