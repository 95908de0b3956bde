import { setTimeout as sleep } from "node:timers/promises";
import type { Instant, Millis } from "../base/units.js";
import type { Cluster, Step } from "./cluster.js";
import { isPlanned, settleBound, Watch } from "./expectation.js";
import type { LoadBalancer } from "./load-balancer.js";
import { until } from "./patience.js";
import { Phase, phaseOf } from "./phase.js";
import { formatSeconds } from "./report.js";
import { type Outcome, Tally } from "./tally.js";

/** How often the balancer is asked what it serves. */
const lookEvery: Millis = 200;
/** A node that answered nothing for this long is no longer sent anything ... */
const quietAfter: Millis = 500;
/** ... and if one still is after this long, its server is stopped all the same. */
const quietBound: Millis = 5_000;
/** Losses that are told one by one in each phase; the others are counted. */
const lossesTold = 3;

/**
 * Where the demo plays: carries out steps on the cluster, one at a time, and keeps an eye on what
 * the balancer serves and on what becomes of the requests.
 */
export class Stage {
  /** One for each step so far, after the one in which the first nodes joined. */
  readonly phases: Phase[] = [];
  /** The outcomes since {@link takeRecent} was asked last. */
  #recent = new Tally();
  readonly #lastAnswer = new Map<string, Instant>();
  readonly #cluster: Cluster;
  readonly #proxy: LoadBalancer;
  readonly #tell: (who: string, text: string) => void;
  #observing = true;

  constructor(cluster: Cluster, proxy: LoadBalancer, tell: (who: string, text: string) => void) {
    this.#cluster = cluster;
    this.#proxy = proxy;
    this.#tell = tell;
  }

  /** Starts the first nodes, all at once, and looks at the balancer from then on. */
  async open(names: readonly string[]): Promise<void> {
    const before = this.#cluster.expected;
    const steps = names.map((name) => ({ kind: "add", name }) as const);
    const plans = await Promise.all(steps.map((step) => this.#cluster.plan(step)));
    const began = performance.now();
    const bound = settleBound({ kind: "add", name: "", address: "" }, names.length + 1);
    const watch = new Watch(before, this.#cluster.expected, began, bound);
    const phase = new Phase(`${names.length} nodes`, true, watch);
    this.phases.push(phase);
    this.#observe();
    await Promise.all(plans.map((plan) => this.#cluster.begin(plan)));
    await this.#settle(phase);
  }

  /** Carries out `step`; resolves when the balancer has followed, or had the time to. */
  async perform(step: Step): Promise<Phase> {
    const before = this.#cluster.expected;
    const members = this.#cluster.members;
    const plan = await this.#cluster.plan(step);
    const { change } = plan;
    const bound = settleBound(change, members);
    const watch = new Watch(before, this.#cluster.expected, performance.now(), bound);
    const phase = new Phase(titleOf(step), isPlanned(change), watch);
    this.phases.push(phase);
    await this.#cluster.begin(plan);
    await this.#settle(phase);
    if (change.kind === "stop") await this.#untilQuiet(change.name);
    await this.#cluster.finish(plan);
    return phase;
  }

  handleOutcome(outcome: Outcome): void {
    if (!this.#observing) return;
    phaseOf(outcome, this.phases)?.add(outcome);
    this.#recent.add(outcome);
    if (outcome.kind === "answered") this.#lastAnswer.set(outcome.by, performance.now());
    else this.#tellLoss(outcome.why);
  }

  takeRecent(): Tally {
    const taken = this.#recent;
    this.#recent = new Tally();
    return taken;
  }

  /** From now on the balancer may serve what it likes, and requests may get lost. */
  close(): void {
    this.#observing = false;
  }

  async #observe(): Promise<void> {
    while (this.#observing) {
      const served = await this.#proxy.served();
      const phase = this.phases.at(-1);
      if (!this.#observing || phase === undefined) return;
      const known = phase.watch.faults.length;
      phase.watch.observe(performance.now(), served);
      for (const fault of phase.watch.faults.slice(known)) this.#tell("WRONG", fault);
      await sleep(lookEvery);
    }
  }

  async #settle(phase: Phase): Promise<void> {
    const { watch } = phase;
    if (!(await until(() => watch.settledAt !== undefined, watch.bound + 1_000))) return;
    this.#tell(
      "balancer",
      `serves what it should, ${formatSeconds(watch.settledAfter)} after the change began`,
    );
  }

  #tellLoss(why: string): void {
    const lost = this.phases.at(-1)?.tally.lost ?? 0;
    if (lost <= lossesTold) this.#tell("client", `lost a request: ${why}`);
    if (lost === lossesTold) this.#tell("client", "the next losses are only counted");
  }

  async #untilQuiet(name: string): Promise<void> {
    const quiet = () => performance.now() - (this.#lastAnswer.get(name) ?? 0) > quietAfter;
    if (await until(quiet, quietBound)) this.#tell(name, "is sent nothing any more");
    else this.#tell(name, `is still sent requests after ${formatSeconds(quietBound)}`);
  }
}

/** A phase's title, by what is done in it. */
export function titleOf({ kind, name }: Step): string {
  switch (kind) {
    case "add":
      return `add ${name}`;
    case "stop":
      return `stop ${name}`;
    case "kill":
      return `kill -9 ${name}`;
    case "return":
      return `return ${name} elsewhere`;
  }
}
