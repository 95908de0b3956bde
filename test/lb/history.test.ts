import { expect, test } from "vitest";
import { intBelow, SeededRandom } from "../../src/base/random.js";
import { type Instant, type Millis, seconds } from "../../src/base/units.js";
import { seeds } from "../support/seeds.js";
import { isValid } from "./support/fake-proxy.js";
import { servingBalancer, type VirtualBalancer } from "./support/virtual-balancer.js";

/** A server that is gone gets no requests after this, while nothing is in trouble: by the runtime socket, */
const promptly: Millis = 100;

/** ... and by reloads, which wait for each other. */
const byReload: Millis = seconds(13);

/** ... and after trouble of the proxy: the pause before the next try, which has not grown long yet. */
const afterTrouble: Millis = seconds(20);

/** Trouble ends by itself after at most this. */
const longestTrouble: Millis = seconds(5);

/** Always there, so that a pool is never empty: that is the guard's subject. */
const steady = ["web1", "web2", "web3"];

const others = Array.from({ length: 12 }, (_, index) => `web${index + 10}`);

/** Members that come, go, crash and move, under a balancer and a proxy that have troubles of their own. */
class History {
  readonly #world: VirtualBalancer;
  readonly #random: SeededRandom;
  readonly #bound: Millis;
  /** Since when each address must get no requests. */
  readonly #gone = new Map<string, Instant>();
  #troubleUntil: Instant = 0;
  #hasTrouble = false;
  #addresses = 100;
  readonly steps: string[] = [];

  constructor(world: VirtualBalancer, seed: number, bound: Millis) {
    this.#world = world;
    this.#bound = bound;
    this.#random = new SeededRandom(seed);
  }

