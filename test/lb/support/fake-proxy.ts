import { OperatorError } from "../../../src/base/errors.js";
import type { Instant, Millis } from "../../../src/base/units.js";
import type { Desired, Observation, Plan, ServedServer, Step } from "../../../src/lb/model.js";
import type { Proxy } from "../../../src/lb/proxy.js";

type Verb = "observe" | "render" | "check" | "perform" | "reload";

interface Running {
  readonly pool: string;
  readonly name: string;
  readonly node: string;
  readonly ip: string;
  readonly port: number;
  weight: number;
  state: "ready" | "drain" | "maint";
  inUse: number;
}

/**
 * A proxy in memory. Its file: any lines, among them `server POOL NODE IP PORT WEIGHT STATE`. A line
 * that begins with `bad` is refused by the checker, one that begins with `trap` only by the reload.
 *
 * By `runtime` servers change by steps and foreign lines by a reload; without, everything by a reload.
 */
export class FakeProxy implements Proxy {
  readonly calls: Verb[] = [];
  /** Makes a call fail with these words. */
  readonly failing = new Map<Verb, string>();
  /** Calls that take so long; what never ends takes Infinity. */
  readonly taking = new Map<Verb, Millis>();
  readonly performed: string[] = [];
  reloads: Instant[] = [];
  lingering = 0;
  isAway = false;
  /** Called whenever what is served changes. */
  onChange: () => void = () => {};
  readonly #runtime: boolean;
  readonly #host: { now(): Instant; sleep(delay: Millis): Promise<void> };
  #process = 1;
  #loaded = "";
  #servers = new Map<string, Running>();

  constructor(
    host: { now(): Instant; sleep(delay: Millis): Promise<void> },
    text: string,
    runtime = true,
  ) {
    this.#host = host;
    this.#runtime = runtime;
    this.#load(text);
  }

