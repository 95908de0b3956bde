import { OperatorError, reasonOf } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";
import { servesDead, tempered } from "./desired-difference.js";
import { FileChange } from "./file-change.js";
import { limited } from "./limited.js";
import type { Desired, Observation, Plan, Step } from "./model.js";
import type { Round, RoundResult } from "./round.js";
import type { SyncDeps } from "./sync-deps.js";
import { Turn } from "./turn.js";

/** Observing and performing have limits of their own, shorter ones. */
const askLimit: Millis = seconds(10);

/** So often a round looks whether what it did has come true. */
const maxLooks = 8;

/** So often the same steps may be planned in one round, before the proxy counts as one that refuses. */
const maxSame = 2;

/**
 * Brings one proxy from what it serves to what it should serve, as a transaction (loadbalancer.md
 * sections 3.2 to 3.5): the file first, then the proxy, then a look whether it really is so; what
 * fails is rolled back.
 *
 * Two things run beside each other: rounds, one at a time, and rescues, which take servers out that are
 * dead. Whatever speaks to the proxy in order to change it does so in its turn, from an observation
 * made in that turn and never past the newest desired state: so neither undoes what the other did.
 */
export class Sync {
  readonly #deps: SyncDeps;
  readonly #turn = new Turn();
  readonly #file: FileChange;
  #observed: Observation | undefined;
  /** The process that was seen last; undefined after a start and after a reload of ours. */
  #process: string | undefined;
  #applied: string | undefined;
  #isWaiting = false;
  #hasDrifted = false;
  /** What a failed roll-back still owes. */
  #owes: "restore" | "reload" | undefined;
  #rescued: string | undefined;
  #stage: "check" | "reload" | undefined;
  #isPassing = false;
  #hasFailed = false;
  #lookAgain: Millis | undefined;

