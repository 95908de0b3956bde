import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { runCli } from "../support/agents.js";
import { gossipdBin } from "../support/programs.js";
import { until } from "../support/wait.js";

/** Each client command, and what its line says when the agent wants a token. */
const clients: readonly { args: string[]; error: string }[] = [
  { args: ["join", "127.0.0.1:1"], error: "Error joining the cluster" },
  { args: ["leave"], error: "Error leaving" },
  { args: ["force-leave", "x"], error: "Error force leaving" },
  { args: ["members"], error: "Error retrieving members" },
  { args: ["tags", "-set", "a=b"], error: "Error setting tags" },
  { args: ["info"], error: "Error querying agent" },
  { args: ["monitor"], error: "Error starting stream" },
  { args: ["event", "x"], error: "Error sending event" },
  { args: ["query", "x"], error: "Error sending query" },
  {
    args: ["keys", "-list"],
    error: "==> Asking all members for installed keys...\n\nFailed to gather member keys",
  },
  { args: ["reachability"], error: "Error getting members" },
  { args: ["rtt", "x"], error: "Error querying agent" },
];

const names = [
  ...clients.map(({ args }) => args[0] as string),
  "agent",
  "keygen",
  "version",
  "wait",
];

test.for(names)("%s -h shows its help on stderr", async (name) => {
  const { code, stdout, stderr } = await runCli("gossipd", [name, "-h"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(new RegExp(`^Usage: gossipd ${name}[ \\n]`));
});

test.for(names)("%s refuses a flag that is not there", async (name) => {
  const { code, stdout, stderr } = await runCli("gossipd", [name, "-no-such-flag"]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: "flag provided but not defined: -no-such-flag\n",
  });
  expect(stdout).toMatch(new RegExp(`^Usage: gossipd ${name}[ \\n]`));
});

test("wait ends at once when it is told something wrong, and says nothing else", async () => {
  const bench = await Bench.start();
  bench.api.membersFiltered = () => {
    throw new OperatorError("Failed to compile regex for name: x");
  };
  const ran = await runCli("gossipd", ["wait", "-name=(", "-timeout=1s"], {
    env: { SERF_RPC_ADDR: `127.0.0.1:${bench.port}` },
  });
  expect(ran).toMatchObject({
    code: 1,
    stdout: "Error retrieving members: Failed to compile regex for name: x\n",
  });
});

test.for(clients)("$args.0 says that there is no agent", async ({ args }) => {
  const ran = await runCli("gossipd", args, { env: { SERF_RPC_ADDR: "127.0.0.1:1" } });
  expect(ran).toEqual({
    code: 1,
    stdout: "Error connecting to Serf agent: dial tcp 127.0.0.1:1: connect: connection refused\n",
    stderr: "",
  });
});

test.for(clients)("$args.0 says that the token is missing or wrong", async ({ args, error }) => {
  const bench = await Bench.start({ authKey: "secret" });
  const env = { SERF_RPC_ADDR: `127.0.0.1:${bench.port}` };
  expect(await runCli("gossipd", args, { env })).toEqual({
    code: 1,
    stdout: `${error}: Authentication required\n`,
    stderr: "",
  });
  expect(await runCli("gossipd", args, { env: { ...env, SERF_RPC_AUTH: "wrong" } })).toEqual({
    code: 1,
    stdout: "Error connecting to Serf agent: Invalid authentication token\n",
    stderr: "",
  });
});

test("a process asks an agent and prints its answer", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  bench.api.known = [member("a", { tags: { role: "web" } })];
  const env = { SERF_RPC_ADDR: `127.0.0.1:${bench.port}`, SERF_RPC_AUTH: "secret" };
  expect(await runCli("gossipd", ["members"], { env })).toEqual({
    code: 0,
    stdout: "a  127.0.0.1:7946  alive  role=web\n",
    stderr: "",
  });
});

test("an interrupt ends monitor with success", async () => {
  const bench = await Bench.start();
  const address = `-rpc-addr=127.0.0.1:${bench.port}`;
  const child = spawn(process.execPath, [gossipdBin, "monitor", address], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  await until("the monitor to follow", () => bench.api.subscriptions === 2);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("an interrupt of a query is no success", async () => {
  const bench = await Bench.start();
  const address = `-rpc-addr=127.0.0.1:${bench.port}`;
  const child = spawn(process.execPath, [gossipdBin, "query", address, "x"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  await until("the query to run", () => bench.api.asked.length === 1);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([1, null]);
});

test("a reader that stops early leaves no stack trace", async () => {
  const bench = await Bench.start();
  const tags = { long: "x".repeat(400) };
  bench.api.known = Array.from({ length: 5_000 }, (_, index) => member(`m${index}`, { tags }));
  const child = spawn(process.execPath, [gossipdBin, "members"], {
    env: { ...process.env, SERF_RPC_ADDR: `127.0.0.1:${bench.port}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (part: Buffer) => {
    errors += part.toString();
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, errors }).toEqual({ code: 1, errors: "" });
});

test("called as serf, the program calls itself so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const link = join(folder, "serf");
  symlinkSync(gossipdBin, link);
  const child = spawn(process.execPath, [link, "members", "-h"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (part: Buffer) => {
    text += part.toString();
  });
  await once(child, "close");
  expect(text).toMatch(/^Usage: serf members /);
});
