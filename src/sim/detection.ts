import { intBelow, SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import { type NetworkFault, quietConditions } from "./network.js";
import type { Process } from "./process.js";
import { World, type WorldNode } from "./world.js";

/** What is done to a group to learn how soon it sees what is true, and how often what is not. */
type Ordeal =
  /** One process is killed, its host lives. */
  | { readonly kind: "kill" }
  /** One process is killed and started again after `after`, at the same address. */
  | { readonly kind: "restart"; readonly after: Millis }
  /** Every process is killed and started again once, at random moments, some at once. */
  | { readonly kind: "restart storm"; readonly after: Millis }
  /** A third of the processes stand still for `time`, three times. */
  | { readonly kind: "pause"; readonly time: Millis }
  /** As pause, but timers go on: the anomaly of Lifeguard's paper. */
  | { readonly kind: "block"; readonly time: Millis }
  /** A third of the nodes is cut off for `time`. */
  | { readonly kind: "partition"; readonly time: Millis }
  /** Nothing but what the network does by itself. */
  | { readonly kind: "calm" };

export interface DetectionOptions {
  readonly seed: number;
  readonly members: number;
  readonly ordeal: Ordeal;
  /** As {@link SwimConfig.refusals}. */
  readonly refusals: boolean;
  /** The share of all packets that get lost. */
  readonly loss?: number;
  /** The share of nodes that take no connections, whatever runs there, from the start of the ordeal on. */
  readonly refusing?: number;
  /** How long is watched after the ordeal began. */
  readonly watched?: Millis;
}

export interface Detection {
  /** From the kill to the first and to the last member that was told; undefined if one never was. */
  readonly first: Millis | undefined;
  readonly last: Millis | undefined;
  /** How often anybody was told that a process has failed that was up, for longer than news travels. */
  readonly falseAlarms: number;
  /** Of these, how often it was one that nothing was done to. */
  readonly falseAlarmsOfHealthy: number;
  /** How often anybody was told so of a process that had just been started again. */
  readonly lateAlarms: number;
  /** Sent by all while watched: datagrams, and connections begun. */
  readonly packets: number;
  readonly dials: number;
  /** Most connections to one node within a second. */
  readonly shortened: number;
}

/** Until everybody knows everybody, and all is said. */
const calmTime: Millis = seconds(40);

/** Larger groups begin as ones that have been for long. */
const largestJoin = 100;

/** How long a dead claim may be under way. */
const newsTime: Millis = seconds(1);

/** Kills, restarts and the like happen within this time after {@link calmTime}. */
const spread: Millis = seconds(3);

/** Runs one ordeal; the same options give the same result. */
export function detect(options: DetectionOptions): Detection {
  return new DetectionRun(options).run();
}

class DetectionRun {
  readonly #options: DetectionOptions;
  readonly #world: World;
  readonly #random: SeededRandom;
  /** Nodes that something was done to. */
  readonly #touched = new Set<string>();
  readonly #told = new Map<string, Instant>();
  #killed: { readonly name: string; readonly at: Instant } | undefined;
  #falseAlarms = 0;
  #lateAlarms = 0;
  #falseAlarmsOfHealthy = 0;

  constructor(options: DetectionOptions) {
    const { refusals, seed } = options;
    this.#options = options;
    this.#random = new SeededRandom(seed, 0xf010);
    const config = { coalescePeriod: 0, refusals };
    this.#world = new World({ seed, config, conditions: quietConditions, hashPackets: false });
  }

  run(): Detection {
    const world = this.#world;
    const { loss = 0, members, refusing = 0, watched = seconds(60) } = this.#options;
    const names = Array.from({ length: members }, (_, index) => `n${index}`);
    if (members > largestJoin) world.populate(names);
    else for (const node of names.map((name) => world.add(name))) this.#start(node);
    world.run(calmTime);
    world.observer = {
      touched: () => {},
      sent: () => {},
      started: () => {},
      stopped: () => {},
      told: (process, event) => this.#hear(process, event),
    };
    const before = this.#count();
    world.network.conditions = { ...world.network.conditions, loss };
    if (refusing > 0) {
      const refusers = this.#pick(Math.ceil(members * refusing)).map(({ index }) => index);
      world.network.begin(world.now, { kind: "refusal", nodes: refusers });
    }
    this.#begin();
    world.run(watched);
    const after = this.#count();
    const told = [...this.#told.values()].sort((one, other) => one - other);
    const killedAt = this.#killed?.at ?? 0;
    const all = told.length >= members - 1;
    const [first] = told;
    return {
      first: first === undefined ? undefined : first - killedAt,
      last: all ? (told.at(-1) ?? 0) - killedAt : undefined,
      falseAlarms: this.#falseAlarms,
      falseAlarmsOfHealthy: this.#falseAlarmsOfHealthy,
      lateAlarms: this.#lateAlarms,
      packets: after.packets - before.packets,
      dials: after.dials - before.dials,
      shortened: after.shortened - before.shortened,
    };
  }

  #begin(): void {
    const world = this.#world;
    const { members, ordeal } = this.#options;
    const third = Math.ceil(members / 3);
    const soon = (): Instant => world.now + this.#random.next() * spread;
    switch (ordeal.kind) {
      case "kill":
      case "restart":
        for (const node of this.#pick(1)) this.#kill(node, soon(), ordeal);
        return;
      case "restart storm":
        for (const node of world.nodes) {
          this.#kill(node, world.now + 5 * this.#random.next() * spread, ordeal);
        }
        return;
      case "pause":
      case "block": {
        const { kind, time } = ordeal;
        for (const node of this.#pick(third)) {
          this.#touched.add(node.name);
          for (const turn of [0, 1, 2]) {
            const at = soon() + turn * (time + spread);
            world.at(at, () => (kind === "pause" ? world.pause(node) : world.block(node)));
            world.at(at + time, () =>
              kind === "pause" ? world.resume(node) : world.unblock(node),
            );
          }
        }
        return;
      }
      case "partition": {
        const cut = this.#pick(third).map(({ index }) => index);
        const rest = world.nodes.map(({ index }) => index).filter((index) => !cut.includes(index));
        const links = { from: cut, to: rest, both: true };
        const fault: NetworkFault = { kind: "partition", period: 0, ...links };
        for (const { name } of world.nodes) this.#touched.add(name);
        world.network.begin(world.now, fault);
        world.at(world.now + ordeal.time, () => world.network.end(fault));
        return;
      }
      case "calm":
    }
  }

  #kill(node: WorldNode, at: Instant, ordeal: Ordeal): void {
    const world = this.#world;
    this.#touched.add(node.name);
    world.at(at, () => {
      if (ordeal.kind === "kill") this.#killed = { name: node.name, at: world.now };
      world.crash(node);
    });
    if ("after" in ordeal) world.at(at + ordeal.after, () => this.#start(node));
  }

  /** Joins the others through one that is up. */
  #start(node: WorldNode): void {
    const world = this.#world;
    const others = world.nodes.filter((other) => other !== node && other.process?.runs === true);
    const process = world.start(node);
    const other = others[intBelow(this.#random, Math.max(1, others.length))];
    if (other === undefined) return;
    const targets = [{ address: other.address, name: "" }];
    world.feed(process, (now) => process.serf.join(now, targets, true, () => {}));
  }

  #hear(process: Process, event: SerfEvent): void {
    if (event.kind !== "member-failed") return;
    for (const { name } of event.members) {
      if (name === this.#killed?.name) {
        if (!this.#told.has(process.name)) this.#told.set(process.name, this.#world.now);
        continue;
      }
      const node = this.#world.nodes.find((one) => one.name === name);
      if (node?.process?.up !== true) continue;
      if (this.#world.now - node.process.startedAt < newsTime) {
        this.#lateAlarms += 1;
        continue;
      }
      this.#falseAlarms += 1;
      if (!this.#touched.has(name)) this.#falseAlarmsOfHealthy += 1;
    }
  }

  #pick(count: number): WorldNode[] {
    const left = [...this.#world.nodes];
    return Array.from({ length: count }, () => {
      const [node] = left.splice(intBelow(this.#random, left.length), 1);
      return node as WorldNode;
    });
  }

  #count(): { packets: number; dials: number; shortened: number } {
    const sums = { packets: 0, dials: 0, shortened: 0 };
    for (const { serf } of this.#world.processes()) {
      sums.packets += serf.swimCounters.packetsSent;
      sums.dials += serf.swimCounters.streamsDialled;
      sums.shortened += serf.swimCounters.suspicionsShortened;
    }
    return sums;
  }
}
