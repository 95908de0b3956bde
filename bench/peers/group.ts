import { BenchAgent, freshNet, gossipPort } from "./bench-agent.js";
import type { Kind } from "./kinds.js";
import { MemberWatch } from "./member-watch.js";
import { holds, pause } from "./waiting.js";

/** So many are started at once: more would only wait for the processor. */
const batch = 5;

/** For the rest of the log from before to come, after a watch has begun. */
const backlogMillis = 300;

/** Agents of one kind, each on an address of its own. */
export class Group {
  readonly kind: Kind;
  /** How many it was started with. */
  readonly size: number;
  readonly watch = new MemberWatch();
  /** When the first of them was started. */
  readonly startedAt = performance.now();
  /** All that were started. */
  readonly #started: BenchAgent[] = [];
  /** Those that nobody took away. */
  readonly #agents: BenchAgent[] = [];

  /** Starts agents that do not know each other yet. */
  static async start(kind: Kind, size: number): Promise<Group> {
    const group = new Group(kind, size);
    const ip = freshNet();
    try {
      for (let begin = 0; begin < size; begin += batch) {
        const hosts = Array.from({ length: Math.min(batch, size - begin) }, (_, at) => begin + at);
        const started = hosts.map((host) =>
          BenchAgent.start({ kind, name: `n${host + 1}`, ip: ip(host + 1) }),
        );
        // All of them have to be known before one that failed ends the rest.
        const settled = await Promise.allSettled(started);
        for (const one of settled) if (one.status === "fulfilled") group.#started.push(one.value);
        await Promise.all(started);
      }
      group.#agents.push(...group.#started);
      await Promise.all(group.#agents.map((agent) => group.watch.follow(agent)));
      await pause(backlogMillis);
      return group;
    } catch (thrown) {
      await group.end();
      throw thrown;
    }
  }

  private constructor(kind: Kind, size: number) {
    this.kind = kind;
    this.size = size;
  }

  get agents(): readonly BenchAgent[] {
    return this.#agents;
  }

  get names(): readonly string[] {
    return this.#agents.map(({ name }) => name);
  }

  /** The one that all others join. */
  get seed(): BenchAgent {
    return this.#agents[0] as BenchAgent;
  }

  /** All join one at the same time; resolves when each was answered. */
  async joinAll(): Promise<void> {
    const target = `${this.seed.ip}:${gossipPort}`;
    await Promise.all(this.#agents.slice(1).map(({ rpc }) => rpc.join([target], false)));
  }

  /** Waits until all hold all for alive, and helps those who still lack somebody after `patience` ms. */
  async agree(patience: number, limit: number): Promise<void> {
    if (await holds(() => this.#agrees(), patience, 250)) return;
    await this.joinAll();
    if (await holds(() => this.#agrees(), limit, 500)) return;
    throw new Error(`the ${this.#agents.length} agents of ${this.kind} do not find together`);
  }

  /** The last agent, which the group then does without. */
  takeOne(): BenchAgent {
    const agent = this.#agents.pop();
    if (agent === undefined || this.#agents.length === 0) throw new Error("nobody is left");
    return agent;
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map((agent) => agent.end()));
  }

  async #agrees(): Promise<boolean> {
    const lost = this.#agents.find((agent) => !agent.runs);
    if (lost !== undefined) throw new Error(`${this.kind} ${lost.name} has ended: ${lost.errors}`);
    const wanted = new Set(this.names);
    for (const { rpc } of this.#agents) {
      const members = await rpc.members();
      const alive = members.filter(({ name, status }) => status === "alive" && wanted.has(name));
      if (alive.length < wanted.size) return false;
    }
    return true;
  }
}
