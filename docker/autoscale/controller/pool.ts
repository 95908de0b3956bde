import type { Member } from "gossipd";
import type { Metric, ServiceConfig } from "./config.ts";
import type { Container, Docker, Surroundings } from "./docker.ts";
import type { EventLog } from "./event-log.ts";
import { LoadMeter } from "./load-meter.ts";
import { type Decision, Scaler } from "./scaler.ts";
import { isWithin, type PoolSize } from "./schedule.ts";
import { type Phase, type Server, Servers } from "./servers.ts";

export interface PoolOptions {
  readonly service: ServiceConfig;
  readonly docker: Docker;
  readonly surroundings: Surroundings;
  readonly events: EventLog;
  /** All that gossip knows, at this moment. */
  readonly members: () => readonly Member[];
  /** ms over which load is measured. */
  readonly window: number;
}

/** A pool at one moment, for those who ask. */
export interface PoolReport {
  readonly service: ServiceConfig;
  readonly size: PoolSize;
  readonly isBusinessHours: boolean;
  readonly decision: Decision | undefined;
  readonly counts: Readonly<Record<Phase, number>>;
  readonly servers: readonly Server[];
  readonly load: ReadonlyMap<Metric, number>;
  readonly queued: number;
  /** Changes since the start of the controller. */
  readonly started: number;
  readonly stopped: number;
  readonly ended: number;
}

const nobody: Readonly<Record<Phase, number>> = {
  starting: 0,
  ready: 0,
  away: 0,
  lost: 0,
  late: 0,
  stopping: 0,
  ended: 0,
};
/** Waits after starts in vain: this, doubled each time, up to the longest. */
const firstWait = 2_000;
const longestWait = 300_000;

/**
 * The containers of one service. All that has to last is in the engine and in the gossip, so that a
 * controller that was away takes over what runs; the order to leave goes to the container itself, where
 * `gossipd run` has the balancers take it out before the application is stopped.
 */
