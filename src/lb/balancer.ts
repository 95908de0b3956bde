import { join } from "node:path";
import { type Instant, longestTimer, type Millis } from "../base/units.js";
import type { Audit } from "./audit.js";
import type { BalancerConfig, LbConfig } from "./config.js";
import { type Counters, noCounts } from "./counters.js";
import type { Decision } from "./decision.js";
import { difference } from "./desired-difference.js";
import { diskError, realDisk, replaceOwn } from "./disk.js";
import { Governor } from "./governor.js";
import type { BalancerOrder, DrainAnswer, LbHost, Preview } from "./load-balancer.js";
import type { Desired, View } from "./model.js";
import { Policy } from "./policy.js";
import { PoolTable } from "./pool-status.js";
import { Prober, probeService } from "./probe.js";
import type { Notes, Proxy } from "./proxy.js";
import { Round, type RoundResult } from "./round.js";
import { ServiceRecord } from "./service-record.js";
import type { BalancerCondition, BalancerStatus, LastRound, NextAction } from "./status.js";
import { Sync } from "./sync.js";
import type { FileStore } from "./sync-deps.js";

/** Views that come closer together are decided upon together; below what a person or a budget notices. */
const decisionGap: Millis = 5;

/** A proxy's own wish to be looked at again is not followed faster. */
const shortestLook: Millis = 20;

/** What a balancer shares with the others of its process. */
export interface Shared {
  readonly config: LbConfig;
  readonly host: LbHost;
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
  readonly #record = new ServiceRecord();
  readonly #table = new PoolTable();
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
  #condition: BalancerCondition = "warming up";
  #since: string;
  #result: RoundResult | undefined;
  #last: LastRound | undefined;
  #appliedAt: string | undefined;
  #saved = "";

