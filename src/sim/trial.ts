import { assert } from "../base/assert.js";
import { reasonOf } from "../base/errors.js";
import { SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import { profiles } from "../swim/config.js";
import { acquainted } from "./acquaintance.js";
import { disagreement } from "./agreement.js";
import { identityOf } from "./checkers.js";
import { DriftingClock } from "./clock.js";
import { Disturbances } from "./disturbances.js";
import { describeStep, nodeName, nodesOf, type Step } from "./faults.js";
import { KeyCustody } from "./key-custody.js";
import { Operator, type Saying } from "./operator.js";
import type { Plan } from "./plan.js";
import type { Process } from "./process.js";
import { Violation } from "./violation.js";
import { Watch } from "./watch.js";
import { type NodeConfig, World, type WorldNode, type WorldOptions } from "./world.js";

/** How one simulation ended. */
export interface Outcome {
  /** 16 hexadecimal digits of all that happened. */
  readonly digest: string;
  /** The rule that was broken and how; undefined if all was well. */
  readonly failure: { readonly rule: string; readonly message: string } | undefined;
  /** How long after the last fault all agreed. */
  readonly healedAfter: Millis;
  /** What happened last, for a failure. */
  readonly lines: readonly string[];
  /** What all members counted together, in all their lives. */
  readonly counts: Readonly<Record<string, number>>;
}

/** How long after all faults the group may take until all agree; wan takes more. */
const healTime: Millis = seconds(600);
const wanHealTime: Millis = seconds(1_200);

/** How long it must stay so. */
const steadyTime: Millis = seconds(15);

const lookInterval: Millis = seconds(1);

/** How often is looked at who holds whom for failed while there is trouble. */
const pairsInterval: Millis = seconds(5);

/** How often groups that have forgotten each other are told of each other once all is well. */
const introduceInterval: Millis = seconds(60);

/** Runs a plan: trouble first, then everything heals, and all have to agree. */
export function simulate(plan: Plan, newSerf?: WorldOptions["newSerf"]): Outcome {
  return new Trial(plan, newSerf).run();
}

class Trial {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #watch: Watch;
  readonly #operator: Operator;
  readonly #keys: KeyCustody | undefined;
  readonly #disturbances = new Disturbances();
  /** Those that are started when the plan wants another process of a name. */
  readonly #twins = new Map<Step, WorldNode>();
  /** Names that somebody had when all was healed. */
  readonly #namesHealed = new Set<string>();

  constructor(plan: Plan, newSerf: WorldOptions["newSerf"]) {
    this.#plan = plan;
    const { conditions, encrypted, profile, seed, settings, steps } = plan;
    const timing = profiles[profile];
    const config: NodeConfig = { timing, ...settings };
    const world = new World({ seed, conditions, config, ...(newSerf && { newSerf }) });
    this.#world = world;
    this.#operator = new Operator(world, new SeededRandom(seed, 0xf003));
    if (encrypted) {
      this.#keys = new KeyCustody(
        world,
        (process) => !this.#operator.isLeaving(process),
        (...command) => this.#operator.changeKeys(...command),
      );
    }
    // Each return elsewhere asks all a few times where they hold the one that returned.
    const messages = 20 * (steps.length + plan.nodes.length) + countSaid(steps);
    const bounds = { names: plan.nodes.length, messages };
    this.#watch = new Watch(world, { timing, bounds, disturbances: this.#disturbances });
    world.observer = this.#watch;
  }

  run(): Outcome {
    let failure: Outcome["failure"];
    let healedAfter = 0;
    try {
      this.#arrange();
      this.#world.runUntil(this.#plan.trouble);
      this.#heal();
      healedAfter = this.#agree();
    } catch (thrown) {
      const rule = thrown instanceof Violation ? thrown.rule : "nothing throws";
      const stack = thrown instanceof Violation ? "" : `\n${(thrown as Error).stack ?? ""}`;
      failure = { rule, message: `${reasonOf(thrown)}${stack}` };
    }
    const { digest, lines } = this.#world.history;
    const { falseAlarms } = this.#watch;
    const counts = { ...sumCounters(this.#watch.lives()), falseAlarms };
    return { digest, failure, healedAfter, lines, counts };
  }

  #arrange(): void {
    const world = this.#world;
    const { nodes, steps, trouble } = this.#plan;
    nodes.forEach((_, index) => {
      world.add(nodeName(index));
    });
    for (const node of world.nodes.slice()) {
      const { startAt } = this.#planOf(node);
      world.at(startAt, () => this.#start(node, false));
    }
    for (const step of steps) {
      if (step.kind === "twin") this.#twins.set(step, world.add(nodeName(step.node)));
      world.at(step.begin, () => this.#begin(step));
      if (step.end > step.begin) world.at(step.end, () => this.#end(step));
    }
    for (let at = pairsInterval; at < trouble; at += pairsInterval) {
      world.at(at, () => this.#watch.lookAtPairs());
    }
    if (this.#isFaulty) this.#disturbances.begin(nodes.map((_, node) => node));
  }

  /** True if things get lost also while nothing is wrong. */
  get #isFaulty(): boolean {
    const { duplication, loss, reordering } = this.#plan.conditions;
    return loss + duplication + reordering > 0;
  }

  #begin(step: Step): void {
    const { history, network, now } = this.#world;
    history.line(now, `begins: ${describeStep(step)}`);
    if (step.end > step.begin) this.#disturbances.begin(nodesOf(step));
    switch (step.kind) {
      case "crash":
        this.#disturbances.strike(now);
        this.#world.crash(this.#world.node(step.node), step.disk, step.hostEnds);
        return;
      case "leave":
        this.#operator.leave(this.#world.node(step.node));
        return;
      case "pause":
        this.#world.pause(this.#world.node(step.node));
        return;
      case "block":
        this.#world.block(this.#world.node(step.node));
        return;
      case "full-disk":
        this.#keys?.full.add(step.node);
        return;
      case "rotation":
        this.#keys?.rotate(step.node, step.key);
        return;
      case "twin":
        this.#startTwin(step);
        return;
      case "event":
      case "burst":
      case "query":
      case "tags":
      case "force-leave":
        this.#operator.act(step);
        return;
      default:
        network.begin(now, step);
    }
  }

  #end(step: Step): void {
    const { history, network, now } = this.#world;
    history.line(now, `ends: ${describeStep(step)}`);
    this.#disturbances.end(now, nodesOf(step));
    switch (step.kind) {
      case "crash":
      case "leave": {
        const node = this.#world.node(step.node);
        if (node.process?.up === true || step.comeback === "never") return;
        this.#start(node, step.comeback === "elsewhere");
        return;
      }
      case "pause":
        this.#world.resume(this.#world.node(step.node));
        return;
      case "block":
        this.#world.unblock(this.#world.node(step.node));
        return;
      case "full-disk":
        this.#keys?.full.delete(step.node);
        return;
      case "event":
      case "burst":
      case "query":
      case "tags":
      case "force-leave":
      case "rotation":
      case "twin":
        return;
      default:
        network.end(step);
    }
  }

  #startTwin(step: Step): void {
    const node = this.#twins.get(step);
    if (node === undefined) return;
    this.#disturbances.strike(this.#world.now);
    this.#start(node, false);
  }

  #start(node: WorldNode, elsewhere: boolean): void {
    const { introduced, offset, rate, rejoins, snapshot } = this.#planOf(node);
    if (node.process?.up === true || this.#isTooAmbiguous(node)) return;
    const clock = new DriftingClock(offset, rate);
    const keyring = this.#keys?.ringFor(node.index);
    const process = this.#world.start(node, {
      snapshot,
      rejoins,
      elsewhere,
      clock,
      config: { keyring },
      saveKeyring: (keys) => this.#keys?.save(node.index, keys),
    });
    if (keyring !== undefined) this.#keys?.handOver(process, keyring);
    this.#operator.tend(process, introduced);
  }

  /** Who bears a name is found out by a vote: at most one name is not clear at a time. */
  #isTooAmbiguous({ name }: WorldNode): boolean {
    const names = [...this.#world.processes()].map((process) => process.name);
    if (!names.includes(name)) return false;
    return new Set(names).size < names.length;
  }

  /** All that is wrong ends. */
  #heal(): void {
    const world = this.#world;
    const { now } = world;
    world.history.line(now, "all heals");
    world.network.heal();
    if (this.#isFaulty)
      this.#disturbances.end(
        now,
        this.#plan.nodes.map((_, node) => node),
      );
    this.#disturbances.strike(now);
    this.#keys?.full.clear();
    for (const node of world.nodes) {
      world.resume(node);
      world.unblock(node);
    }
    for (const { name } of this.#staying()) this.#namesHealed.add(name);
  }

  /** Groups that know nothing of each other are told, as by an operator. */
  #introduce(): void {
    const { reconnectTimeout } = this.#plan.settings;
    const remembers = ({ startedAt }: Process): boolean =>
      this.#world.now - startedAt < reconnectTimeout;
    const groups = acquainted(this.#staying(), remembers);
    const [first, ...others] = groups.map(([process]) => process);
    for (const process of others) {
      if (first !== undefined && process !== undefined) this.#operator.introduce(process, first);
    }
  }

  #staying(): Process[] {
    return [...this.#world.processes()].filter((process) => !this.#operator.isLeaving(process));
  }

  #agree(): Millis {
    const world = this.#world;
    const begin = world.now;
    const patience = this.#plan.profile === "wan" ? wanHealTime : healTime;
    let introduceAt = begin;
    let since: Instant | undefined;
    for (;;) {
      const text = this.#difference();
      if (text !== undefined) since = undefined;
      else since ??= world.now;
      if (since !== undefined && world.now - since >= steadyTime) return since - begin;
      if (text !== undefined && world.now - begin > patience) {
        throw new Violation("all agree in the end", text);
      }
      if (world.now >= introduceAt) {
        this.#introduce();
        introduceAt += introduceInterval;
      }
      world.run(lookInterval);
    }
  }

  #difference(): string | undefined {
    const { nodes } = this.#world;
    const here = [...this.#world.processes()];
    for (const process of here) {
      if (this.#operator.isLeaving(process)) return `${process.name} has not left`;
    }
    if (isUndecided(here)) return undefined;
    return (
      this.#lostName(here) ??
      disagreement({ here, nodes, tags: this.#operator.tags }) ??
      this.#unheard(here) ??
      this.#operator.unkept(here) ??
      this.#keys?.difference(here) ??
      unsaid(here)
    );
  }

  /** Who gives up a name leaves it to another. */
  #lostName(here: readonly Process[]): string | undefined {
    const names = new Set(here.map(({ name }) => name));
    for (const name of this.#namesHealed) {
      if (!names.has(name)) return `nobody has the name ${name} any more`;
    }
    return undefined;
  }

  /**
   * Once anybody who is still here was told of an event, all must be that were here all the time, unless
   * more was said since than anybody remembers.
   */
  #unheard(here: readonly Process[]): string | undefined {
    const times = here.map(({ serf }) => serf.stats().eventTime);
    const rememberedFrom = Math.max(0, ...times) - this.#plan.settings.eventBuffer;
    for (const saying of this.#operator.said) {
      if (saying.ltime < rememberedFrom) continue;
      if (!here.some((process) => this.#heard(process, saying))) continue;
      for (const process of saying.listeners) {
        if (!process.up || this.#heard(process, saying)) continue;
        return `${process.name} was not told ${saying.name}`;
      }
    }
    return undefined;
  }

  #heard(process: Process, { coalesce, ltime, name, text }: Saying): boolean {
    const delivery = this.#watch.delivery(process);
    if (delivery?.wasTold(identityOf(name, text)) === true) return true;
    return coalesce && delivery?.wasToldSince(name, ltime) === true;
  }

  #planOf({ index, name }: WorldNode): Plan["nodes"][number] {
    const { nodes } = this.#plan;
    // A twin is as the one that it is the twin of.
    const plan = nodes[index] ?? nodes.find((_, number) => nodeName(number) === name);
    assert(plan !== undefined, "all nodes are of the plan");
    return plan;
  }
}

/** The user events that a plan has said, and the queries for its keys. */
function countSaid(steps: readonly Step[]): number {
  const bursts = steps.map((step) => (step.kind === "burst" ? step.count : 0));
  const rotations = steps.filter(({ kind }) => kind === "rotation").length;
  return bursts.reduce((sum, count) => sum + count, 0) + 1_000 * rotations;
}

/** Two of one name and nobody else: whom nobody votes for or against, and who was there before, stays. */
function isUndecided(here: readonly Process[]): boolean {
  return here.length === 2 && here[0]?.name === here[1]?.name;
}

/** Once nothing happens any more, all has been said as often as it is going to be. */
function unsaid(here: readonly Process[]): string | undefined {
  if (here.length < 2) return undefined;
  for (const { name, serf } of here) {
    const { eventQueue, intentQueue, queryQueue } = serf.stats();
    const waiting = serf.queuedClaims + eventQueue + intentQueue + queryQueue;
    if (waiting > 0) return `${name} still has ${waiting} messages to gossip`;
  }
  return undefined;
}

function sumCounters(lives: Iterable<Process>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { serf } of lives) {
    for (const counters of [serf.swimCounters, serf.counters]) {
      for (const [name, count] of Object.entries(counters)) {
        if (typeof count === "number") sums[name] = (sums[name] ?? 0) + count;
      }
    }
  }
  return sums;
}
