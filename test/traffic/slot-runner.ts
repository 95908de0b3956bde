import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { observeHaproxy, type RuntimePool } from "../../src/lb/haproxy/observe.js";
import { performSteps } from "../../src/lb/haproxy/runtime-perform.js";
import {
  type Drains,
  type PlannedPool,
  planSlots,
  type RuntimePlan,
} from "../../src/lb/haproxy/runtime-plan.js";
import { RuntimeSocket } from "../../src/lb/haproxy/runtime-socket.js";
import {
  parseServerLines,
  renderServerLine,
  type ServerLine,
} from "../../src/lb/haproxy/server-lines.js";
import { assignSlots } from "../../src/lb/haproxy/slots.js";
import { findBlocks, replaceBlocks } from "../../src/lb/marker.js";
import type { Admission, Cause, Observation, Server } from "../../src/lb/model.js";
import { ask, type Haproxy, readMaster } from "./support/haproxy.js";
import { waitUntil } from "./support/waiting.js";

export interface SlotRunnerOptions {
  readonly pool?: string;
  readonly exclusive?: boolean;
  readonly drainLimit?: number;
  readonly slots?: number;
  readonly rest?: number;
}

/** The least that keeps one pool of a HAProxy in step: for tests of the parts that it is made of. */
export class SlotRunner {
  readonly haproxy: Haproxy;
  readonly socket: RuntimeSocket;
  readonly done: string[] = [];
  reloads = 0;
  #drains: Drains = new Map();
  readonly #options: Required<SlotRunnerOptions>;

  constructor(haproxy: Haproxy, options: SlotRunnerOptions = {}) {
    this.haproxy = haproxy;
    this.socket = new RuntimeSocket(haproxy.place.statsSocket, 5_000);
    this.#options = {
      ...{ pool: "web", exclusive: false, drainLimit: 10_000, slots: 8, rest: 0 },
      ...options,
    };
  }

  get lines(): readonly ServerLine[] {
    const { pool } = this.#options;
    const [block] = findBlocks(readFileSync(this.haproxy.place.config, "utf8"), [pool]);
    return parseServerLines(block?.lines ?? []);
  }

  observe(): Promise<Observation> {
    return observeHaproxy(this.socket, () => performance.now(), [this.#pool()]);
  }

  /** Looks, writes the file, does what is next; gives the plan that it had. */
  async round(servers: readonly Server[]): Promise<RuntimePlan> {
    const { pool, slots, rest, exclusive, drainLimit } = this.#options;
    const desired = { name: pool, servers };
    const observed = await this.observe();
    const served = observed.trouble === undefined ? observed.servers : undefined;
    const before = this.lines;
    const lines = assignSlots({
      ...{ pool: desired, lines: before, served, slots, options: "", mayShrink: false, rest },
    });
    const changed = JSON.stringify(lines) !== JSON.stringify(before);
    if (changed) this.#write(lines);
    const planned: PlannedPool = { ...this.#pool(), lines, desired, exclusive, drainLimit };
    const plan = planSlots(performance.now(), [planned], observed, this.#drains);
    this.#drains = plan.drains;
    await performSteps(this.socket, plan.steps);
    this.done.push(...plan.steps.map(({ words }) => words));
    if (plan.reload !== undefined) await this.reload();
    return plan;
  }

  /** Rounds until there is nothing left to do. */
  async settle(servers: readonly Server[]): Promise<void> {
    for (let rounds = 0; rounds < 2_000; rounds += 1) {
      const { steps, waits, reload, lookAgain } = await this.round(servers);
      if (steps.length === 0 && waits.length === 0 && reload === undefined) return;
      if (lookAgain !== undefined) await sleep(lookAgain);
    }
    throw new Error(`never settles: ${this.done.slice(-20).join("; ")}`);
  }

  async reload(): Promise<void> {
    const { masterSocket } = this.haproxy.place;
    const before = (await this.observe()).process;
    await waitUntil("the master hears it", async () => {
      const answer = await ask(masterSocket, "reload").catch(() => undefined);
      return answer !== undefined;
    });
    await waitUntil("haproxy has loaded its file anew", async () => {
      const { process } = await this.observe();
      // The master does not listen while it starts anew.
      const { failed } = readMaster(await ask(masterSocket, "show proc").catch(() => ""));
      return process !== "" && process !== before && failed === 0;
    });
    this.reloads += 1;
  }

  #pool(): RuntimePool {
    const { pool } = this.#options;
    return { pool, backend: pool, lines: this.lines };
  }

  #write(lines: readonly ServerLine[]): void {
    const { config } = this.haproxy.place;
    const text = readFileSync(config, "utf8");
    const blocks = new Map([[this.#options.pool, lines.map(renderServerLine)]]);
    writeFileSync(config, replaceBlocks(text, blocks));
  }
}

/** A server of a pool that should be. */
export function wanted(
  web: { readonly name: string; readonly ip: string; readonly port: number },
  admission: Admission = "ready",
  cause: Cause = "alive",
  weight = 100,
): Server {
  const { name, ip, port } = web;
  return { node: name, ip, port, weight, admission, cause, tags: new Map() };
}