export class Pool {
  readonly #options: PoolOptions;
  readonly #meter: LoadMeter;
  readonly #servers: Servers;
  /** Orders to stop that are under way, by the id of the container. */
  readonly #stopping = new Map<string, Promise<void>>();
  #scaler: Scaler | undefined;
  #report: PoolReport | undefined;
  #failedStarts = 0;
  #noStartBefore = 0;
  #started = 0;
  #stopped = 0;
  #ended = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#meter = new LoadMeter(options.service, options.docker, options.window);
    this.#servers = new Servers(options.service.startTimeout);
  }

  get name(): string {
    return this.#options.service.name;
  }

  /** As of the last check; undefined before the first. */
  get report(): PoolReport | undefined {
    return this.#report;
  }

  async sample(): Promise<void> {
    await this.#meter.sample(this.#options.members());
  }

  /** Looks, decides and acts. Rejects with an OperatorError if the engine does not do what it should. */
  async check(): Promise<void> {
    const now = performance.now();
    const servers = await this.#look(now);
    await this.#meter.sampleCpu(servers.filter(isRunning).map(({ container }) => container.id));
    const decision = this.#decide(now, servers);
    const before = this.#report?.servers ?? [];
    this.#describe(now, servers, decision);
    await this.#clear(now, servers, before);
    await this.#follow(now, servers, decision);
  }

  async #look(now: number): Promise<Server[]> {
    const { docker, members } = this.#options;
    const containers = await docker.list(this.#labels());
    const before = new Map(this.#report?.servers.map((each) => [each.container.id, each.phase]));
    const known = members();
    const servers = this.#servers.update(now, containers, known, new Set(this.#stopping.keys()));
    for (const { container, phase } of servers) {
      if (phase !== "ready" || before.get(container.id) === "ready") continue;
      this.#failedStarts = 0;
      this.#tell("ready", `${container.name} is ready at ${container.address}`);
    }
    return servers;
  }

  #decide(now: number, servers: readonly Server[]): Decision {
    const running = count(servers, "ready") + count(servers, "starting");
    this.#scaler ??= this.#takeOver(running, now);
    const decision = this.#scaler.decide({
      now,
      size: this.#size().size,
      ready: count(servers, "ready"),
      starting: count(servers, "starting"),
      load: this.#meter.totals(now),
    });
    if (decision.change !== "none") {
      this.#tell(decision.change, `to ${decision.target}: ${decision.reason}`);
    }
    return decision;
  }

  #takeOver(running: number, now: number): Scaler {
    if (running > 0) this.#tell("started", `takes over ${running} that run`);
    return new Scaler(this.#options.service, running, now);
  }

  /** Removes what ended by itself, and stops what runs but serves nobody. */
  async #clear(now: number, servers: readonly Server[], before: readonly Server[]): Promise<void> {
    const { docker, members } = this.#options;
    for (const { container, phase } of servers) {
      if (phase !== "ended") continue;
      this.#ended += 1;
      this.#tell("ended", `${container.name}: ${container.status || container.state}`);
      const last = before.find((each) => each.container.id === container.id);
      if (last === undefined || last.phase === "starting") this.#putOff(now);
      await docker.remove(container.id);
    }
    const late = servers.filter(({ phase }) => phase === "late");
    for (const { container } of late) {
      this.#putOff(now);
      this.#stop(container, `was not ready within ${this.#options.service.startTimeout / 1_000} s`);
    }
    // Who sees nobody else is cut off itself, and who sees many lost probably is: one at a time.
    const lost = servers.find(({ phase }) => phase === "lost");
    const sees = members().filter(({ status }) => status === "alive").length;
    if (lost && sees > 1 && count(servers, "stopping") === 0) {
      this.#stop(lost.container, "runs, but its member failed");
    }
  }

  async #follow(now: number, servers: readonly Server[], { target }: Decision): Promise<void> {
    const usable = servers.filter(({ phase }) => phase === "ready" || phase === "starting");
    if (usable.length < target && now >= this.#noStartBefore) {
      const taken = servers.filter(({ phase }) => phase !== "ended");
      const names = this.#freeNames(taken, target - usable.length);
      await Promise.all(names.map((name) => this.#start(now, name)));
    }
    // Those that serve nobody yet go first, then the youngest: the oldest have proved themselves.
    const surplus = usable
      .toSorted((one, other) => rank(one) - rank(other) || age(one) - age(other))
      .slice(0, Math.max(0, usable.length - target));
    for (const { container } of surplus) this.#stop(container, "is not needed any more");
  }

  async #start(now: number, name: string): Promise<void> {
    const { docker, service, surroundings } = this.#options;
    const inherited = service.inheritEnvironment.flatMap((key) => {
      const value = process.env[key] ?? "";
      return value === "" ? [] : [[key, value] as const];
    });
    const environment = [...inherited, ...Object.entries(service.environment)];
    try {
      await docker.run({
        containerName: `${surroundings.project}-${name}`,
        hostname: name,
        image: service.image,
        environment: environment.map(([key, value]) => `${key}=${value}`),
        network: surroundings.network,
        memory: service.memory,
        labels: { ...this.#labels(), "com.docker.compose.oneoff": "False" },
      });
      this.#started += 1;
      this.#tell("start", name);
    } catch (error) {
      this.#putOff(now);
      throw error;
    }
  }

  /** Does not wait: until a container is drained and has ended, the pool is looked after all the same. */
  #stop(container: Container, why: string): void {
    if (this.#stopping.has(container.id)) return;
    this.#tell("stop", `${container.name} ${why}`);
    const { docker, service } = this.#options;
    const work = async (): Promise<void> => {
      try {
        await docker.stop(container.id, service.stopTimeout);
        await docker.remove(container.id);
        this.#stopped += 1;
      } catch (error) {
        this.#tell("error", (error as Error).message);
      } finally {
        this.#stopping.delete(container.id);
      }
    };
    this.#stopping.set(container.id, work());
  }

  /** No new starts for a while. */
  #putOff(now: number): void {
    const wait = Math.min(firstWait * 2 ** this.#failedStarts, longestWait);
    this.#failedStarts = Math.min(this.#failedStarts + 1, 20);
    this.#noStartBefore = Math.max(this.#noStartBefore, now + wait);
  }

  /** The lowest numbers that nobody has: names come back, so that there are only so many. */
  #freeNames(servers: readonly Server[], count: number): string[] {
    const taken = new Set(servers.map(({ container }) => container.name));
    const names: string[] = [];
    for (let number = 1; names.length < count; number += 1) {
      const name = `${this.name}-${number}`;
      if (!taken.has(name)) names.push(name);
    }
    return names;
  }

  #labels(): Record<string, string> {
    return {
      "com.docker.compose.project": this.#options.surroundings.project,
      "com.docker.compose.service": this.name,
      "gossipd.autoscale.service": this.name,
    };
  }

  #size(): { size: PoolSize; isBusinessHours: boolean } {
    const { businessHours, size } = this.#options.service;
    const isBusinessHours = businessHours !== undefined && isWithin(businessHours, Date.now());
    return { size: isBusinessHours ? businessHours.size : size, isBusinessHours };
  }

  #describe(now: number, servers: readonly Server[], decision: Decision): void {
    const counts = { ...nobody };
    for (const { phase } of servers) counts[phase] += 1;
    this.#report = {
      ...this.#size(),
      service: this.#options.service,
      decision,
      counts,
      servers,
      load: this.#meter.totals(now),
      queued: this.#meter.queued(now),
      started: this.#started,
      stopped: this.#stopped,
      ended: this.#ended,
    };
  }

  #tell(kind: Parameters<EventLog["add"]>[0], text: string): void {
    this.#options.events.add(kind, this.name, text);
  }
}

function isRunning({ container }: Server): boolean {
  return container.state === "running";
}

function count(servers: readonly Server[], wanted: Phase): number {
  return servers.filter(({ phase }) => phase === wanted).length;
}

function rank({ phase }: Server): number {
  return phase === "starting" ? 0 : 1;
}

function age({ container }: Server): number {
  return -container.createdAt;
}