  constructor(deps: SyncDeps) {
    this.#deps = deps;
    this.#file = new FileChange(deps, (stage) => {
      this.#stage = stage;
    });
  }

  /** What the proxy said last; undefined before it was asked. */
  get observed(): Observation | undefined {
    return this.#observed;
  }

  /** The file as it was read or written last. */
  get text(): string | undefined {
    return this.#file.text;
  }

  /** The version that the file was last written for. */
  get written(): string | undefined {
    return this.#file.version;
  }

  /** A part of the round is under way that takes long and changes no server. */
  get isBusy(): boolean {
    return this.#stage !== undefined;
  }

  /**
   * When what is under way wants to be looked at, although no round could end it: drains go on while the
   * checker hangs, a file is refused, or a reload has to wait.
   */
  get lookAgain(): Millis | undefined {
    return this.#lookAgain;
  }

  /** Forgets what was tried in vain: an operator says that it may work now. */
  forgive(): void {
    this.#file.forgive();
  }

  /** One round. Never throws. */
  async pass(round: Round): Promise<RoundResult> {
    const { counters, desired: newest } = this.#deps;
    counters.passes += 1;
    const desired = newest();
    round.version = desired.version;
    this.#isPassing = true;
    this.#hasFailed = false;
    this.#lookAgain = undefined;
    try {
      return await this.#transact(round, desired);
    } catch (error) {
      counters.failures += 1;
      this.#hasFailed = true;
      if (!(error instanceof OperatorError)) {
        const { log } = this.#deps.host;
        log.error({ balancer: this.#deps.config.name, error }, "round of the balancer broke");
      }
      await this.#serveMeanwhile(round);
      return { kind: "failed", reason: oneLine(reasonOf(error)) };
    } finally {
      this.#stage = undefined;
      this.#isPassing = false;
    }
  }

  /**
   * Takes out at once what must get no requests any more, by the socket, whatever a round is doing;
   * while one waits for the checker, or after one that failed, everything that needs no other file.
   * Never throws.
   */
  async rescue(): Promise<void> {
    try {
      await this.#turn.run(async () => {
        this.#lookAgain = undefined;
        const desired = this.#deps.desired();
        const text = this.#file.text;
        if (desired.frozen || text === undefined) return;
        const observed = await this.#observe();
        if (observed.trouble !== undefined) return;
        const plan = this.#plan(desired, text, observed);
        const everything = this.#stage === "check" || this.#hasFailed;
        const steps = plan.steps.filter(({ urgent }) => urgent || everything);
        await this.#perform(steps);
        this.#lookAfter({ ...plan, steps });
        this.#rescued = desired.version;
      });
    } catch (error) {
      const fields = { balancer: this.#deps.config.name, error: reasonOf(error) };
      this.#deps.host.log.warn(fields, "server not taken out at once");
    }
  }

  /**
   * Looks whether all is as it was left; says in one line what is not, unless a round began meanwhile,
   * which sees for itself. Never throws.
   */
  async look(): Promise<string | undefined> {
    try {
      const observed = await this.#observe();
      if (this.#isPassing) return undefined;
      await this.#file.read();
      return await this.#differs(observed);
    } catch (error) {
      return oneLine(reasonOf(error));
    }
  }

  async #transact(round: Round, desired: Desired): Promise<RoundResult> {
    if (desired.frozen) {
      await round.phase("observe", () => this.#observe());
      return { kind: "frozen" };
    }
    await this.#payDebts(round, desired);
    const observed = await round.phase("observe", () => this.#observe());
    await round.phase("read", () => this.#file.read());
    await this.#differs(observed);
    const isRescued = this.#rescued === desired.version && observed.process === this.#process;
    if (!isRescued && !this.#deps.config.dryRun) await round.phase("urgent", () => this.rescue());
    const text = await this.#file.render(round, desired, observed);
    if (this.#deps.config.dryRun) return this.#wouldDo(desired, text, observed);
    await this.#file.put(round, desired, text);
    return await this.#apply(round, desired, text);
  }

  #wouldDo(desired: Desired, text: string, observed: Observation): RoundResult {
    const plan = this.#plan(desired, text, observed);
    const what = text === this.#file.text ? [] : ["write the file"];
    what.push(...plan.steps.map(({ words }) => words));
    if (plan.reload !== undefined) what.push(`reload: ${plan.reload}`);
    return { kind: "dry run", what };
  }

  /** Changes the proxy until it is seen to serve what it should. */
  async #apply(round: Round, desired: Desired, text: string): Promise<RoundResult> {
    const { governor, host, stagger } = this.#deps;
    const planned = new Map<string, number>();
    for (let look = 0; look < maxLooks; look += 1) {
      const seen = await round.phase("apply", () => this.#stepOn(round, desired, text));
      const { plan, goal, observed } = seen;
      const steps = plan.steps.map((step) => step.words);
      const words = [...steps, ...(plan.reload === undefined ? [] : [plan.reload])].join("; ");
      if (plan.steps.length === 0 && plan.reload === undefined) {
        return await this.#confirmed(round, plan, goal === desired);
      }
      const times = (planned.get(words) ?? 0) + 1;
      if (times > maxSame) throw new OperatorError(`the proxy does not take it: ${words}`);
      planned.set(words, times);
      if (plan.reload === undefined) continue;
      const isUrgent = servesDead(goal, observed);
      const verdict = governor.mayReload(host.now(), observed.lingering, stagger(), isUrgent);
      if (!verdict.go) {
        this.#isWaiting = true;
        this.#lookAfter(plan);
        const { at, because } = verdict;
        return { kind: "waiting", what: `reload: ${plan.reload}`, because, at };
      }
      await this.#file.ensureChecked(round, text);
      await this.#reload(round, goal, text, plan.reload);
    }
    throw new OperatorError(`the proxy did not settle within ${maxLooks} looks`);
  }

  /** One turn with the proxy: what it serves, what is to be done, and doing it. */
  #stepOn(
    round: Round,
    desired: Desired,
    text: string,
  ): Promise<{ plan: Plan; goal: Desired; observed: Observation }> {
    return this.#turn.run(async () => {
      const observed = await this.#observe();
      const goal = tempered(desired, this.#deps.desired());
      if (observed.trouble !== undefined) throw new OperatorError(observed.trouble);
      this.#process = observed.process;
      const plan = this.#plan(goal, text, observed);
      await this.#perform(plan.steps);
      round.performed(plan.steps);
      return { plan, goal, observed };
    });
  }

  async #confirmed(round: Round, plan: Plan, isWhole: boolean): Promise<RoundResult> {
    const { governor, counters, host, config } = this.#deps;
    governor.settled();
    await round.phase("confirm", () => this.#file.confirm());
    if (round.didSomething) counters.changes += 1;
    this.#hasDrifted = false;
    this.#isWaiting = plan.waits.length > 0;
    if (isWhole) this.#applied = round.version;
    host.log.debug({ balancer: config.name, version: round.version }, "balancer in step");
    return { kind: "confirmed", waits: plan.waits, lookAgain: plan.lookAgain };
  }

  async #reload(round: Round, goal: Desired, text: string, reason: string): Promise<void> {
    const { counters, host, config } = this.#deps;
    round.did(`reload: ${reason}`);
    round.way = "reload";
    host.log.info({ balancer: config.name, reason }, "proxy is reloaded");
    try {
      await round.phase("reload", () => this.#load(goal, text));
      counters.reloads += 1;
    } catch (error) {
      counters.reloadFailures += 1;
      await this.#rollBack(round, goal, text, reasonOf(error));
      throw error;
    }
  }

  async #load(desired: Desired, text: string): Promise<void> {
    const { config, governor, host, proxy, reloadTurn } = this.#deps;
    this.#stage = "reload";
    const limit = 2 * config.reloadTimeout + askLimit;
    try {
      await reloadTurn(async () => {
        governor.reloading(host.now());
        await limited(proxy.reload(desired, text), limit, "the reload", host);
      });
      governor.reloaded(true);
    } catch (error) {
      governor.reloaded(false);
      throw error;
    } finally {
      this.#process = undefined;
      this.#stage = undefined;
    }
  }

  /** A failed reload is never left standing: a proxy that waits for a good file may end at any moment. */
  async #rollBack(round: Round, goal: Desired, text: string, reason: string): Promise<void> {
    const { counters, host, config } = this.#deps;
    const observed = await this.#observe();
    this.#file.reject(text, reason, observed.trouble === undefined);
    if (this.#file.lastGood() === text) return;
    counters.rollbacks += 1;
    host.log.error({ balancer: config.name, reason }, "reload failed, last good file is restored");
    this.#owes = "restore";
    try {
      await this.#payDebts(round, goal);
      round.rollback = "restored and loaded";
    } catch (error) {
      round.rollback = oneLine(reasonOf(error));
      host.log.error({ balancer: config.name, error: round.rollback }, "roll-back failed");
    }
  }

  async #payDebts(round: Round, desired: Desired): Promise<void> {
    if (this.#owes === "restore") {
      await round.phase("restore", () => this.#file.restore());
      this.#owes = "reload";
    }
    const text = this.#file.text;
    if (this.#owes === "reload" && text !== undefined) {
      await round.phase("reload restored", () => this.#load(desired, text));
      this.#owes = undefined;
    }
  }

  /**
   * The new file is refused: what the old one allows is done all the same, so that servers that go or
   * come back are not held up by a fault that is not theirs.
   */
  async #serveMeanwhile(round: Round): Promise<void> {
    const text = this.#file.text;
    const desired = this.#deps.desired();
    if (text === undefined || desired.frozen || this.#deps.config.dryRun) return;
    try {
      await this.#turn.run(async () => {
        const observed = await this.#observe();
        if (observed.trouble !== undefined) return;
        const plan = this.#plan(desired, text, observed);
        await this.#perform(plan.steps);
        this.#lookAfter(plan);
        round.performed(plan.steps);
      });
    } catch (error) {
      const fields = { balancer: this.#deps.config.name, error: reasonOf(error) };
      this.#deps.host.log.debug(fields, "nothing could be done meanwhile");
    }
  }

  #plan(desired: Desired, text: string, observed: Observation): Plan {
    return this.#deps.proxy.plan(this.#deps.host.now(), desired, text, observed);
  }

  /** What was done just now is not seen yet. */
  #lookAfter({ steps, lookAgain }: Pick<Plan, "steps" | "lookAgain">): void {
    this.#lookAgain = steps.length > 0 ? this.#deps.config.governor.quiet : lookAgain;
  }

  async #perform(steps: readonly Step[]): Promise<void> {
    const { proxy, counters, host } = this.#deps;
    if (steps.length === 0) return;
    await limited(proxy.perform(steps), askLimit, "a change of the proxy", host);
    counters.runtimeSteps += steps.length;
    counters.urgentSteps += steps.filter(({ urgent }) => urgent).length;
  }

  async #observe(): Promise<Observation> {
    const { proxy, host } = this.#deps;
    try {
      this.#observed = await limited(proxy.observe(), askLimit, "asking the proxy", host);
    } catch (error) {
      const trouble = oneLine(reasonOf(error));
      this.#observed = { at: host.now(), trouble, process: "", servers: [], lingering: 0 };
    }
    return this.#observed;
  }

  /** What is not as it was left, in one line; counted and logged once until all is well again. */
  async #differs(observed: Observation): Promise<string | undefined> {
    if (observed.trouble !== undefined) return observed.trouble;
    const { config, counters, desired: newest, host } = this.#deps;
    const desired = newest();
    const isSettled = this.#applied === desired.version && !this.#isWaiting;
    let what = await this.#file.differs(desired, observed, isSettled);
    if (what === undefined && this.#process !== undefined && observed.process !== this.#process) {
      what = "another process of the proxy serves";
    }
    if (what === undefined && isSettled) {
      what = this.#strays(desired, observed);
      // Lines of others that are not loaded yet are work, but nobody's fault.
      if (!this.#file.isConfirmed) return what;
    }
    if (what === undefined || this.#hasDrifted) return what;
    this.#hasDrifted = true;
    counters.drift += 1;
    host.log.warn({ balancer: config.name, drift: what }, "balancer has drifted, it is repaired");
    return what;
  }

  #strays(desired: Desired, observed: Observation): string | undefined {
    const text = this.#file.text;
    if (text === undefined) return undefined;
    const { steps, reload } = this.#plan(desired, text, observed);
    const first = steps[0]?.words ?? reload;
    return first === undefined ? undefined : `the proxy was changed: ${first} is to be done`;
  }

  /** The version that the proxy was last seen to serve wholly. */
  get applied(): string | undefined {
    return this.#applied;
  }
}

/** Reasons come from programs and may be long. */
function oneLine(text: string): string {
  const line = text.replace(/\s*\n\s*/g, "; ").trim();
  return line.length > 1_000 ? `${line.slice(0, 1_000)}...` : line;
}
