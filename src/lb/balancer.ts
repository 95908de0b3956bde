import { join } from "node:path";
import { type Instant, longestTimer, type Millis } from "../base/units.js";
import type { Audit } from "./audit.js";
import { previewOf } from "./balancer-preview.js";
import { BalancerReport } from "./balancer-report.js";
import type { BalancerConfig, LbConfig } from "./config.js";
import { type Counters, noCounts } from "./counters.js";
import type { Decision } from "./decision.js";
import { difference } from "./desired-difference.js";
import { diskError, realDisk, replaceOwn } from "./disk.js";
import { Governor } from "./governor.js";
import type { BalancerOrder, DrainAnswer, LbHost, Preview } from "./load-balancer.js";
import type { Desired, View } from "./model.js";
import { Policy } from "./policy.js";
import { recall } from "./policy-memory.js";
import { Prober, probeService } from "./probe.js";
import type { Notes, Proxy } from "./proxy.js";
import { Round, type RoundResult } from "./round.js";
import { ServiceRecord } from "./service-record.js";
import type { BalancerStatus } from "./status.js";
import { Sync } from "./sync.js";
import type { FileStore } from "./sync-deps.js";

/** Views that come closer together are decided upon together; below what a person or a budget notices. */
const decisionGap: Millis = 5;

/** A proxy's own wish to be looked at again is not followed faster. */
const shortestLook: Millis = 20;

/** ... and this is how often what is under way is looked at if the proxy has no wish. */
const usualLook: Millis = 500;

/** What the policy remembers is kept at most so often, and never later. */
const saveGap: Millis = 250;

/** What a balancer shares with the others of its process. */
export interface Shared {
  readonly config: LbConfig;
  readonly host: LbHost;
  /** Only to look: nothing is ever done. */
  readonly purpose: "keep" | "look";
  readonly audit: Pick<Audit, "add">;
  readonly reloadTurn: <T>(reload: () => Promise<T>) => Promise<T>;
  /** Something in {@link Balancer.status} is another than before. */
  readonly changed: () => void;
}

/** What a balancer alone has. */
export interface Own {
  readonly proxy: Proxy;
  readonly store: FileStore;
  readonly notes: Notes;
  /** A folder for it alone. */
  readonly folder: string;
}

const frozenDesired: Desired = {
  pools: [],
  version: "",
  refused: [],
  holds: [],
  frozen: true,
};

/** The loop around one proxy: when something is decided, done, looked at and tried again. */
export class Balancer {
  readonly config: BalancerConfig;
  readonly #shared: Shared;
  readonly #own: Own;
  readonly #governor: Governor;
  readonly #counters: Counters = noCounts();
  readonly #prober: Prober;
  readonly #sync: Sync;
  readonly #report: BalancerReport;
  readonly #record = new ServiceRecord();
  #policy: Policy;
  #view: View | undefined;
  #decision: Decision | undefined;
  #decidedAt: Instant = Number.NEGATIVE_INFINITY;
  #isDecisionDue = false;
  #stagger: Millis = 0;
  #cause = "start";
  #running: Promise<RoundResult> | undefined;
  #rescuing: Promise<void> | undefined;
  #isRescueWanted = false;
  #looking: Promise<void> | undefined;
  #isPaused = false;
  #isStopped = false;
  #takeOff: () => void = () => {};
  /** Timers besides the governor's: see {@link #arm}. */
  #watchAt: Instant;
  #reconcileAt: Instant;
  #lookAt: Instant | undefined;
  #savedAt: Instant = Number.NEGATIVE_INFINITY;
  #isSaveDue = false;

