import { RpcClient } from "#rpc/client.js";
import { Child } from "./child.js";
import { gossipd } from "./places.js";

/** Which program stands behind an agent. */
export type AgentKind = "gossipd" | "serf";

export interface AgentOptions {
  readonly kind: AgentKind;
  readonly name: string;
  /** Gossip on port 7946, RPC on 7373. */
  readonly ip: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Addresses of members. */
  readonly join?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** See {@link Child}. */
  readonly cwd?: string;
  /** See {@link Child}. */
  readonly within?: readonly string[];
}

/** A member as an agent shows it. */
export interface SeenMember {
  readonly name: string;
  readonly ip: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A real agent, gossipd's or Serf's, with its stock settings. */
export class AgentProcess {
  readonly kind: AgentKind;
  readonly name: string;
  readonly ip: string;
  readonly child: Child;

  private constructor({ kind, name, ip }: AgentOptions, child: Child) {
    this.kind = kind;
    this.name = name;
    this.ip = ip;
    this.child = child;
  }

  /** Starts it and waits until its RPC answers. */
  static async start(options: AgentOptions): Promise<AgentProcess> {
    const { kind, name, ip, tags = {}, join = [], args = [], env = {}, within = [], cwd } = options;
    const program: readonly [string, ...string[]] = kind === "serf" ? ["serf"] : gossipd;
    const child = new Child(
      `${kind} agent ${name}`,
      [
        ...program,
        "agent",
        `-node=${name}`,
        `-bind=${ip}:7946`,
        `-rpc-addr=${ip}:7373`,
        "-log-level=debug",
        ...Object.entries(tags).map(([tag, value]) => `-tag=${tag}=${value}`),
        ...join.map((address) => `-join=${address}`),
        ...args,
      ],
      { env, within, ...(cwd === undefined ? {} : { cwd }) },
    );
    await child.becomes("runs", () => child.said.includes("Log data will now stream in"));
    return new AgentProcess(options, child);
  }

  get gossip(): string {
    return `${this.ip}:7946`;
  }

  /** The members that it shows, by name. */
  async members(): Promise<Map<string, SeenMember>> {
    return await this.#ask(async (client) => {
      const members = await client.members();
      return new Map(
        members.map(({ name, addr, status, tags }) => [
          name,
          { name, ip: textOf(addr), status, tags: Object.fromEntries(tags) },
        ]),
      );
    });
  }

  /** Has it join the cluster of the member at `address`. */
  async join(address: string): Promise<void> {
    await this.#ask((client) => client.join([address], false));
  }

  /** As a service manager asks it to end, in order. */
  askToLeave(): void {
    // Serf's agent leaves only at an interrupt.
    this.child.signal(this.kind === "serf" ? "SIGINT" : "SIGTERM");
  }

  /** Changes its tags while it runs. */
  async setTags(
    tags: Readonly<Record<string, string>>,
    gone: readonly string[] = [],
  ): Promise<void> {
    await this.#ask((client) => client.setTags(new Map(Object.entries(tags)), gone));
  }

  async #ask<T>(question: (client: RpcClient) => Promise<T>): Promise<T> {
    const client = await RpcClient.connect({ host: this.ip, port: 7_373, authKey: "" });
    try {
      return await question(client);
    } finally {
      client.close();
    }
  }
}

/** Serf's agents give an IPv4 address in 4 or in 16 bytes. */
function textOf(address: Uint8Array): string {
  return address.slice(-4).join(".");
}
