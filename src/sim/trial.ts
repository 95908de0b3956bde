import { OperatorError, reasonOf } from "../base/errors.js";
import { intBelow, SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import { profiles } from "../swim/config.js";
import { Keyring } from "../wire/keyring.js";
import type { LamportTime } from "../wire/serf-messages.js";
import { encodeText } from "../wire/text.js";
import { acquainted } from "./acquaintance.js";
import { disagreement } from "./agreement.js";
import { DriftingClock } from "./clock.js";
import { type Action, describeStep, nodeName, type Step } from "./faults.js";
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

/** A process that could not join tries again after this. */
const retryInterval: Millis = seconds(5);

/** Those that a process tries to join at once: in the beginning one that was started before it. */
const joinTargets = 2;

/** A user event, and who has to hear of it. */
interface Saying {
  readonly name: string;
  /** Those who have no reason to take it for something from before they joined. */
  readonly listeners: readonly Process[];
}

/** Something that somebody waits for. */
interface Promised {
  readonly what: string;
  readonly by: Process;
  times: number;
}

/** Runs a plan: trouble first, then everything heals, and all have to agree. */
export function simulate(plan: Plan): Outcome {
  return new Trial(plan).run();
}

class Trial {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #watch: Watch;
  readonly #random: SeededRandom;
  readonly #tags = new Map<string, ReadonlyMap<string, string>>();
  readonly #said: Saying[] = [];
  readonly #promised: Promised[] = [];
  /**
   * The event clocks of those that have joined somebody, or were the first, at that moment: they want
   * to hear of nothing that was said before.
   */
  readonly #joined = new Map<Process, LamportTime>();
  readonly #isLeaving = new Set<Process>();

  constructor(plan: Plan) {
    this.#plan = plan;
    const keys = [Uint8Array.from({ length: 16 }, (_, index) => index)];
    const config: NodeConfig = {
      timing: profiles[plan.profile],
      keyring: plan.encrypted ? new Keyring(keys) : undefined,
    };
    const { conditions, seed, steps } = plan;
    this.#world = new World({ seed, conditions, config });
    this.#random = new SeededRandom(seed, 0xf003);
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
        this.#leave(this.#world.node(step.node));
        return;
      case "pause":
        this.#world.pause(this.#world.node(step.node));
        return;
      case "event":
      case "query":
      case "tags":
      case "force-leave":
        this.#act(step);
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
    this.#tags.delete(node.name);
    const clock = new DriftingClock(offset, rate);
    const process = this.#world.start(node, { snapshot, elsewhere, clock });
    this.#join(process);
  }

  /** As `-retry-join` does: until somebody answers, or we have met somebody in another way. */
  #join(process: Process): void {
    const { lives } = this.#world.node(process.node);
    const others = this.#world.nodes.filter(({ index }) =>
      lives === 1 ? index < process.node : index !== process.node,
    );
    if (!process.up || this.#isLeaving.has(process)) return;
    if (others.length === 0) {
      this.#joined.set(process, process.serf.stats().eventTime);
      return;
    }
    if (process.paused) {
      this.#world.at(this.#world.now + retryInterval, () => this.#join(process));
      return;
    }
    const targets = Array.from({ length: joinTargets }, () => {
      const other = others[intBelow(this.#random, others.length)] as WorldNode;
      return { address: other.address, name: "" };
    });
    this.#feed(process, "join", (now, done) =>
      process.serf.join(now, targets, false, ({ contacted }) => {
        done();
        if (contacted > 0) {
          this.#joined.set(process, process.serf.stats().eventTime);
          return;
        }
        this.#world.at(this.#world.now + retryInterval, () => this.#join(process));
      }),
    );
  }

  #leave(node: WorldNode): void {
    const { process } = node;
    if (process?.runs !== true || this.#isLeaving.has(process)) return;
    this.#isLeaving.add(process);
    this.#feed(process, "leave", (now, done) =>
      process.serf.leave(now, () => {
        done();
        // The process ends when what it still wants to say is on its way.
        this.#world.at(this.#world.now, () => this.#world.crash(node));
      }),
    );
  }

  #act(action: Action): void {
    const { process } = this.#world.node(action.node);
    if (process?.runs !== true || this.#isLeaving.has(process)) return;
    const { serf } = process;
    switch (action.kind) {
      case "event": {
        const payload = new Uint8Array(action.bytes).fill(0x61);
        const ltime = serf.stats().eventTime;
        const listeners = [...this.#world.processes()].filter(
          (one) => (this.#joined.get(one) ?? Number.POSITIVE_INFINITY) <= ltime,
        );
        this.#said.push({ name: action.name, listeners });
        this.#world.feed(process, (now) => serf.userEvent(now, action.name, payload, false));
        return;
      }
      case "query":
        this.#query(process, action.name, action.relayFactor);
        return;
      case "tags": {
        const tags = new Map([["tag", action.value]]);
        this.#tags.set(process.name, tags);
        this.#feed(process, "tags", (now, done) => serf.setTags(now, tags, done));
        return;
      }
      case "force-leave": {
        const { name } = this.#world.node(action.target);
        // Who is declared to have left before it joins may join at a Lamport time from before.
        if (!serf.members().some((member) => member.name === name)) return;
        this.#feed(process, "force-leave", (now, done) =>
          serf.forceLeave(now, name, action.prune, done),
        );
      }
    }
  }

  #query(process: Process, name: string, relayFactor: number): void {
    const answered = new Set<string>();
    let isOver = false;
    const check = (from: string): void => {
      if (isOver)
        throw new Violation("queries end once", `${name}: ${from} answered after the end`);
    };
    const question = {
      name,
      payload: encodeText("?"),
      filterNodes: [],
      filterTags: new Map<string, string>(),
      requestAck: true,
      relayFactor,
      timeout: undefined,
    };
    this.#feed(process, "query", (now, done) => {
      process.serf.query(now, question, {
        handleAck: (_, from) => check(from),
        handleResponse: (_, from) => {
          check(from);
          if (answered.has(from)) {
            throw new Violation("answers come at most once", `${name}: ${from} answered twice`);
          }
          answered.add(from);
        },
        handleDone: () => {
          isOver = true;
          done();
        },
      });
    });
  }

  /** Gives a command whose end is told once, and must be. */
  #feed(
    process: Process,
    what: string,
    command: (now: Instant, done: (error?: string | undefined) => void) => void,
  ): void {
    const promised: Promised = { what, by: process, times: 0 };
    this.#promised.push(promised);
    try {
      this.#world.feed(process, (now) =>
        command(now, () => {
          promised.times += 1;
          if (promised.times === 1) return;
          throw new Violation("commands end once", `${what} of ${process.name} ended twice`);
        }),
      );
    } catch (thrown) {
      // Refused, as an operator would have been told.
      if (!(thrown instanceof OperatorError)) throw thrown;
      promised.times = 1;
    }
  }

  /** All that is wrong ends. Groups that know nothing of each other are told, as by an operator. */
  #heal(): void {
    const world = this.#world;
    world.history.line(world.now, "all heals");
    this.#watch.noteTrouble();
    world.network.heal();
    for (const node of world.nodes) world.resume(node);
    const staying = [...world.processes()].filter((process) => !this.#isLeaving.has(process));
    const [first, ...others] = acquainted(staying).map(([process]) => process);
    for (const process of others) {
      if (first !== undefined && process !== undefined) this.#introduce(process, first);
    }
  }

  #introduce(process: Process, { address }: Process): void {
    const targets = [{ address, name: "" }];
    this.#feed(process, "join", (now, done) =>
      process.serf.join(now, targets, true, ({ contacted }) => {
        done();
        if (contacted > 0) return;
        throw new Violation("joins succeed when all is well", `${process.name} reached nobody`);
      }),
    );
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
      if (this.#isLeaving.has(process)) return `${process.name} has not left`;
    }
    return (
      disagreement({ here, nodes, tags: this.#tags }) ??
      this.#unheard(here) ??
      this.#unkept(here) ??
      unsaid(here)
    );
  }

  /** Once anybody who is still here was told of an event, all must be that were here all the time. */
  #unheard(here: readonly Process[]): string | undefined {
    for (const { listeners, name } of this.#said) {
      const knows = here.some((process) => this.#watch.delivered(process).has(name));
      if (!knows) continue;
      for (const process of listeners) {
        if (!process.up || this.#watch.delivered(process).has(name)) continue;
        return `${process.name} was not told ${name}`;
      }
    }
    return undefined;
  }

  #unkept(here: readonly Process[]): string | undefined {
    for (const { by, times, what } of this.#promised) {
      if (times === 0 && here.includes(by)) return `${what} of ${by.name} has not ended`;
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
