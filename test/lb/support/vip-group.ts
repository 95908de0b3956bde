import type { Millis } from "../../../src/base/units.js";
import type { VirtualIpConfig } from "../../../src/lb/config.js";
import type { LbMember, View } from "../../../src/lb/model.js";
import type { MovingAddress } from "../../../src/lb/vip/interface-address.js";
import { type Move, VirtualIp } from "../../../src/lb/vip/virtual-ip.js";
import { VirtualHost } from "./virtual-host.js";

const shared = "192.0.2.100";

/** How long news of a tag are under way, a crash until it is suspected, and until it is certain. */
const gossipTime: Millis = 200;
const suspectAfter: Millis = 1_500;
const failAfter: Millis = 6_000;

const config: VirtualIpConfig = {
  address: `${shared}/24`,
  interface: "eth0",
  port: 80,
  checkPath: undefined,
  checkInterval: 250,
  checkTimeout: 200,
  holdDown: 2_000,
};

/** A machine: a balancer or only a witness. */
class Machine {
  readonly name: string;
  readonly ip: string;
  /** Those that can be reached have the same. */
  island = 0;
  isAlive = true;
  proxyServes = true;
  proxyAnswers = true;
  hasAddress = false;
  /** What `ip addr add` says instead. */
  refuses: string | undefined;
  tags = new Map<string, string>();
  virtualIp: VirtualIp | undefined;
  readonly moves: Move[] = [];
  /** What it thinks of others that it cannot reach: since when. */
  readonly missed = new Map<string, number>();
  /** What it knows of others' tags. */
  readonly known = new Map<string, ReadonlyMap<string, string>>();

  constructor(name: string, ip: string) {
    this.name = name;
    this.ip = ip;
  }
}

/** Balancers and witnesses in one network, on virtual time. */
export class VipGroup {
  readonly host = new VirtualHost();
  readonly #machines: Machine[];
  /** Whose the address is for all who ask, by island: who announced it last. */
  readonly #neighbours = new Map<number, Machine>();
  readonly #blind = new Set<Machine>();
  /** Each change of who has it: `lb1`, `lb1 lb2`, ``. */
  readonly history: string[] = [];

