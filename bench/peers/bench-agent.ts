import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { RpcClient } from "#rpc/client.js";
import { endChild, startChild } from "./children.js";
import { commands, type Kind } from "./kinds.js";
import { until } from "./waiting.js";

export const gossipPort = 7_946;
export const rpcPort = 7_373;

/** An agent with more to do than it can still has to answer within this, in ms. */
const answerLimit = 60_000;

/** What an agent may write to stderr and is kept, in characters; the newest. */
const keptErrors = 1_000_000;

let nets = 0;

/** Addresses of a loopback net that nobody used before, for hosts 1 to 254. */
export function freshNet(): (host: number) => string {
  nets += 1;
  const net = `127.${60 + (process.pid % 180)}.${(process.pid + nets) % 256}`;
  return (host) => `${net}.${host}`;
}

export interface AgentOptions {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  readonly args?: readonly string[];
}

/** Starts an agent with its stock settings and does not wait for it. */
export function startAgent({ kind, name, ip, args = [] }: AgentOptions): ChildProcess {
  const own = [`-node=${name}`, `-bind=${ip}:${gossipPort}`, `-rpc-addr=${ip}:${rpcPort}`];
  return startChild(commands[kind], ["agent", ...own, ...args], {
    // What a handler writes by a relative name must not land in the sources.
    cwd: tmpdir(),
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** A running agent, and our connection to its RPC. */
export class BenchAgent {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  readonly rpc: RpcClient;
  readonly #child: ChildProcess;
  #errors = "";

  /** Resolves when the RPC answers. */
  static async start(options: AgentOptions): Promise<BenchAgent> {
    const child = startAgent(options);
    let rpc: RpcClient | undefined;
    await until(
      `${options.kind} ${options.name} answers at ${options.ip}`,
      async () => {
        if (child.exitCode !== null) throw new Error(`${options.name} ended at its start`);
        const timeouts = { answer: answerLimit };
        const target = { host: options.ip, port: rpcPort, authKey: "", timeouts };
        rpc = await RpcClient.connect(target).catch(() => undefined);
        return rpc !== undefined;
      },
      30_000,
    );
    return new BenchAgent(options, child, rpc as RpcClient);
  }

  private constructor(options: AgentOptions, child: ChildProcess, rpc: RpcClient) {
    this.kind = options.kind;
    this.name = options.name;
    this.ip = options.ip;
    this.rpc = rpc;
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-keptErrors);
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote to stderr lately. */
  get errors(): string {
    return this.#errors;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process is gone. */
  async ended(): Promise<void> {
    if (this.runs) await once(this.#child, "exit");
  }

  async end(): Promise<void> {
    this.rpc.close();
    await endChild(this.#child);
  }
}
