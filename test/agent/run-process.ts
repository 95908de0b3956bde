import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { Agent, type AgentOptions, type CliResult, runCli } from "../support/agents.js";
import { gossipdBin } from "../support/programs.js";
import { pause, until } from "../support/wait.js";
import { freshIp } from "./agent-process.js";

interface RunOptions {
  /** Flags of `gossipd run`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** A real `gossipd run`, its member called `app`, on a loopback address of its own. */
class Run {
  readonly ip: string;
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  /** What the application wrote. */
  stdout = "";
  /** What gossipd wrote, and the application where it did. */
  stderr = "";

  constructor(app: readonly string[], { env = {}, flags = [], input = "" }: RunOptions) {
    this.ip = freshIp();
    const own = ["-node=app", `-bind=${this.ip}:7946`, `-rpc-addr=${this.ip}:7373`];
    const args = [gossipdBin, "run", ...own, "-profile=local", ...flags, "--", ...app];
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdin?.on("error", () => {});
    this.#child.stdin?.end(input);
    this.#child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      this.stdout += part;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      this.stderr += part;
    });
    this.exited = once(this.#child, "close").then(([code]) => code as number | null);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  cli(...args: string[]): Promise<CliResult> {
    const [name = "", ...rest] = args;
    return runCli("gossipd", [name, `-rpc-addr=${this.ip}:7373`, ...rest]);
  }

  /** Its own tag `state`; undefined while nobody answers. */
  async state(): Promise<string | undefined> {
    const { code, stdout } = await this.cli("members", "-name=app", "-format=json");
    if (code !== 0) return undefined;
    const { members } = JSON.parse(stdout) as { members: { tags: { state?: string } }[] };
    return members[0]?.tags.state;
  }

  async untilState(state: string): Promise<void> {
    await until(`its state is ${state}`, async () => (await this.state()) === state, {
      every: 300,
      timeout: 40_000,
      last: () => this.stderr,
    });
  }

  /** Until `text` is in what it wrote to either. */
  async untilWritten(text: string): Promise<void> {
    await until(`it writes ${text}`, () => (this.stdout + this.stderr).includes(text), {
      every: 20,
      timeout: 40_000,
      last: () => this.stdout + this.stderr,
    });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.signal("SIGKILL");
    await Promise.race([this.exited, pause(5_000)]);
  }
}

interface RunTest {
  /** Runs an application that does not outlive the test. */
  readonly run: (app: readonly string[], options?: RunOptions) => Run;
  /** The same with a shell's commands for an application. */
  readonly script: (commands: string, options?: RunOptions) => Run;
  /** An agent that does not outlive the test either. */
  readonly peer: (args?: readonly string[], over?: Partial<AgentOptions>) => Promise<Agent>;
  /** For files of the test. */
  readonly folder: string;
}

export const runTest = test.extend<RunTest>({
  // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "gossipd-run-"));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
  run: async ({ folder: _ }, use) => {
    const runs: Run[] = [];
    await use((app, options = {}) => {
      const run = new Run(app, options);
      runs.push(run);
      return run;
    });
    await Promise.all(runs.map((run) => run.end()));
  },
  script: async ({ run }, use) => {
    await use((commands, options) => run(["sh", "-c", commands], options));
  },
  peer: async ({ folder: _ }, use) => {
    const agents: Agent[] = [];
    await use(async (args = [], over = {}) => {
      const all = ["-profile=local", ...args];
      const agent = await Agent.start({
        kind: "gossipd",
        name: "peer",
        ip: freshIp(),
        args: all,
        ...over,
      });
      agents.push(agent);
      return agent;
    });
    await Promise.all(agents.map((agent) => agent.end()));
  },
});

/** Whether a process is there, if only as a zombie. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
