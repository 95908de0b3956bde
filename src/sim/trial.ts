import { reasonOf } from "../base/errors.js";
import { SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import { profiles } from "../swim/config.js";
import { Keyring } from "../wire/keyring.js";
import { acquainted } from "./acquaintance.js";
import { disagreement } from "./agreement.js";
import { DriftingClock } from "./clock.js";
import { describeStep, nodeName, type Step } from "./faults.js";
import { Operator } from "./operator.js";
import type { Plan } from "./plan.js";
import type { Process } from "./process.js";
import { Violation } from "./violation.js";
import { Watch } from "./watch.js";
import { type NodeConfig, World, type WorldNode } from "./world.js";

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

/** How long after all faults the group may take until all agree. */
const healTime: Millis = seconds(600);

/** How long it must stay so. */
const steadyTime: Millis = seconds(15);

const lookInterval: Millis = seconds(1);

/** Runs a plan: trouble first, then everything heals, and all have to agree. */
export function simulate(plan: Plan): Outcome {
  return new Trial(plan).run();
}

class Trial {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #watch: Watch;
  readonly #operator: Operator;

  constructor(plan: Plan) {
    this.#plan = plan;
    const keys = [Uint8Array.from({ length: 16 }, (_, index) => index)];
    const config: NodeConfig = {
      timing: profiles[plan.profile],
      keyring: plan.encrypted ? new Keyring(keys) : undefined,
    };
    const { conditions, seed, steps } = plan;
    this.#world = new World({ seed, conditions, config });
    this.#operator = new Operator(this.#world, new SeededRandom(seed, 0xf003));
    const grace = profiles[plan.profile].gossipToTheDeadTime;
    // Each return elsewhere asks all a few times where they hold the one that returned.
    const messages = 20 * (steps.length + plan.nodes.length);
    this.#watch = new Watch(this.#world, grace, { names: plan.nodes.length, messages });
    this.#world.observer = this.#watch;
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
    return { digest, failure, healedAfter, lines, counts: sumCounters(this.#watch.lives()) };
  }

  #arrange(): void {
    const world = this.#world;
    this.#plan.nodes.forEach((_, index) => {
      world.add(nodeName(index));
    });
    for (const node of world.nodes) {
      const { startAt } = this.#planOf(node);
      world.at(startAt, () => this.#start(node, false));
    }
    for (const step of this.#plan.steps) {
      world.at(step.begin, () => this.#begin(step));
      if (step.end > step.begin) world.at(step.end, () => this.#end(step));
    }
  }

  #begin(step: Step): void {
    const { history, network, now } = this.#world;
    history.line(now, `begins: ${describeStep(step)}`);
    switch (step.kind) {
      case "crash": {
        this.#watch.noteTrouble();
        const node = this.#world.node(step.node);
        this.#world.crash(node, step.disk, step.hostEnds);
        return;
      }
      case "leave":
        this.#operator.leave(this.#world.node(step.node));
        return;
      case "pause":
        this.#world.pause(this.#world.node(step.node));
        return;
      case "event":
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
    this.#watch.noteTrouble();
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
      case "event":
      case "query":
      case "tags":
      case "force-leave":
        return;
      default:
        network.end(step);
    }
  }

  #start(node: WorldNode, elsewhere: boolean): void {
    const { offset, rate, snapshot } = this.#planOf(node);
    if (node.process?.up === true) return;
    const clock = new DriftingClock(offset, rate);
    const process = this.#world.start(node, { snapshot, elsewhere, clock });
    this.#operator.tend(process);
  }

  /** All that is wrong ends. Groups that know nothing of each other are told, as by an operator. */
  #heal(): void {
    const world = this.#world;
    world.history.line(world.now, "all heals");
    this.#watch.noteTrouble();
    world.network.heal();
    for (const node of world.nodes) world.resume(node);
    const staying = [...world.processes()].filter((process) => !this.#operator.isLeaving(process));
    const [first, ...others] = acquainted(staying).map(([process]) => process);
    for (const process of others) {
      if (first !== undefined && process !== undefined) this.#operator.introduce(process, first);
    }
  }

  #agree(): Millis {
    const world = this.#world;
    const begin = world.now;
    let since: Instant | undefined;
    for (;;) {
      const text = this.#difference();
      if (text !== undefined) since = undefined;
      else since ??= world.now;
      if (since !== undefined && world.now - since >= steadyTime) return since - begin;
      if (text !== undefined && world.now - begin > healTime) {
        throw new Violation("all agree in the end", text);
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
    return (
      disagreement({ here, nodes, tags: this.#operator.tags }) ??
      this.#unheard(here) ??
      this.#operator.unkept(here) ??
      unsaid(here)
    );
  }

  /** Once anybody who is still here was told of an event, all must be that were here all the time. */
  #unheard(here: readonly Process[]): string | undefined {
    for (const { listeners, name } of this.#operator.said) {
      const knows = here.some((process) => this.#watch.delivered(process).has(name));
      if (!knows) continue;
      for (const process of listeners) {
        if (!process.up || this.#watch.delivered(process).has(name)) continue;
        return `${process.name} was not told ${name}`;
      }
    }
    return undefined;
  }

  #planOf({ index }: WorldNode): Plan["nodes"][number] {
    return this.#plan.nodes[index] ?? { startAt: 0, snapshot: false, rate: 1, offset: 0 };
  }
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
