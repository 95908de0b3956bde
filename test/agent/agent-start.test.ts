import { spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { gossipdBin } from "../support/programs.js";
import { until } from "../support/wait.js";
import { agentTest, freshIp, linesOf, runAgent, untilPrinted } from "./agent-process.js";

const test = agentTest.concurrent;

test("it prints what Serf prints, in its order, and then the log", async ({ start }) => {
  const other = await start();
  const agent = await start([
    "-role=web",
    "-retry-interval=1ms",
    `-join=${other.ip}`,
    "-disable-compression",
    "-profile=local",
  ]);
  await untilPrinted(agent, "agent: joined: 1 nodes");
  expect(linesOf(agent).slice(0, 21)).toEqual([
    "==> Deprecation warning: 'Role' has been replaced with 'Tags'",
    "==> Warning: 'RetryInterval' is too low. Setting to 1s",
    "==> Starting Gossipd agent...",
    "==> Starting Gossipd agent RPC...",
    "==> Gossipd agent running!",
    "                      Node name: 'a'",
    `                      Bind addr: '${agent.ip}:7946'`,
    `    Advertise addr: '${agent.ip}:7946'`,
    `                       RPC addr: '${agent.ip}:7373'`,
    "                      Encrypted: false",
    "                       Snapshot: false",
    "                        Profile: local",
    "    Message Compression Enabled: false",
    "==> Joining cluster...(replay: false)",
    "    Join completed. Synced with 1 initial agents",
    "",
    "==> Log data will now stream in as it occurs:",
    "",
    "    TIME [INFO] agent: Gossipd agent starting",
    `    TIME [INFO] serf: EventMemberJoin: a ${agent.ip}`,
    `    TIME [INFO] agent: joining: [${other.ip}] replay: false`,
  ]);
});

test("an advertised address without a port has the bind port", async ({ start }) => {
  const agent = await start(["-advertise=10.1.2.3", "-bind=127.0.0.1:0"]);
  const port = /Bind addr: '127\.0\.0\.1:(\d+)'/.exec(agent.output)?.[1];
  expect(port).not.toBe("0");
  expect(agent.output).toContain(`Advertise addr: '10.1.2.3:${port}'`);
});

test("it calls itself as it was called", async ({ directory }) => {
  const link = join(directory, "serf");
  symlinkSync(gossipdBin, link);
  const ip = freshIp();
  const child = spawn(process.execPath, [link, "agent", `-bind=${ip}`, `-rpc-addr=${ip}:7373`]);
  let output = "";
  child.stdout.on("data", (part) => {
    output += part;
  });
  await until("it runs", () => output.includes("Log data"), { every: 20, last: () => output });
  child.kill("SIGKILL");
  expect(output.split("\n").slice(0, 3)).toEqual([
    "==> Starting Serf agent...",
    "==> Starting Serf agent RPC...",
    "==> Serf agent running!",
  ]);
});

test("a start join that fails shows its causes, then the log, and exits", async () => {
  const { code, lines } = await runAgent("-join=127.0.0.77:1", "-join=/x");
  expect(code).toBe(1);
  const at = lines.indexOf("==> Joining cluster...(replay: false)");
  expect(lines.slice(at + 1, at + 6)).toEqual([
    "==> 2 errors occurred:",
    "\t* Failed to resolve /x: empty node name provided",
    "\t* Failed to join 127.0.0.77: dial tcp 127.0.0.77:1: connect: connection refused",
    "",
    "",
  ]);
  expect(lines[at + 6]).toMatch(/\[INFO\] agent: Gossipd agent starting$/);
  expect(lines.join("\n")).toContain("[WARN] serf: Shutdown without a Leave");
});

test("retries that are exhausted end it", async () => {
  const { code, lines } = await runAgent(
    "-retry-join=127.0.0.77:1",
    "-retry-max=1",
    "-retry-interval=1s",
  );
  expect(code).toBe(1);
  expect(lines.filter((line) => line.includes("agent: joining: ["))).toHaveLength(2);
  expect(lines.join("\n")).toContain("[ERR] agent: maximum retry join attempts made, exiting");
});

test("ports that are taken are named", async ({ start }) => {
  const agent = await start();
  const gossip = await runAgent(`-bind=${agent.gossip}`);
  expect(gossip).toMatchObject({ code: 1 });
  expect(gossip.lines.slice(0, 2)).toEqual([
    "==> Starting Gossipd agent...",
    `==> Failed to start the Gossipd agent: Failed to start TCP listener on "${agent.ip}" port 7946: ` +
      `listen tcp ${agent.gossip}: bind: address already in use`,
  ]);
  const rpc = await runAgent(`-rpc-addr=${agent.rpc}`);
  expect(rpc).toMatchObject({ code: 1 });
  expect(rpc.lines.slice(0, 2)).toEqual([
    "==> Starting Gossipd agent...",
    `==> Error starting RPC listener: listen tcp ${agent.rpc}: bind: address already in use`,
  ]);
});

test("an unknown flag gives the help, exit 1", async () => {
  const { code, lines } = await runAgent("-bogus");
  expect(code).toBe(1);
  expect(lines[0]).toContain("gossipd agent [options]");
});