  /** `NODE STATE`, sorted, of those that get requests or could. */
  get served(): readonly string[] {
    return [...this.#servers.values()].map(({ node, state }) => `${node} ${state}`).sort();
  }

  get servers(): readonly Running[] {
    return [...this.#servers.values()];
  }

  /** The nodes that get new requests, sorted. */
  get ready(): readonly string[] {
    return [...this.#servers.values()]
      .filter(({ state }) => state === "ready")
      .map(({ node }) => node)
      .sort();
  }

  server(node: string): Running {
    const found = [...this.#servers.values()].find((one) => one.node === node);
    if (found === undefined) throw new Error(`${node} is not served`);
    return found;
  }

  has(node: string): boolean {
    return [...this.#servers.values()].some((one) => one.node === node);
  }

  /** Somebody restarts it: it loads what is on the disk. */
  restart(text: string): void {
    this.isAway = false;
    this.#load(text);
  }

  async observe(): Promise<Observation> {
    await this.#call("observe");
    const at = this.#host.now();
    if (this.isAway) {
      return { at, trouble: "the socket refuses", process: "", servers: [], lingering: 0 };
    }
    const servers = [...this.#servers.values()].map((one): ServedServer => ({ ...one, up: true }));
    const process = String(this.#process);
    return { at, trouble: undefined, process, servers, lingering: this.lingering };
  }

  async render(current: string | undefined, desired: Desired): Promise<string> {
    await this.#call("render");
    const foreign = (current ?? "").split("\n").filter((line) => line !== "" && !isServer(line));
    const own = desired.pools.flatMap(({ name, servers }) =>
      servers.map(({ node, ip, port, weight, admission }) =>
        ["server", name, node, ip, port, weight, admission].join(" "),
      ),
    );
    return [...foreign, ...own, ""].join("\n");
  }

  shape(text: string): string {
    return foreignOf(text);
  }

  async check(_staged: string, text: string): Promise<void> {
    await this.#call("check");
    const bad = text.split("\n").find((line) => line.startsWith("bad"));
    if (bad !== undefined) throw new OperatorError(`checker: unknown keyword '${bad}'`);
  }

  plan(_now: Instant, desired: Desired, text: string, observed: Observation): Plan {
    const steps: Step[] = [];
    const waits: string[] = [];
    if (!this.#runtime) {
      const reload = text === this.#loaded ? undefined : "the file is another";
      return { steps, reload, waits, lookAgain: undefined };
    }
    const served = new Map(observed.servers.map((one) => [idOf(one), one]));
    for (const { name: pool, servers } of desired.pools) {
      for (const { node, ip, port, weight, admission } of servers) {
        const id = idOf({ pool, node, ip, port });
        const now = served.get(id);
        served.delete(id);
        if (now === undefined) {
          const isInFile = text.includes(`server ${pool} ${node} ${ip} ${port} `);
          if (admission === "ready" && isInFile) steps.push(step("add", id, false, `${weight}`));
          continue;
        }
        if (admission === "ready" && now.state !== "ready") steps.push(step("ready", id, false));
        if (admission === "drain") this.#planDrain(now, id, steps, waits);
        if (admission === "out" && now.state !== "maint") steps.push(step("maint", id, true));
        if (now.weight !== weight) steps.push(step("weight", id, false, `${weight}`));
      }
    }
    for (const [id, now] of served) {
      if (now.state === "maint") steps.push(step("delete", id, false));
      else this.#planDrain(now, id, steps, waits);
    }
    const reload =
      foreignOf(text) === foreignOf(this.#loaded) ? undefined : "lines beside servers are others";
    steps.sort((one, other) => Number(other.urgent) - Number(one.urgent));
    return { steps, reload, waits, lookAgain: waits.length > 0 ? 20 : undefined };
  }

  async perform(steps: readonly Step[]): Promise<void> {
    await this.#call("perform");
    if (this.isAway) throw new OperatorError("the socket refuses");
    for (const { commands, words } of steps) {
      this.#carryOut(commands);
      this.performed.push(words);
    }
    this.onChange();
  }

  async reload(_desired: Desired, text: string): Promise<void> {
    await this.#call("reload");
    if (this.isAway) throw new OperatorError("there is no process");
    const trap = text.split("\n").find((line) => line.startsWith("trap"));
    if (trap !== undefined) throw new OperatorError(`the new process failed: ${trap}`);
    this.reloads.push(this.#host.now());
    this.#load(text);
  }

  #planDrain(now: ServedServer, id: string, steps: Step[], waits: string[]): void {
    if (now.state === "ready") steps.push(step("drain", id, true));
    else if (now.state === "drain" && now.inUse === 0) steps.push(step("maint", id, false));
    if (now.inUse > 0) waits.push(`${id}: ${now.inUse} requests under way`);
  }

  #carryOut(commands: readonly string[]): void {
    const [verb = "", id = "", value = ""] = commands;
    if (verb === "add") {
      const [pool = "", node = "", ip = "", port = ""] = id.split(" ");
      this.#put({
        pool,
        name: id,
        node,
        ip,
        port: Number(port),
        weight: Number(value),
        state: "ready",
        inUse: 0,
      });
      return;
    }
    const server = this.#servers.get(id);
    if (server === undefined) throw new OperatorError(`no such server: ${id}`);
    if (verb === "delete") this.#servers.delete(id);
    else if (verb === "weight") server.weight = Number(value);
    else server.state = verb as Running["state"];
  }

  #load(text: string): void {
    this.#process += 1;
    this.#loaded = text;
    this.#servers = new Map();
    for (const line of text.split("\n").filter(isServer)) {
      const [, pool = "", node = "", ip = "", port = "", weight = "", admission = ""] =
        line.split(" ");
      const draining = this.#runtime ? "drain" : "maint";
      const state = admission === "ready" ? "ready" : admission === "drain" ? draining : "maint";
      const name = `${pool} ${node} ${ip} ${port}`;
      this.#put({
        pool,
        name,
        node,
        ip,
        port: Number(port),
        weight: Number(weight),
        state,
        inUse: 0,
      });
    }
    this.onChange();
  }

  #put(server: Running): void {
    this.#servers.set(server.name, server);
  }

  async #call(verb: Verb): Promise<void> {
    this.calls.push(verb);
    const delay = this.taking.get(verb) ?? 0;
    if (delay === Number.POSITIVE_INFINITY) await new Promise(() => {});
    if (delay > 0) await this.#host.sleep(delay);
    const words = this.failing.get(verb);
    if (words !== undefined) throw new OperatorError(words);
  }
}

/** Whether the checker would take it, and the reload as well. */
export function isValid(text: string): boolean {
  return text.split("\n").every((line) => !/^(bad|trap)/.test(line));
}

function isServer(line: string): boolean {
  return line.startsWith("server ");
}

function foreignOf(text: string): string {
  return text
    .split("\n")
    .filter((line) => line !== "" && !isServer(line))
    .join("\n");
}

function idOf(server: {
  readonly pool: string;
  readonly node: string | undefined;
  readonly ip: string;
  readonly port: number;
}): string {
  return `${server.pool} ${server.node} ${server.ip} ${server.port}`;
}

function step(verb: string, id: string, urgent: boolean, value = ""): Step {
  return {
    words: `${id}: ${verb}${value === "" ? "" : ` ${value}`}`,
    urgent,
    commands: [verb, id, value],
  };
}