  constructor(balancers: number, witnesses: number) {
    this.#machines = [
      ...Array.from({ length: balancers }, (_, index) => this.#machine(`lb${index + 1}`, index)),
      ...Array.from({ length: witnesses }, (_, index) =>
        this.#machine(`web${index + 1}`, 100 + index),
      ),
    ];
    for (const machine of this.#machines) {
      for (const other of this.#machines) machine.known.set(other.name, other.tags);
      if (machine.name.startsWith("lb")) this.start(machine.name);
    }
  }

  get now(): number {
    return this.host.now();
  }

  /** The names of those that have the address, of the living, sorted. */
  get holders(): string {
    const having = this.#machines.filter(({ hasAddress, isAlive }) => hasAddress && isAlive);
    return having.map(({ name }) => name).join(" ");
  }

  machine(name: string): Machine {
    const found = this.#machines.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Whether a request from the first island reaches a proxy that serves. */
  get serves(): boolean {
    return this.#reaches(0, shared);
  }

  /** A new run of the agent: it knows nothing, and the address is where it was. */
  start(name: string): void {
    const machine = this.machine(name);
    machine.virtualIp?.stop();
    const { host } = this;
    machine.virtualIp = new VirtualIp(
      config,
      this.#addressOf(machine),
      {
        log: host.log,
        now: () => host.now(),
        wallClock: () => host.wallClock(),
        after: (delay, run) => host.after(delay, () => machine.isAlive && run()),
        claim: (text) => this.setTag(name, "vip", text),
        probe: async ({ ip }) => {
          const answers = this.#reaches(machine.island, ip, machine);
          await host.sleep(answers ? 2 : config.checkTimeout);
          return answers;
        },
        note: (move) => machine.moves.push(move),
      },
      1_000,
      () => machine.proxyAnswers,
      () => {},
    );
    this.#show(machine);
  }

  /** A machine that takes part in nothing has the address. */
  claimForStranger(name: string): void {
    this.machine(name).hasAddress = true;
    this.#neighbours.set(0, this.machine(name));
  }

  crash(name: string): void {
    const machine = this.machine(name);
    machine.isAlive = false;
    machine.virtualIp?.stop();
    this.#record();
    this.#separate();
  }

  /** The agent is gone, the machine, its address and its proxy are not. */
  killAgent(name: string): void {
    this.machine(name).virtualIp?.stop();
    this.machine(name).virtualIp = undefined;
    for (const other of this.#machines) if (other.name !== name) this.#miss(other, name);
  }

  setTag(name: string, tag: string, value: string): void {
    const machine = this.machine(name);
    machine.tags = new Map(machine.tags).set(tag, value);
    for (const other of this.#machines) {
      const { tags } = machine;
      const delay = other === machine ? 0 : gossipTime;
      this.host.after(delay, () => {
        if (other.island !== machine.island) return;
        other.known.set(name, tags);
        this.#show(other);
      });
    }
  }

  /** Puts machines on an island of their own. */
  cutOff(...names: string[]): void {
    for (const name of names) this.machine(name).island = 1;
    const holder = this.#neighbours.get(0);
    if (holder !== undefined) this.#neighbours.set(1, holder);
    this.#separate();
  }

  /** These two get no answers from each other. */
  blind(...names: [string, string]): void {
    for (const name of names) this.#blind.add(this.machine(name));
  }

  /** All are together again, and know of each other. */
  heal(): void {
    for (const machine of this.#machines) {
      machine.island = 0;
      machine.missed.clear();
    }
    for (const machine of this.#machines) {
      for (const other of this.#machines) {
        this.host.after(gossipTime, () => {
          machine.known.set(other.name, other.tags);
          this.#show(machine);
        });
      }
    }
  }

  advance(span: Millis): Promise<void> {
    return this.host.advance(span);
  }

  /** How long until `isSo`. */
  until(what: string, isSo: () => boolean, limit?: Millis): Promise<Millis> {
    return this.host.until(what, isSo, limit);
  }

  /** Advances in small steps; how long requests from the first island got nowhere. */
  async downtime(span: Millis): Promise<Millis> {
    let down = 0;
    for (let at = 0; at < span; at += 10) {
      await this.host.advance(10);
      if (!this.serves) down += 10;
    }
    return down;
  }

  #machine(name: string, index: number): Machine {
    return new Machine(name, `192.0.2.${index + 1}`);
  }

  #reaches(island: number, ip: string, asker?: Machine): boolean {
    const target =
      ip === shared
        ? this.#neighbours.get(island)
        : this.#machines.find((machine) => machine.ip === ip);
    if (target === undefined || !target.isAlive || target.island !== island) return false;
    if (asker !== undefined && this.#blind.has(asker) && this.#blind.has(target)) return false;
    return target.proxyServes && (ip !== shared || target.hasAddress);
  }

  #addressOf(machine: Machine): MovingAddress {
    return {
      interface: "eth0",
      isHere: () => machine.hasAddress,
      add: async () => {
        await this.host.sleep(5);
        if (machine.refuses !== undefined) throw new Error(machine.refuses);
        machine.hasAddress = true;
        this.#record();
      },
      remove: async () => {
        await this.host.sleep(5);
        machine.hasAddress = false;
        this.#record();
      },
      announce: async () => {
        if (machine.hasAddress) this.#neighbours.set(machine.island, machine);
      },
    };
  }

  #record(): void {
    if (this.history.at(-1) !== this.holders) this.history.push(this.holders);
  }

  #separate(): void {
    for (const one of this.#machines) {
      for (const other of this.#machines) {
        const isLost = one.island !== other.island || !other.isAlive;
        if (one !== other && isLost) this.#miss(one, other.name);
      }
    }
  }

  #miss(one: Machine, name: string): void {
    if (one.missed.has(name)) return;
    one.missed.set(name, this.now);
    for (const delay of [suspectAfter, failAfter]) this.host.after(delay, () => this.#show(one));
  }

  #show(machine: Machine): void {
    if (machine.isAlive) machine.virtualIp?.update(this.#viewOf(machine));
  }

  #viewOf(machine: Machine): View {
    const members = this.#machines.map((other): LbMember => {
      const missed = machine.missed.get(other.name);
      const gone = missed === undefined ? 0 : this.now - missed;
      const { name, ip } = other;
      return {
        name,
        ip,
        tags: machine.known.get(name) ?? new Map(),
        status: gone >= failAfter ? "failed" : "alive",
        suspected: gone >= suspectAfter && gone < failAfter,
      };
    });
    return {
      self: machine.name,
      members,
      health: { isolated: false, awareness: 0 },
      joined: true,
    };
  }
}