  constructor(config: BalancerConfig, shared: Shared, own: Own) {
    this.config = config;
    this.#shared = shared;
    this.#own = own;
    const { host } = shared;
    this.#policy = new Policy(config, shared.config, own.notes.read("policy"));
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
    const now = host.now();
    this.#watchAt = now;
    this.#reconcileAt = now;
    this.#since = host.wallClock();
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
        this.#setCondition("paused");
        this.#arm();
        return `${name}: paused, the proxy is left as it is`;
      case "resume":
        this.#isPaused = false;
        this.#setCondition("waiting");
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
      const pause = result.kind === "waiting" ? result.at - now : shortestLook;
      await new Promise<void>((resolve) => {
        host.after(Math.max(1, Math.min(pause, until - now)), resolve);
      });
    }
  }

  /** What would be done for `view`; the proxy is asked, nothing is changed. */
  async preview(view: View): Promise<Preview> {
    const { host } = this.#shared;
    const { proxy, store } = this.#own;
    this.#takeAtOnce(view);
    for (let waited = 0; this.#prober.isOpen && waited < 100; waited += 1) {
      await new Promise<void>((resolve) => {
        host.after(shortestLook, resolve);
      });
      this.#decide("members changed");
    }
    const desired = this.#desired;
    const observation = await proxy.observe();
    const before = await store.read();
    const after = await proxy.render(before, desired, observation);
    const plan = proxy.plan(host.now(), desired, after, observation);
    const { name: balancer, file } = this.config;
    return { balancer, file, before, after, desired, plan, observation };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#takeOff();
    this.#prober.stop();
    await Promise.allSettled([this.#running, this.#rescuing, this.#looking]);
    this.#saveMemory();
  }

  status(): BalancerStatus {
    const { host } = this.#shared;
    const observed = this.#sync.observed;
    const desired = this.#decision?.desired;
    const result = this.#result;
    const trouble = observed?.trouble;
    const reason = result?.kind === "failed" ? result.reason : (trouble ?? null);
    const at = host.wallClock();
    return {
      name: this.config.name,
      kind: this.config.proxy.kind,
      file: this.config.file,
      dryRun: this.config.dryRun,
      condition: this.#condition,
      since: this.#since,
      ok: reason === null,
      reason,
      version: desired === undefined || desired.frozen ? null : desired.version,
      applied: this.#sync.applied ?? null,
      appliedAt: this.#appliedAt ?? null,
      written: this.#sync.written ?? null,
      last: this.#last ?? null,
      next: this.#next(),
      waits: result?.kind === "confirmed" ? result.waits : [],
      pools: this.#table.pools(at, desired, this.#sync.text, observed),
      holds: (desired?.holds ?? []).map((hold) => ({ ...hold, until: this.#clock(hold.until) })),
      refused: desired?.refused ?? [],
      damped: (this.#decision?.damped ?? []).map((one) => ({
        ...one,
        until: this.#clock(one.until),
      })),
      process: observed === undefined || trouble !== undefined ? null : observed.process,
      lingering: observed?.lingering ?? 0,
      counters: { ...this.#counters },
    };
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
    this.#tellHolds(before, desired);
    if (desired.version !== before?.version || desired.frozen !== before.frozen) {
      const { servers, lessens } = difference(before, desired);
      this.#governor.changed(now, servers);
      this.#cause = cause;
      if (lessens && !desired.frozen) this.#rescue();
    }
    this.#shared.changed();
    this.#arm();
  }

  #tellHolds(before: Desired | undefined, after: Desired): void {
    const { log } = this.#shared.host;
    const balancer = this.config.name;
    const known = new Set(before?.holds.map(({ pool, kind }) => `${pool} ${kind}`));
    for (const { pool, kind, nodes, reason } of after.holds) {
      if (!known.has(`${pool} ${kind}`))
        log.warn({ balancer, pool, kind, nodes, reason }, "pool is held");
    }
    const refused = new Set(
      before?.refused.map(({ pool, node, reason }) => `${pool} ${node} ${reason}`),
    );
    for (const { pool, node, reason } of after.refused) {
      if (refused.has(`${pool} ${node} ${reason}`)) continue;
      log.warn({ balancer, pool, member: node.slice(0, 200), reason }, "member is refused");
    }
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
      mayRun ? this.#governor.next(now) : undefined,
      mayRun ? this.#reconcileAt : undefined,
      mayRun || this.#sync.isBusy ? this.#lookAt : undefined,
    ].filter((at) => at !== undefined);
    const at = Math.min(...due, now + longestTimer);
    this.#takeOff = host.after(Math.max(0, at - now), () => this.#wake());
  }

  #wake(): void {
    if (this.#isStopped) return;
    const { host, config } = this.#shared;
    const now = host.now();
    const deadline = this.#decision?.deadline;
    if (deadline !== undefined && deadline <= now) this.#decide("time passed");
    const isLookDue = this.#lookAt !== undefined && this.#lookAt <= now;
    if (this.#running !== undefined) {
      if (isLookDue) {
        this.#lookAt = now + this.config.governor.quiet;
        this.#rescue();
      }
      this.#arm();
      return;
    }
    const due = this.#governor.next(now);
    if (!this.#isPaused && due !== undefined && due <= now) {
      void this.#run(this.#cause);
    } else if (!this.#isPaused && isLookDue) {
      void this.#run(this.#result?.kind === "waiting" ? this.#cause : "something was under way");
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
    this.#looking ??= this.#sync.look().then((what) => {
      this.#looking = undefined;
      this.#noteObserved();
      if (what !== undefined && this.#result?.kind !== "failed") this.#hasten(`drift: ${what}`);
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
    this.#lookAt = undefined;
    if (this.#condition !== "warming up") this.#setCondition("working");
    const result = await this.#sync.pass(round);
    const now = host.now();
    this.#governor.end(now, result.kind !== "failed");
    this.#reconcileAt = now + config.interval;
    this.#watchAt = now + config.watchInterval;
    this.#noteObserved();
    this.#finish(round, result);
    return result;
  }

  #noteObserved(): void {
    const observed = this.#sync.observed;
    if (observed !== undefined) this.#record.note(observed);
  }

  #finish(round: Round, result: RoundResult): void {
    const { host } = this.#shared;
    const now = host.now();
    const before = this.#result;
    this.#result = result;
    switch (result.kind) {
      case "frozen":
        this.#setCondition("warming up");
        break;
      case "confirmed":
        this.#setCondition(result.waits.length > 0 ? "waiting" : "in step");
        if (result.lookAgain !== undefined || result.waits.length > 0) {
          this.#lookAt = now + Math.max(shortestLook, result.lookAgain ?? 500);
        }
        if (round.didSomething || this.#appliedAt === undefined) this.#appliedAt = host.wallClock();
        break;
      case "waiting":
        this.#setCondition("waiting");
        this.#lookAt = result.at;
        break;
      case "dry run":
        this.#setCondition(result.what.length > 0 ? "waiting" : "in step");
        break;
      case "failed":
        this.#setCondition("failed");
        break;
    }
    if (this.#isPaused) this.#setCondition("paused");
    this.#tell(round, result, before);
    this.#saveMemory();
    this.#shared.changed();
  }

  #tell(round: Round, result: RoundResult, before: RoundResult | undefined): void {
    const { host, audit } = this.#shared;
    const at = host.wallClock();
    const error = result.kind === "failed" ? result.reason : null;
    const isNew = error !== (before?.kind === "failed" ? before.reason : null);
    this.#last = {
      at,
      cause: round.cause,
      result: resultWord(round, result),
      way: round.way,
      tookMillis: Math.round(round.took * 10) / 10,
      error,
      failedAt: error === null ? (this.#last?.failedAt ?? null) : at,
      lastError: error ?? this.#last?.lastError ?? null,
    };
    const { log } = host;
    const fields = { balancer: this.config.name, version: round.version, cause: round.cause };
    const { way, summary } = round;
    if (error !== null && isNew) log.error({ ...fields, error }, "balancer is not in step");
    else if (error === null && isNew) log.info(fields, "balancer recovered");
    if (round.didSomething && error === null) {
      log.info({ ...fields, way, summary }, "balancer applied a change");
    }
    if (result.kind === "frozen" || result.kind === "dry run") return;
    if (!round.didSomething && !isNew) return;
    audit.add({
      time: at,
      balancer: this.config.name,
      cause: round.cause,
      version: round.version,
      summary,
      way,
      wrote: round.wrote,
      durations: round.durations,
      result: result.kind,
      ...(error === null ? {} : { error }),
      ...(round.rollback === undefined ? {} : { rollback: round.rollback }),
    });
  }

  #setCondition(condition: BalancerCondition): void {
    if (condition === this.#condition) return;
    // While it works it says since when it is in step, or not.
    if (condition !== "working") this.#since = this.#shared.host.wallClock();
    this.#condition = condition;
    this.#shared.changed();
  }

  #next(): NextAction | null {
    const { host } = this.#shared;
    const result = this.#result;
    const now = host.now();
    if (this.#isPaused) return { what: "nothing", waitsFor: "gossipd lb resume", at: null };
    if (this.#running !== undefined)
      return { what: "the round under way", waitsFor: "its end", at: null };
    if (result?.kind === "waiting") {
      return { what: result.what, waitsFor: result.because, at: this.#clock(result.at) };
    }
    const due = this.#governor.next(now);
    if (result?.kind === "failed") {
      return { what: "try again", waitsFor: "a pause after the failure", at: this.#clock(due) };
    }
    if (due !== undefined) {
      return { what: "a round", waitsFor: "more changes", at: this.#clock(due) };
    }
    if (result?.kind === "dry run" && result.what.length > 0) {
      const what = `would do: ${result.what.slice(0, 5).join("; ")}`;
      return { what, waitsFor: "dry_run", at: null };
    }
    if (result?.kind === "confirmed" && result.waits.length > 0) {
      const waitsFor = result.waits.slice(0, 3).join("; ");
      return { what: "look again", waitsFor, at: this.#clock(this.#lookAt) };
    }
    return { what: "steady look", waitsFor: "interval", at: this.#clock(this.#reconcileAt) };
  }

  #clock(at: Instant | undefined): string | null {
    if (at === undefined || !Number.isFinite(at)) return null;
    const { host } = this.#shared;
    const wall = new Date(Date.parse(host.wallClock()) + at - host.now());
    return Number.isNaN(wall.getTime()) ? null : wall.toISOString();
  }

  #saveMemory(): void {
    const memory = this.#policy.memory();
    const text = JSON.stringify(memory) ?? "";
    if (text === this.#saved) return;
    this.#saved = text;
    if (memory !== undefined) this.#own.notes.write("policy", memory);
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

function resultWord(round: Round, result: RoundResult): LastRound["result"] {
  switch (result.kind) {
    case "failed":
      return "failed";
    case "waiting":
      return "waiting";
    case "confirmed":
      return round.didSomething ? "confirmed" : "nothing to do";
    case "frozen":
    case "dry run":
      return "nothing to do";
  }
}
