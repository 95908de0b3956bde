import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RpcClient } from "../../src/rpc/client.js";
import { Agent, type CliResult, type Kind } from "./agents.js";
import type { EventLedger, Life } from "./churn-ledger.js";

export interface ChurnNodeOptions {
  readonly name: string;
  readonly kind: Kind;
  /** Loopback addresses that it may return at; the first is where it begins. */
  readonly addresses: readonly string[];
  /** Where its keyring, tags and snapshot survive it. */
  readonly folder: string;
  readonly key: string;
  readonly ledger: EventLedger;
}

/** One member over several lives: its files stay, its process and its address do not. */
export class ChurnNode {
  readonly name: string;
  readonly kind: Kind;
  /** The tags that it should show. */
  readonly tags: Record<string, string> = {};
  /** Every process that was started for it, for the end of the test. */
  readonly processes: Agent[] = [];
  readonly #options: ChurnNodeOptions;
  readonly #folder: string;
  #place = 0;
  #agent: Agent | undefined;
  #events: RpcClient | undefined;
  #life: Life | undefined;
  /** Until when nobody should end it: what it said has to get around first. */
  busyUntil = 0;

  constructor(options: ChurnNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.kind = options.kind;
    this.#folder = join(options.folder, options.name);
    mkdirSync(this.#folder);
    writeFileSync(this.#file("keyring"), JSON.stringify([options.key]), { mode: 0o600 });
  }

  get up(): boolean {
    return this.#agent !== undefined;
  }

  get agent(): Agent {
    if (this.#agent === undefined) throw new Error(`${this.name} is not running`);
    return this.#agent;
  }

  get ip(): string {
    return this.#options.addresses[this.#place] as string;
  }

  /** What all should show of it. */
  get shown(): string {
    return JSON.stringify([
      this.name,
      "alive",
      `${this.ip}:7946`,
      Object.entries(this.tags).sort(),
    ]);
  }

  /** The next start is at another address. */
  move(): void {
    this.#place = (this.#place + 1) % this.#options.addresses.length;
  }

  async start(join: ChurnNode | undefined): Promise<void> {
    const args = [
      `-keyring-file=${this.#file("keyring")}`,
      `-tags-file=${this.#file("tags")}`,
      `-snapshot=${this.#file("snapshot")}`,
      "-event-handler=query:who=echo $SERF_SELF_NAME",
    ];
    if (join !== undefined) args.push(`-join=${join.agent.gossip}`);
    const { kind, name, ip } = this;
    const agent = await Agent.start({ kind, name, ip, args });
    this.processes.push(agent);
    this.#agent = agent;
    const life = this.#options.ledger.begin(name);
    this.#life = life;
    this.#events = await RpcClient.connect({ host: ip, port: 7373, authKey: "" });
    await this.#events.stream("user", (event) => {
      if (event.kind === "user") life.take(event.name);
    });
  }

  async cli(...args: string[]): Promise<CliResult> {
    return await this.agent.cli(args);
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** As an operator's interrupt does. */
  async leave(): Promise<void> {
    await this.#end("SIGINT");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { agent } = this;
    this.#events?.close();
    if (this.#life !== undefined) this.#life.to = performance.now();
    this.#agent = undefined;
    agent.signal(signal);
    await agent.exited;
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}
