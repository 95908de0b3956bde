import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { Agent, type AgentOptions, loopbackNet, runCli } from "../support/agents.js";
import { until } from "../support/wait.js";

const host = loopbackNet();
let lastHost = 1;

/** A loopback address that no other test of the file uses. */
export function freshIp(): string {
  lastHost += 1;
  return host(lastHost);
}

export type StartAgent = (args?: readonly string[], over?: Partial<AgentOptions>) => Promise<Agent>;

/** A test with real agents; most of its time is waiting, so that many run side by side. */
export const agentTest = test.extend<{ start: StartAgent; directory: string }>({
  /** Starts an agent that does not outlive the test, nor does `directory` go before it. */
  start: async ({ directory: _ }, use) => {
    const agents: Agent[] = [];
    await use(async (args = [], over = {}) => {
      const agent = await Agent.start({ kind: "gossipd", name: "a", ip: freshIp(), args, ...over });
      agents.push(agent);
      return agent;
    });
    await Promise.all(agents.map((agent) => agent.end()));
  },
  /** For files of the test. */
  // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
  directory: async ({}, use) => {
    const directory = mkdtempSync(join(tmpdir(), "gossipd-test-"));
    await use(directory);
    rmSync(directory, { recursive: true, force: true });
  },
});

/** Runs an agent that is expected to end by itself. */
export async function runAgent(
  ...args: string[]
): Promise<{ code: number | null; lines: string[] }> {
  const ip = freshIp();
  const own = ["-node=a", `-bind=${ip}:7946`, `-rpc-addr=${ip}:7373`];
  const { code, stdout } = await runCli("gossipd", ["agent", ...own, ...args]);
  return { code, lines: stdout.split("\n") };
}

/** What an agent printed, without times. */
export function linesOf(agent: Agent): string[] {
  return agent.output.replaceAll(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/g, "TIME").split("\n");
}

export async function untilPrinted(agent: Agent, text: string): Promise<void> {
  await until(`it prints ${text}`, () => agent.output.includes(text), {
    every: 20,
    last: () => agent.output,
  });
}