  async step(): Promise<void> {
    const node = this.#pick(others);
    const actions: readonly (readonly [string, () => unknown])[] = [
      [`join ${node}`, () => this.#join(node)],
      [`join ${node}`, () => this.#join(node)],
      [`leave ${node}`, () => this.#leave(node, "left")],
      [`crash ${node}`, () => this.#leave(node, "failed")],
      [`suspect ${node}`, () => this.#suspect(node)],
      [`drain ${node}`, () => this.#tag(node, "draining")],
      [`ready ${node}`, () => this.#tag(node, "ready")],
      [`weight ${node}`, () => this.#weight(node)],
      ["restart of the agent", () => this.#restartAgent()],
      ["restart of the proxy", () => this.#world.proxy.restart(this.#world.file.text ?? "")],
      ["edit by hand", () => this.#edit()],
      ["state by hand", () => this.#meddle()],
      ["trouble", () => this.#trouble()],
      ["requests", () => this.#load()],
    ];
    const [words, act] = this.#pick(actions);
    this.steps.push(words);
    await act();
    await this.#watch(this.#pick([0, 1, 20, 200, 1_000, 3_000]));
  }

  /** All trouble is over, and there is time. */
  async end(): Promise<void> {
    this.#endTrouble();
    for (const node of this.#world.proxy.ready) this.#world.proxy.server(node).inUse = 0;
    await this.#watch(120_000);
  }

  get expected(): readonly string[] {
    return [...this.#world.members.values()]
      .filter(
        ({ status, tags }) => status === "alive" && (tags.get("state") ?? "ready") === "ready",
      )
      .map(({ name, ip }) => `${name} ${ip}`)
      .sort();
  }

  async #watch(span: Millis): Promise<void> {
    const { host } = this.#world;
    const end = host.now() + span;
    do {
      await host.advance(Math.min(20, Math.max(1, end - host.now())));
      if (this.#hasTrouble && host.now() >= this.#troubleUntil) this.#endTrouble();
      this.#judge();
    } while (host.now() < end);
  }

  #judge(): void {
    const { proxy, file, host } = this.#world;
    expect(isValid(file.text ?? "")).toBe(true);
    const isTroubled = host.now() < this.#troubleUntil + afterTrouble;
    const bound = this.#bound + (isTroubled ? afterTrouble + longestTrouble : 0);
    for (const server of proxy.servers) {
      if (server.state !== "ready") continue;
      const since = this.#gone.get(server.ip);
      if (since === undefined || host.now() - since <= bound) continue;
      const last = this.steps.slice(-15).join(", ");
      throw new Error(
        `${server.node} ${server.ip} is served ${host.now() - since} ms after it was gone; ${last}; ${JSON.stringify(this.#world.status.reason)}`,
      );
    }
  }

  #join(node: string): void {
    const member = this.#world.members.get(node);
    const moves = intBelow(this.#random, 3) === 0;
    this.#addresses += 1;
    const ip =
      moves || member === undefined
        ? `10.1.${this.#addresses >> 8}.${this.#addresses & 255}`
        : member.ip;
    if (member !== undefined && member.ip !== ip) this.#goes(member.ip);
    this.#gone.delete(ip);
    const tags = new Map([["role", "web"]]);
    this.#world.set(node, { status: "alive", suspected: false, ip, tags });
  }

  #leave(node: string, status: "left" | "failed"): void {
    const member = this.#world.members.get(node);
    if (member === undefined) return;
    this.#world.set(node, { status, suspected: false });
    this.#goes(member.ip);
  }

  #suspect(node: string): void {
    if (this.#world.members.get(node)?.status !== "alive") return;
    this.#world.set(node, { suspected: true });
    this.#world.host.after(1_500, () => this.#world.set(node, { suspected: false }));
  }

  #tag(node: string, state: string): void {
    const member = this.#world.members.get(node);
    if (member?.status !== "alive") return;
    this.#world.set(node, { tag: ["state", state] });
    if (state === "ready") this.#gone.delete(member.ip);
    else this.#goes(member.ip);
  }

  #weight(node: string): void {
    if (this.#world.members.get(node)?.status !== "alive") return;
    this.#world.set(node, { tag: ["weight", String(1 + intBelow(this.#random, 256))] });
  }

  #goes(ip: string): void {
    if (!this.#gone.has(ip)) this.#gone.set(ip, this.#world.host.now());
  }

  async #restartAgent(): Promise<void> {
    const { host, balancer } = this.#world;
    let isOver = false;
    void balancer.stop().then(() => {
      isOver = true;
    });
    await host.until("the end of the agent", () => isOver);
    this.#world.open();
    this.#world.tell();
    // It warms up, and must not take out what it does not know of yet.
    this.#troubleUntil = Math.max(this.#troubleUntil, host.now());
  }

  #edit(): void {
    const { file } = this.#world;
    const lines = (file.text ?? "").split("\n");
    const drop = intBelow(this.#random, lines.length);
    const comment = `# by hand ${this.#addresses++}`;
    file.text = [comment, ...lines.filter((line, at) => at !== drop && !line.startsWith("#"))].join(
      "\n",
    );
  }

  #meddle(): void {
    const { proxy, host } = this.#world;
    const found = this.#pick(proxy.servers);
    if (found === undefined) return;
    found.state = this.#pick(["ready", "drain", "maint"] as const);
    // It is found by the next look: only then is it gone again.
    if (this.#gone.has(found.ip)) this.#gone.set(found.ip, host.now());
    this.#troubleUntil = Math.max(this.#troubleUntil, host.now());
  }

  #trouble(): void {
    const { proxy, file, host } = this.#world;
    this.#endTrouble();
    this.#hasTrouble = true;
    this.#troubleUntil = host.now() + intBelow(this.#random, longestTrouble);
    const verb = this.#pick(["render", "check", "perform", "reload", "observe"] as const);
    const kind = this.#pick(["fails", "slow", "away", "disk"] as const);
    if (kind === "fails") proxy.failing.set(verb, `${verb} failed`);
    if (kind === "slow") proxy.taking.set(verb, 800);
    if (kind === "away") proxy.isAway = true;
    if (kind === "disk")
      file.failing.add(this.#pick(["read", "stage", "commit", "confirm", "restore"] as const));
    this.steps.push(`${kind} ${verb}`);
  }

  #endTrouble(): void {
    const { proxy, file } = this.#world;
    this.#hasTrouble = false;
    proxy.failing.clear();
    proxy.taking.clear();
    file.failing.clear();
    if (proxy.isAway) proxy.restart(file.text ?? "");
  }

  #load(): void {
    const { proxy, host } = this.#world;
    const server = this.#pick(proxy.servers);
    if (server === undefined) return;
    server.inUse = 1 + intBelow(this.#random, 3);
    host.after(700, () => {
      server.inUse = 0;
    });
  }

  #pick<T>(from: readonly T[]): T {
    return from[intBelow(this.#random, from.length)] as T;
  }
}

test.for(
  seeds(6).flatMap((seed) => [
    { seed, runtime: true },
    { seed, runtime: false },
  ]),
)(
  "500 random steps end with the members as servers, and none is served that is gone (SEED=$seed, runtime $runtime)",
  async ({ seed, runtime }) => {
    const world = await servingBalancer(steady, {}, runtime);
    const history = new History(world, seed, runtime ? promptly : byReload);
    for (let step = 0; step < 500; step += 1) await history.step();
    await history.end();
    expect(world.status.reason).toBeNull();
    const served = world.proxy.servers.filter(({ state }) => state === "ready");
    expect(served.map(({ node, ip }) => `${node} ${ip}`).sort()).toEqual(history.expected);
    expect(world.file.history.every(isValid)).toBe(true);
    expect(world.isInStep).toBe(true);
  },
);
