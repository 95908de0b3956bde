import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { OperatorError } from "../../src/base/errors.js";
import type { BalancerConfig } from "../../src/lb/config.js";
import { decodeLbConfig } from "../../src/lb/config-file.js";
import { openHaproxy } from "../../src/lb/haproxy/haproxy.js";
import type { Admission, Desired, Observation, Plan, Server } from "../../src/lb/model.js";
import type { Notes, Proxy } from "../../src/lb/proxy.js";
import { RecordedLog } from "../support/recorded-log.js";
import { pause } from "../support/wait.js";
import type { HaproxyPlace } from "./support/haproxy.js";

export interface Member {
  readonly node: string;
  readonly ip: string;
  readonly port: number;
  readonly admission?: Admission;
  readonly weight?: number;
}

/** One pool `web`. */
export function desiredOf(members: readonly Member[]): Desired {
  const servers = members
    .map(({ node, ip, port, admission = "ready", weight = 100 }): Server => {
      const cause = admission === "ready" ? "alive" : admission === "drain" ? "draining" : "failed";
      return { node, ip, port, weight, admission, cause, tags: new Map() };
    })
    .sort((one, other) => (one.node < other.node ? -1 : 1));
  return {
    pools: [{ name: "web", servers }],
    version: "000000000000",
    refused: [],
    holds: [],
    frozen: false,
  };
}

/** Notes that outlast the adapter that wrote them. */
export class KeptNotes implements Notes {
  readonly #values = new Map<string, string>();

  read(key: string): unknown {
    const text = this.#values.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  write(key: string, value: unknown): void {
    this.#values.set(key, JSON.stringify(value));
  }
}

export function configFor(
  place: HaproxyPlace,
  more: Readonly<Record<string, unknown>> = {},
): BalancerConfig {
  const { balancers } = decodeLbConfig(
    {
      state_dir: place.folder,
      balancers: [
        {
          name: "edge",
          kind: "haproxy",
          config: place.config,
          master_socket: place.masterSocket,
          pools: [{ name: "web", members: "role=web", port: 80 }],
          ...more,
        },
      ],
    },
    "test",
  );
  const [config] = balancers;
  if (config === undefined) throw new Error("no balancer");
  return config;
}

/** The part of HAProxy, driven as rounds do it, without all that makes rounds safe. */
export class Rig {
  readonly config: BalancerConfig;
  readonly notes: KeptNotes;
  readonly log = new RecordedLog();
  readonly proxy: Proxy;
  readonly #place: HaproxyPlace;
  reloads = 0;
  steps = 0;
  /** All that was waited for, the same only once. */
  readonly waits = new Set<string>();

  constructor(place: HaproxyPlace, config = configFor(place), notes = new KeptNotes()) {
    this.#place = place;
    this.config = config;
    this.notes = notes;
    this.proxy = openHaproxy(config, { log: this.log, now: () => performance.now(), notes });
  }

  get text(): string {
    return readFileSync(this.#place.config, "utf8");
  }

  /** As somebody with an editor would. */
  write(text: string): void {
    const staged = `${this.#place.config}.new`;
    writeFileSync(staged, text);
    renameSync(staged, this.#place.config);
  }

  async observe(): Promise<Observation> {
    return await this.proxy.observe();
  }

  async render(desired: Desired): Promise<string> {
    return await this.proxy.render(this.text, desired, await this.observe());
  }

  /** Checks `text` from a staged file and puts it in place. Throws what the check throws. */
  async put(text: string): Promise<void> {
    const staged = `${this.#place.config}.staged`;
    writeFileSync(staged, text);
    await this.proxy.check(staged, text, this.text);
    renameSync(staged, this.#place.config);
  }

  async plan(desired: Desired, text = this.text): Promise<Plan> {
    return this.proxy.plan(performance.now(), desired, text, await this.observe());
  }

  /** Until nothing is left to be done; says what was done. */
  async settle(desired: Desired): Promise<readonly string[]> {
    const done: string[] = [];
    const text = await this.render(desired);
    if (text !== this.text) await this.put(text);
    for (let look = 0; look < 500; look += 1) {
      const observed = await this.observe();
      if (observed.trouble !== undefined) throw new OperatorError(observed.trouble);
      const plan = this.proxy.plan(performance.now(), desired, text, observed);
      if (plan.steps.length === 0 && plan.reload === undefined && plan.waits.length === 0) {
        return done;
      }
      for (const wait of plan.waits) this.waits.add(wait);
      await this.proxy.perform(plan.steps);
      this.steps += plan.steps.length;
      done.push(...plan.steps.map(({ words }) => words));
      if (plan.reload !== undefined) {
        await this.proxy.reload(desired, text);
        this.reloads += 1;
        done.push(`reload: ${plan.reload}`);
      }
      if (plan.lookAgain !== undefined) await pause(plan.lookAgain);
    }
    throw new Error(`not settled: ${done.slice(-5).join("; ")}`);
  }
}