  constructor(config: BalancerConfig, shared: Shared, own: Own) {
    this.config = config;
    this.#shared = shared;
    this.#own = own;
    const { host } = shared;
    const { memory, age } = recall(own.notes, host);
    this.#policy = new Policy(config, shared.config, memory, age);
    this.#governor = new Governor(config.governor, config.name);
    const probe = host.probe ?? probeService;
    this.#prober = new Prober(
      { now: () => host.now(), after: (delay, run) => host.after(delay, run), probe },
      () => this.#decideSoon("a service answered or ceased to"),
    );
    this.#sync = new Sync({
      config,
      proxy: own.proxy,
      store: own.store,
      notes: own.notes,
      governor: this.#governor,
      counters: this.#counters,
      host,
      desired: () => this.#desired,
      stagger: () => this.#stagger,
      reloadTurn: shared.reloadTurn,
      keepEdited: (text) => this.#keepEdited(text),
    });
    this.#report = new BalancerReport(config, host, shared.audit, this.#counters, this.#sync);
    const now = host.now();
    this.#watchAt = now;
    this.#reconcileAt = now;
    if (shared.purpose === "look") this.#isStopped = true;
    this.#arm();
  }

  /** `stagger`: how long other balancers go before with reloads. */
  update(view: View, stagger: Millis): void {
    this.#view = view;
    this.#stagger = stagger;
    this.#decideSoon("members changed");
  }

  order(order: BalancerOrder): string {
    const { name } = this.config;
    switch (order.kind) {
      case "pause":
        this.#isPaused = true;
        this.#arm();
        return `${name}: paused, the proxy is left as it is`;
      case "resume":
        this.#isPaused = false;
        this.#hasten("resumed");
        return `${name}: resumed`;
      case "apply":
        this.#sync.forgive();
        this.#hasten("an operator's order");
        return `${name}: a round begins`;
      default: {
        const words = this.#policy.order(this.#shared.host.now(), order);
        this.#decide("an operator's order");
        return `${name}: ${words}`;
      }
    }
  }

  drained(node: string): DrainAnswer {
    const { name: balancer } = this.config;
    return { balancer, node, ...this.#record.drained(node, this.#sync.observed) };
  }

  /** Rounds until the proxy is in step with `view`, a round fails, or it is `until`. */
  async once(view: View, until: Instant): Promise<void> {
    const { host } = this.#shared;
    this.#isPaused = false;
    this.#takeAtOnce(view);
    for (;;) {
      const result = await this.#run(this.#cause);
      if (result.kind === "failed" || result.kind === "dry run") return;
      const isDone =
        result.kind === "confirmed" && result.waits.length === 0 && !this.#prober.isOpen;
      if (isDone && this.#sync.applied === this.#desired.version) return;
      const now = host.now();
      if (now >= until) return;
      const pause =
        result.kind === "waiting"
          ? result.at - now
          : Math.max(shortestLook, result.kind === "confirmed" ? (result.lookAgain ?? 0) : 0);
      await new Promise<void>((resolve) => {
        host.after(Math.max(1, Math.min(pause, until - now)), resolve);
      });
    }
  }

  preview(view: View): Promise<Preview> {
    return previewOf(this.config, this.#shared.host, this.#own, view);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#takeOff();
    this.#prober.stop();
    await Promise.allSettled([this.#running, this.#rescuing, this.#looking]);
    if (this.#shared.purpose === "keep") this.#saveMemory();
  }

  status(): BalancerStatus {
    return this.#report.status({
      decision: this.#decision,
      isPaused: this.#isPaused,
      isRunning: this.#running !== undefined,
      nextRound: this.#governor.next(this.#shared.host.now()),
      lookAt: this.#lookAt,
      reconcileAt: this.#reconcileAt,
    });
  }

  get #desired(): Desired {
    return this.#decision?.desired ?? frozenDesired;
  }

  /** Without the warm-up: whoever asks knows that the view is whole. */
  #takeAtOnce(view: View): void {
    const settled = { settleTime: 0, settleLimit: 0 };
    this.#policy = new Policy(this.config, settled, this.#policy.memory());
    this.#view = { ...view, joined: true };
    this.#decide("an operator's order");
  }

  #decideSoon(cause: string): void {
    const { host } = this.#shared;
    if (this.#isStopped || this.#isDecisionDue) return;
    const elapsed = host.now() - this.#decidedAt;
    if (elapsed >= decisionGap) {
      this.#decide(cause);
      return;
    }
    this.#isDecisionDue = true;
    host.after(decisionGap - elapsed, () => {
      this.#isDecisionDue = false;
      if (!this.#isStopped) this.#decide(cause);
    });
  }

  #decide(cause: string): void {
    const { host } = this.#shared;
    if (this.#view === undefined) return;
    const now = host.now();
    const before = this.#decision?.desired;
    const decision = this.#policy.decide(now, this.#view, this.#prober);
    this.#decidedAt = now;
    this.#decision = decision;
    this.#prober.ask(decision.questions);
    const { desired } = decision;
    this.#report.decided(before, desired);
    if (desired.version !== before?.version || desired.frozen !== before.frozen) {
      const { servers, lessens } = difference(before, desired);
      this.#governor.changed(now, servers);
      this.#cause = cause;
      if (lessens && !desired.frozen) this.#rescue();
    }
    this.#shared.changed();
    this.#arm();
  }

  /** At most one at a time; what comes meanwhile makes one more. */
  #rescue(): void {
    if (this.#isPaused || this.#isStopped || this.config.dryRun) return;
    this.#isRescueWanted = true;
    this.#rescuing ??= this.#rescues().finally(() => {
      this.#rescuing = undefined;
    });
  }

  async #rescues(): Promise<void> {
    while (this.#isRescueWanted) {
      this.#isRescueWanted = false;
      await this.#sync.rescue();
      this.#noteObserved();
    }
    const isRunning = this.#running !== undefined;
    if (!isRunning && this.#report.result?.kind !== "failed") return;
    this.#lookAt = this.#soon() ?? (isRunning ? this.#lookAt : undefined);
    this.#arm();
  }

  /** When what no round could end is looked at. */
  #soon(): Instant | undefined {
    const { lookAgain } = this.#sync;
    return lookAgain === undefined
      ? undefined
      : this.#shared.host.now() + Math.max(shortestLook, lookAgain);
  }

  #hasten(cause: string): void {
    this.#cause = cause;
    this.#governor.changed(this.#shared.host.now(), 0);
    this.#arm();
  }

  /** One timer for all that is due by time. */
  #arm(): void {
    this.#takeOff();
    if (this.#isStopped) return;
    const { host } = this.#shared;
    const now = host.now();
    const isIdle = this.#running === undefined;
    const mayRun = isIdle && !this.#isPaused;
    const due = [
      this.#decision?.deadline,
      isIdle ? this.#watchAt : undefined,
      this.#isSaveDue ? this.#savedAt + saveGap : undefined,
      mayRun ? this.#governor.next(now) : undefined,
      mayRun ? this.#reconcileAt : undefined,
      mayRun || !isIdle ? this.#lookAt : undefined,
    ].filter((at) => at !== undefined);
    const delay = Math.min(...due.map((at) => Math.max(0, at - now)), longestTimer);
    this.#takeOff = host.after(delay, () => this.#wake());
  }

  #wake(): void {
    if (this.#isStopped) return;
    const { host, config } = this.#shared;
    const now = host.now();
    const deadline = this.#decision?.deadline;
    if (deadline !== undefined && deadline <= now) {
      this.#decide(this.#desired.frozen ? "the warm-up ended" : "time passed");
    }
    if (this.#isSaveDue && this.#savedAt + saveGap <= now) this.#saveMemory();
    const isLookDue = this.#lookAt !== undefined && this.#lookAt <= now;
    if (this.#running !== undefined) {
      if (isLookDue) {
        this.#lookAt = now + usualLook;
        if (this.#sync.isBusy) this.#rescue();
      }
      this.#arm();
      return;
    }
    const due = this.#governor.next(now);
    if (!this.#isPaused && due !== undefined && due <= now) {
      void this.#run(this.#cause);
    } else if (!this.#isPaused && isLookDue && this.#report.result?.kind === "failed") {
      // The next try comes later and later; what is under way does not wait for it.
      this.#lookAt = undefined;
      this.#rescue();
    } else if (!this.#isPaused && isLookDue) {
      void this.#run(
        this.#report.result?.kind === "waiting" ? this.#cause : "something was under way",
      );
    } else if (!this.#isPaused && this.#reconcileAt <= now) {
      void this.#run(this.#view === undefined ? "start" : "steady look");
    } else if (this.#watchAt <= now) {
      this.#watchAt = now + config.watchInterval;
      this.#watch();
    }
    this.#arm();
  }

  /** Looks whether all is as it was left, and begins a round if not. */
  #watch(): void {
    const wasAway = this.#sync.observed?.trouble !== undefined;
    this.#looking ??= this.#sync.look().then((what) => {
      this.#looking = undefined;
      this.#noteObserved();
      const isAway = this.#sync.observed?.trouble !== undefined;
      if (wasAway && !isAway) this.#hasten("the proxy answers again");
      else if (what !== undefined && this.#report.result?.kind !== "failed") {
        this.#hasten(`drift: ${what}`);
      }
      this.#shared.changed();
    });
  }

  /** One round; if one is under way, that one. */
  #run(cause: string): Promise<RoundResult> {
    this.#running ??= this.#round(cause).finally(() => {
      this.#running = undefined;
      this.#arm();
    });
    this.#arm();
    return this.#running;
  }

  async #round(cause: string): Promise<RoundResult> {
    const { host, config } = this.#shared;
    const checkpoint = (name: string): void => host.checkpoint?.(`${this.config.name}: ${name}`);
    const round = new Round(cause, () => host.now(), checkpoint);
    this.#governor.begin();
    // If the checker takes long, drains go on beside it.
    this.#lookAt = host.now() + usualLook;
    this.#report.begin();
    const result = await this.#sync.pass(round);
    const now = host.now();
    this.#governor.end(now, result.kind !== "failed");
    this.#reconcileAt = now + config.interval;
    this.#watchAt = now + config.watchInterval;
    this.#noteObserved();
    this.#lookAfter(now, result);
    this.#report.end(round, result);
    this.#saveMemory();
    this.#shared.changed();
    return result;
  }

  #noteObserved(): void {
    const observed = this.#sync.observed;
    if (observed !== undefined) this.#record.note(observed);
  }

  #lookAfter(now: Instant, result: RoundResult): void {
    const soon = this.#soon();
    this.#lookAt = undefined;
    if (result.kind === "waiting") this.#lookAt = Math.min(result.at, soon ?? result.at);
    if (result.kind === "failed") this.#lookAt = soon;
    if (result.kind !== "confirmed") return;
    if (result.lookAgain === undefined && result.waits.length === 0) return;
    this.#lookAt = now + Math.max(shortestLook, result.lookAgain ?? usualLook);
  }

  /**
   * Not in each of many rounds that follow each other, but soon after the last: whoever is admitted and
   * not remembered would be taken out by a restart that hears of nobody.
   */
  #saveMemory(): void {
    const { host } = this.#shared;
    const rest = this.#savedAt + saveGap - host.now();
    if (rest > 0 && !this.#isStopped) {
      this.#isSaveDue = true;
      this.#arm();
      return;
    }
    this.#isSaveDue = false;
    this.#savedAt = host.now();
    this.#own.notes.write("policy", {
      at: host.wallClock(),
      memory: this.#policy.memory() ?? null,
    });
  }

  async #keepEdited(text: string): Promise<string> {
    const path = join(this.#own.folder, "edited");
    try {
      await replaceOwn(realDisk, path, Buffer.from(text));
    } catch (error) {
      throw diskError(`cannot keep a copy in ${path}`, error);
    }
    return path;
  }
}
