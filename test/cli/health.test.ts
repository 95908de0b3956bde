import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import type { SelfInfo } from "../../src/observe/member-info.js";
import { Bench } from "../rpc/bench.js";
import { FakeTerminal } from "./fake-terminal.js";
import { bad, good, run } from "./run-command.js";

type Parts = Partial<Pick<SelfInfo, "joined" | "isolated">> & { readonly alive?: number };

/** An agent `web` that says this of itself, with the tag `state`. */
async function agent(state: string, { alive = 3, isolated = false, joined = true }: Parts = {}) {
  const bench = await Bench.start();
  const members = { alive, leaving: 0, left: 0, failed: 0, suspected: 0 };
  bench.api.topics = new Map([["self", { joined, isolated, members }]]);
  bench.api.sections = sections(state, "v24.0.0");
  return bench;
}

function sections(state: string, version: string) {
  return new Map([
    ["agent", new Map([["name", "web"]])],
    ["runtime", new Map([["version", version]])],
    ["tags", new Map(state === "" ? [] : [["state", state]])],
  ]);
}

test.for([
  ["", {}, "3 members alive"],
  ["", { alive: 1 }, "1 member alive"],
  ["ready", {}, "3 members alive, state ready"],
  ["draining", {}, "3 members alive, state draining"],
  ["maint", {}, "3 members alive, state maint"],
  ["", { isolated: true }, "3 members alive, but it hears nobody"],
] as const)("state '%s' with %j is healthy", async ([state, parts, words]) => {
  const bench = await agent(state, parts);
  expect(await run(bench, "health")).toEqual(good(`web is healthy: ${words}\n`));
});

test.for([
  ["starting", {}, "its state is starting, the application has not passed its checks"],
  ["", { joined: false }, "nobody whom it is to join has answered yet"],
  ["starting", { joined: false }, "nobody whom it is to join has answered yet"],
] as const)("state '%s' with %j is not", async ([state, parts, words]) => {
  const bench = await agent(state, parts);
  expect(await run(bench, "health")).toEqual(bad(`web is not healthy: ${words}\n`));
});

test.for(["draining", "maint"])("-ready is not content with %s", async (state) => {
  const ran = await run(await agent(state), "health", "-ready");
  expect(ran).toEqual(bad(`web is not ready: its state is ${state}\n`));
});

test("-ready is content with ready, and with no state at all", async () => {
  expect((await run(await agent("ready"), "health", "-ready")).code).toBe(0);
  expect((await run(await agent(""), "health", "-ready")).code).toBe(0);
});

test("an agent of Serf's is healthy if it answers, and its scripts set no starting", async () => {
  const bench = await agent("");
  bench.api.sections = sections("", "go1.21");
  expect(await run(bench, "health")).toEqual(good("web is healthy: it answers\n"));
  bench.api.sections = sections("starting", "go1.21");
  expect((await run(bench, "health")).code).toBe(1);
});

test("what the agent says of itself cannot break the line", async () => {
  const ran = await run(await agent("a\nb\u001b[2J"), "health");
  expect(ran).toEqual(good("web is healthy: 3 members alive, state a\\nb\\x1b[2J\n"));
});

test("without an agent it says that in one line", async () => {
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: "127.0.0.1:1" });
  expect(await runProgram(["health"], terminal)).toBe(1);
  expect(terminal.stdout).toMatch(/^Error connecting to Serf agent: dial tcp .*refused\n$/);
});

test("an agent that does not answer is waited for no longer than -timeout", async () => {
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
  expect(await runProgram(["health", "-timeout=200ms"], terminal)).toBe(1);
  expect(terminal.stdout).toBe(
    "Error connecting to Serf agent: no answer from the agent within 0.2 s\n",
  );
});

test("only the local agent is asked", async () => {
  const ran = await run(await agent(""), "health", "web");
  expect(ran.code).toBe(1);
  expect(ran.stdout.split("\n")[0]).toBe("Only the local agent can be asked.");
});
