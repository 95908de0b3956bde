import type { Millis } from "../../../src/base/units.js";
import type { AuditEntry } from "../../../src/lb/audit.js";
import { Balancer } from "../../../src/lb/balancer.js";
import type { BalancerConfig, LbConfig } from "../../../src/lb/config.js";
import type { ProbeQuestion } from "../../../src/lb/decision.js";
import type { LbMember } from "../../../src/lb/model.js";
import type { BalancerStatus } from "../../../src/lb/status.js";
import type { Applied } from "../../../src/observe/deed.js";
import { FakeProxy } from "./fake-proxy.js";
import { MemoryFile } from "./memory-file.js";
import { sampleBalancer } from "./samples.js";
import { VirtualHost } from "./virtual-host.js";

const firstText = "global one\n";

export const settleTime: Millis = 1_000;

/** A balancer with its loop and its policy, a proxy in memory and virtual time. */
export class VirtualBalancer {
  readonly host = new VirtualHost();
  readonly proxy: FakeProxy;
  readonly file = new MemoryFile(firstText);
  readonly audit: AuditEntry[] = [];
  /** What the agent's chronicle would have. */
  readonly rounds: Applied[] = [];
  readonly members = new Map<string, LbMember>();
  /** Services that do not answer probes. */
  readonly silent = new Set<string>();
  readonly config: BalancerConfig;
  readonly #notes = new Map<string, unknown>();
  /** Which process writes notes: none of an earlier one that was killed. */
  #life = 0;
  balancer: Balancer;

  constructor(changes: Partial<BalancerConfig> = {}, runtime = true) {
    this.config = sampleBalancer(changes);
    this.proxy = new FakeProxy(this.host, firstText, runtime);
    this.balancer = this.open();
  }

  /** As a process that starts with what an earlier one left. */
  open(): Balancer {
    const config: LbConfig = {
      stateDir: "/state",
      interval: 30_000,
      watchInterval: 2_000,
      settleTime,
      settleLimit: 10_000,
      trackFile: undefined,
      virtualIp: undefined,
      balancers: [this.config],
    };
    const host = {
      log: this.host.log,
      now: () => this.host.now(),
      wallClock: () => this.host.wallClock(),
      after: (delay: Millis, run: () => void) => this.host.after(delay, run),
      noteRound: (round: Applied) => this.rounds.push(round),
      probe: async ({ ip }: ProbeQuestion) => !this.silent.has(ip),
    };
    const shared = {
      config,
      host,
      purpose: "keep" as const,
      audit: { add: (entry: AuditEntry) => this.audit.push(entry) },
      reloadTurn: <T>(reload: () => Promise<T>) => reload(),
      changed: () => {},
    };
    this.#life += 1;
    const life = this.#life;
    const notes = {
      read: (key: string) => this.#notes.get(key),
      write: (key: string, value: unknown) => {
        if (life === this.#life) this.#notes.set(key, JSON.parse(JSON.stringify(value)));
      },
    };
    this.balancer = new Balancer(this.config, shared, {
      proxy: this.proxy,
      store: this.file,
      notes,
      folder: "/state/edge",
    });
    return this.balancer;
  }

  /** It ends without a chance to keep anything, and starts anew. */
  async killAndOpen(): Promise<void> {
    const killed = this.balancer;
    this.open();
    await killed.stop();
  }

  /** The members are as told from now on, and the balancer hears it. */
  set(
    name: string,
    changes: Partial<LbMember> & { readonly tag?: readonly [string, string] } = {},
  ) {
    const { tag, ...rest } = changes;
    const before: LbMember = this.members.get(name) ?? {
      name,
      ip: `10.0.0.${name.replace(/\D/g, "")}`,
      tags: new Map([["role", "web"]]),
      status: "alive",
      suspected: false,
    };
    const tags = tag === undefined ? before.tags : new Map([...before.tags, tag]);
    this.members.set(name, { ...before, tags, ...rest });
    this.tell();
  }

  tell(): void {
    const health = { isolated: false, awareness: 0 };
    const members = [...this.members.values()];
    this.balancer.update({ self: "lb1", members, health, joined: true }, 0);
  }

  get status(): BalancerStatus {
    return this.balancer.status();
  }

  get isInStep(): boolean {
    return this.status.condition === "in step" && this.status.applied === this.status.version;
  }
}

/** One that serves members of these names and has nothing to do. */
export async function servingBalancer(
  names: readonly string[],
  changes: Partial<BalancerConfig> = {},
  runtime = true,
): Promise<VirtualBalancer> {
  const world = new VirtualBalancer(changes, runtime);
  for (const name of names) world.set(name);
  await world.host.until("in step", () => world.isInStep);
  await world.host.advance(3_000);
  return world;
}
