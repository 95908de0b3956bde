import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { gossipdBin } from "../support/programs.js";
import { until } from "../support/wait.js";
import { agentTest, freshIp, linesOf, untilPrinted } from "./agent-process.js";

const test = agentTest.concurrent;

test.for([
  { signal: "SIGINT", name: "interrupt" },
  { signal: "SIGTERM", name: "terminated" },
] as const)("$signal leaves: peers see it, exit 0", async ({ signal, name }, { start }) => {
  const other = await start([], { name: "b" });
  const agent = await start([`-join=${other.ip}`]);
  agent.signal(signal);
  expect(await agent.exited).toBe(0);
  const lines = linesOf(agent);
  const at = lines.indexOf(`==> Caught signal: ${name}`);
  expect(lines[at + 1]).toBe("==> Gracefully shutting down agent...");
  expect(lines[at + 2]).toBe("    TIME [INFO] agent: requesting graceful leave from Serf");
  expect(lines.at(-2)).toBe("    TIME [INFO] agent: shutdown complete");
  expect(await other.statuses()).toEqual({ a: "left", b: "alive" });
});

test.for([
  { signal: "SIGTERM", config: { leave_on_terminate: false } },
  { signal: "SIGINT", config: { skip_leave_on_interrupt: true } },
] as const)(
  "$signal with $config stops at once: peers see a failure, exit 1",
  async ({ signal, config }, { directory, start }) => {
    const file = join(directory, "c.json");
    writeFileSync(file, JSON.stringify(config));
    const other = await start(["-profile=local"], { name: "b" });
    const agent = await start(["-profile=local", `-join=${other.ip}`, `-config-file=${file}`]);
    agent.signal(signal);
    expect(await agent.exited).toBe(1);
    expect(agent.output).toContain("[WARN] serf: Shutdown without a Leave");
    expect(agent.output).not.toContain("graceful");
    await untilPrinted(other, "EventMemberFailed: a");
    expect(await other.statuses()).toEqual({ a: "failed", b: "alive" });
  },
);

test("a second signal cuts the leave off, exit 1", async ({ start }) => {
  const agent = await start();
  agent.signal("SIGTERM");
  await untilPrinted(agent, "requesting graceful leave");
  agent.signal("SIGINT");
  expect(await agent.exited).toBe(1);
  expect(agent.output).toContain("[WARN] serf: Shutdown without a Leave");
});

test("a leave of more than three seconds is cut off, exit 1", async ({ start }) => {
  // In this profile the two broadcasts of a leave alone take four.
  const other = await start(["-profile=wan"], { name: "b" });
  const agent = await start(["-profile=wan", `-join=${other.ip}`]);
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(1);
  expect(agent.output).toContain("[WARN] serf: Shutdown without a Leave");
});

test("a client's leave answers, then ends the agent, exit 0", async ({ start }) => {
  const agent = await start();
  const answer = { code: 0, stdout: "Graceful leave complete\n" };
  expect(await agent.cli(["leave"])).toMatchObject(answer);
  expect(await agent.exited).toBe(0);
  expect(agent.output).toContain("[INFO] agent.ipc: Graceful leave triggered");
});

test.for([
  { config: {}, code: 0, status: "left" },
  { config: { leave_on_terminate: false }, code: 1, status: "alive" },
])(
  "a signal during the start join counts like later: $config",
  async (row, { directory, start }) => {
    const file = join(directory, "c.json");
    writeFileSync(file, JSON.stringify(row.config));
    const silent = createServer(() => {});
    const ip = freshIp();
    silent.listen(7_946, ip);
    await once(silent, "listening");
    const other = await start([], { name: "b" });
    const own = ["-node=a", `-bind=${freshIp()}`, `-rpc-addr=${freshIp()}:7373`];
    const joins = [`-join=${other.ip}`, `-join=${ip}`, `-config-file=${file}`];
    const child = spawn(process.execPath, [gossipdBin, "agent", ...own, ...joins]);
    let output = "";
    child.stdout.on("data", (part) => {
      output += part;
    });
    await until("it joined one", async () => (await other.statuses()).a === "alive");
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([row.code, null]);
    silent.close();
    expect(output).toContain("==> Joining cluster...");
    expect(output).not.toContain("error occurred");
    expect(output).toMatch(/==> Caught signal: terminated\n {4}.*agent: Gossipd agent starting\n/);
    expect(output).toContain("[INFO] agent: shutdown complete");
    expect(await other.statuses()).toEqual({ a: row.status, b: "alive" });
  },
);

test("handlers under way are ended with the agent", async ({ directory, start }) => {
  const pid = join(directory, "pid");
  const script = `echo $$ > ${pid}.new; mv ${pid}.new ${pid}; exec sleep 60`;
  const agent = await start([`-event-handler=member-join=${script}`]);
  const child = await until("the handler runs", () => readPid(pid));
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  expect(() => process.kill(child, 0)).toThrow("ESRCH");
});

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    // not written yet
    return undefined;
  }
}
