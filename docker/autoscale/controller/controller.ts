import { isIPv6 } from "node:net";
import type { Agent, Member } from "gossipd";
import type { Views } from "./api.ts";
import type { Config } from "./config.ts";
import type { Docker, Surroundings } from "./docker.ts";
import type { EventLog } from "./event-log.ts";
import { Pool, type PoolReport } from "./pool.ts";

/** Where the agents of this stack serve HTTP. */
export const agentPort = 7380;

export interface ControllerOptions {
  readonly config: Config;
  readonly docker: Docker;
  readonly surroundings: Surroundings;
  readonly agent: Agent;
  readonly events: EventLog;
}

/** Checks all pools every now and then, and at once when gossip tells of a change. */
export class Controller implements Views {
  readonly events: EventLog;
  readonly checkInterval: number;
  readonly #options: ControllerOptions;
  readonly #pools: readonly Pool[];
  readonly #startedAt = performance.now();
  #checkedAt: number | undefined;
  #isOver = false;
  #isPoked = false;
  /** Ends the wait before the next check. */
  #wake = (): void => {};
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ControllerOptions) {
    const { config, docker, surroundings, agent, events } = options;
    this.#options = options;
    this.events = events;
    this.checkInterval = config.checkInterval;
    this.#pools = config.services.map(
      (service) =>
        new Pool({
          service,
          docker,
          surroundings,
          events,
          members: () => agent.members(),
          window: config.loadWindow,
        }),
    );
  }

  /** Until {@link end}. */
  async run(): Promise<void> {
    const { agent, config } = this.#options;
    this.events.add("started", undefined, `every ${config.checkInterval / 1_000} s`);
    const poke = (): void => {
      this.#isPoked = true;
      this.#wake();
    };
    // A new member, one that is ready now, one that is gone: none of them has to wait.
    for (const name of ["member-join", "member-update", "member-failed", "member-leave"] as const) {
      agent.on(name, poke);
    }
    const sampler = setInterval(() => {
      for (const pool of this.#pools) void pool.sample();
    }, config.sampleInterval);
    this.#loop = this.#checks();
    await this.#loop.finally(() => clearInterval(sampler));
  }

  /** Resolves when the check that is under way is over. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#wake();
    await this.#loop;
  }

  readonly pools = (): (PoolReport | undefined)[] => this.#pools.map(({ report }) => report);

  readonly sinceCheck = (): number | undefined =>
    this.#checkedAt === undefined ? undefined : performance.now() - this.#checkedAt;

  readonly targets = (): string[] =>
    this.#alive().map(
      ({ address }) => `${isIPv6(address) ? `[${address}]` : address}:${agentPort}`,
    );

  readonly self = (): Record<string, unknown> => ({
    uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1_000),
    checkIntervalSeconds: this.checkInterval / 1_000,
    memoryMegabytes: Math.round(process.memoryUsage.rss() / 1e6),
    members: this.#alive().length,
  });

  #alive(): Member[] {
    return this.#options.agent.members().filter(({ status }) => status === "alive");
  }

  async #checks(): Promise<void> {
    while (!this.#isOver) {
      this.#isPoked = false;
      const results = await Promise.all(this.#pools.map((pool) => this.#check(pool)));
      if (results.every((each) => each)) this.#checkedAt = performance.now();
      await this.#pause();
    }
  }

  async #check(pool: Pool): Promise<boolean> {
    try {
      await pool.check();
      return true;
    } catch (error) {
      this.events.add("error", pool.name, (error as Error).message);
      return false;
    }
  }

  async #pause(): Promise<void> {
    if (this.#isPoked || this.#isOver) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.checkInterval);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
