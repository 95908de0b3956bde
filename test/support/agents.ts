import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { gossipdBin } from "./programs.js";
import { pause, until } from "./wait.js";

export { freshNet as loopbackNet } from "../traffic/support/places.js";

/** Which program stands behind a process of a test. */
export type Kind = "serf" | "gossipd";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A member as `members -format=json` shows it. */
export interface CliMember {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly status: string;
  readonly protocol: { readonly max: number; readonly min: number; readonly version: number };
}

function command(kind: Kind): [string, string[]] {
  return kind === "serf" ? ["serf", []] : [process.execPath, [gossipdBin]];
}

/** Runs one client command to its end; a command that hangs is ended after `timeout` ms. */
export async function runCli(
  kind: Kind,
  args: readonly string[],
  {
    env = {},
    timeout = 20_000,
    within = [],
  }: {
    env?: Record<string, string>;
    timeout?: number;
    /** As of {@link AgentOptions}. */
    within?: readonly string[];
  } = {},
): Promise<CliResult> {
  const [program, before] = command(kind);
  const [first, ...rest] = [...within, program, ...before];
  const child = spawn(first as string, [...rest, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout,
    killSignal: "SIGKILL",
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collect(stream: NodeJS.ReadableStream): { text(): string } {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (part: string) => {
    text += part;
  });
  return { text: () => text };
}

export interface AgentOptions {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Goes in front of the program, such as `ip netns exec NAME`; it must become the program. */
  readonly within?: readonly string[];
}

/** A real agent process on a loopback address of its own, gossip on port 7946, RPC on 7373. */
export class Agent {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  readonly #child: ChildProcess;
  readonly #within: readonly string[];
  readonly #output: { text(): string };
  readonly #errors: { text(): string };
  readonly exited: Promise<number | null>;

  private constructor(options: AgentOptions, child: ChildProcess) {
    this.kind = options.kind;
    this.name = options.name;
    this.ip = options.ip;
    this.#child = child;
    this.#within = options.within ?? [];
    this.#output = collect(child.stdout as NodeJS.ReadableStream);
    const errors = collect(child.stderr as NodeJS.ReadableStream);
    this.#errors = errors;
    this.exited = once(child, "close").then(([code]) => {
      if (errors.text() !== "") process.stderr.write(`${options.name}: ${errors.text()}\n`);
      return code as number | null;
    });
  }

  /** Starts an agent and waits until its RPC answers. */
  static async start(options: AgentOptions): Promise<Agent> {
    const [program, before] = command(options.kind);
    const [first, ...rest] = [...(options.within ?? []), program, ...before];
    const child = spawn(
      first as string,
      [
        ...rest,
        "agent",
        `-node=${options.name}`,
        `-bind=${options.ip}:7946`,
        `-rpc-addr=${options.ip}:7373`,
        "-log-level=debug",
        ...(options.args ?? []),
      ],
      {
        env: { ...process.env, ...options.env },
        // What a handler writes by a relative name must not land in the sources.
        cwd: tmpdir(),
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const agent = new Agent(options, child);
    await until(
      `${options.kind} agent ${options.name} runs`,
      () => {
        if (child.exitCode !== null) throw new Error(`${options.name} exited:\n${agent.output}`);
        return agent.output.includes("Log data will now stream in");
      },
      { last: () => agent.output },
    );
    return agent;
  }

  /** All that the agent printed so far. */
  get output(): string {
    return this.#output.text();
  }

  /** All that it wrote to stderr. */
  get errors(): string {
    return this.#errors.text();
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get rpc(): string {
    return `${this.ip}:7373`;
  }

  get gossip(): string {
    return `${this.ip}:7946`;
  }

  /** Asks this agent by the command line of `kind` (its own program's unless told otherwise). */
  cli(args: readonly string[], kind: Kind = this.kind): Promise<CliResult> {
    const [name, ...rest] = args;
    const within = this.#within;
    return runCli(kind, [name as string, `-rpc-addr=${this.rpc}`, ...rest], { within });
  }

  /** The members this agent shows, sorted by name. */
  async members(kind: Kind = this.kind): Promise<CliMember[]> {
    const { stdout, code } = await this.cli(["members", "-format=json"], kind);
    if (code !== 0) throw new Error(`members of ${this.name}: ${stdout}`);
    const { members } = JSON.parse(stdout) as { members: CliMember[] | null };
    return (members ?? []).sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async statuses(): Promise<Record<string, string>> {
    return Object.fromEntries((await this.members()).map(({ name, status }) => [name, status]));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the process if it still runs and waits for its end. */
  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.signal("SIGKILL");
    await Promise.race([this.exited, pause(5_000)]);
  }
}

/** Waits until each of `agents` shows these statuses, of those whom `expected` names. */
export async function allShow(
  agents: Iterable<Pick<Agent, "name" | "statuses">>,
  expected: Readonly<Record<string, string>>,
  timeout = 90_000,
): Promise<void> {
  for (const agent of agents) {
    let seen: Record<string, string> = {};
    await until(
      `${agent.name} shows ${JSON.stringify(expected)}`,
      async () => {
        seen = await agent.statuses();
        return Object.entries(expected).every(([name, status]) => seen[name] === status);
      },
      { timeout, every: 200, last: () => seen },
    );
  }
}
