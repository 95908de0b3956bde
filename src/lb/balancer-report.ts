import type { Instant } from "../base/units.js";
import { type Applied, maxNamed } from "../observe/deed.js";
import type { Audit } from "./audit.js";
import type { BalancerConfig } from "./config.js";
import type { Counters } from "./counters.js";
import type { Decision } from "./decision.js";
import type { LbHost } from "./load-balancer.js";
import type { Desired } from "./model.js";
import { PoolTable } from "./pool-status.js";
import { RefusalLog } from "./refusal-log.js";
import type { Round, RoundResult } from "./round.js";
import { ServedNodes } from "./served-nodes.js";
import type { BalancerCondition, BalancerStatus, LastRound, NextAction } from "./status.js";
import type { Sync } from "./sync.js";

/** Characters of a cause or a failure in the chronicle; the log and the status have all of it. */
const maxWords = 250;

/** What the loop knows besides, when somebody wants the status. */
export interface Situation {
  readonly decision: Decision | undefined;
  readonly isPaused: boolean;
  readonly isRunning: boolean;
  /** When the governor wants the next round. */
  readonly nextRound: Instant | undefined;
  /** When what is under way is looked at again. */
  readonly lookAt: Instant | undefined;
  readonly reconcileAt: Instant;
}

/** Remembers how rounds ended and tells it: in the log, in the audit, and as the status. */
export class BalancerReport {
  readonly #config: BalancerConfig;
  readonly #host: LbHost;
  readonly #audit: Pick<Audit, "add">;
  readonly #counters: Counters;
  readonly #sync: Sync;
  readonly #table = new PoolTable();
  readonly #refusals = new RefusalLog();
  readonly #served = new ServedNodes();
  #condition: BalancerCondition = "warming up";
  #since: string;
  #result: RoundResult | undefined;
  #last: LastRound | undefined;
  #appliedAt: string | undefined;

  constructor(
    config: BalancerConfig,
    host: LbHost,
    audit: Pick<Audit, "add">,
    counters: Counters,
    sync: Sync,
  ) {
    this.#config = config;
    this.#host = host;
    this.#audit = audit;
    this.#counters = counters;
    this.#sync = sync;
    this.#since = host.wallClock();
  }

  /** What the last round came to. */
  get result(): RoundResult | undefined {
    return this.#result;
  }

  begin(): void {
    if (this.#condition !== "warming up") this.#enter("working");
  }

  end(round: Round, result: RoundResult): void {
    const before = this.#result;
    this.#result = result;
    this.#enter(conditionOf(result));
    if (result.kind === "confirmed" && (round.didSomething || this.#appliedAt === undefined)) {
      this.#appliedAt = this.#host.wallClock();
    }
    const error = result.kind === "failed" ? result.reason : null;
    const isNew = error !== (before?.kind === "failed" ? before.reason : null);
    this.#remember(round, result, error);
    this.#log(round, error, isNew);
    if (result.kind === "frozen" || result.kind === "dry run") return;
    if (!round.didSomething && !isNew) return;
    this.#write(round, result, error);
    this.#host.noteRound?.(this.#applied(round, error));
  }

  /** Tells what keeps the pools from being what the members say, when it begins. */
  decided(before: Desired | undefined, after: Desired): void {
    const { log } = this.#host;
    const balancer = this.#config.name;
    const held = new Set(before?.holds.map(({ pool, kind }) => `${pool} ${kind}`));
    for (const { pool, kind, nodes, reason } of after.holds) {
      if (held.has(`${pool} ${kind}`)) continue;
      log.warn({ balancer, pool, kind, nodes, reason }, "pool is held");
    }
    for (const { pool, node, reason } of this.#refusals.take(this.#host.now(), after.refused)) {
      log.warn({ balancer, pool, member: node, reason }, "member is refused");
    }
  }

  status(situation: Situation): BalancerStatus {
    const { decision } = situation;
    const observed = this.#sync.observed;
    const desired = decision?.desired;
    const result = this.#result;
    const trouble = observed?.trouble;
    const reason = result?.kind === "failed" ? result.reason : (trouble ?? null);
    return {
      name: this.#config.name,
      kind: this.#config.proxy.kind,
      file: this.#config.file,
      dryRun: this.#config.dryRun,
      condition: situation.isPaused ? "paused" : this.#condition,
      since: this.#since,
      ok: reason === null,
      reason,
      version: desired === undefined || desired.frozen ? null : desired.version,
      applied: this.#sync.applied ?? null,
      appliedAt: this.#appliedAt ?? null,
      written: this.#sync.written ?? null,
      last: this.#last ?? null,
      next: this.#next(situation),
      waits: result?.kind === "confirmed" ? result.waits : [],
      pools: this.#table.pools(this.#host.wallClock(), desired, this.#sync.text, observed),
      holds: (desired?.holds ?? []).map((hold) => ({ ...hold, until: this.#clock(hold.until) })),
      refused: desired?.refused ?? [],
      damped: (decision?.damped ?? []).map((one) => ({ ...one, until: this.#clock(one.until) })),
      process: observed === undefined || trouble !== undefined ? null : observed.process,
      lingering: observed?.lingering ?? 0,
      counters: { ...this.#counters },
    };
  }

  #enter(condition: BalancerCondition): void {
    if (condition === this.#condition) return;
    // A round that changes nothing does not change since when it is in step, or not.
    const returns = this.#condition === "working" && condition === this.#settled;
    if (condition !== "working") {
      if (!returns) this.#since = this.#host.wallClock();
      this.#settled = condition;
    }
    this.#condition = condition;
  }

  /** The condition before a round. */
  #settled: BalancerCondition = "warming up";

  #remember(round: Round, result: RoundResult, error: string | null): void {
    const at = this.#host.wallClock();
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
  }

  #log(round: Round, error: string | null, isNew: boolean): void {
    const { log } = this.#host;
    const { version, cause, way, summary } = round;
    const fields = { balancer: this.#config.name, version, cause };
    if (error !== null && isNew) log.error({ ...fields, error }, "balancer is not in step");
    else if (error === null && isNew) log.info(fields, "balancer recovered");
    if (error !== null || !round.didSomething) return;
    const tookMillis = this.#last?.tookMillis;
    log.info({ ...fields, way, summary, tookMillis }, "balancer applied a change");
  }

  #write(
    round: Round,
    result: Extract<RoundResult, { kind: "confirmed" | "waiting" | "failed" }>,
    error: string | null,
  ): void {
    const { cause, version, summary, way, wrote, durations, rollback } = round;
    this.#audit.add({
      time: this.#host.wallClock(),
      balancer: this.#config.name,
      cause,
      version,
      summary,
      way,
      wrote,
      durations,
      result: result.kind,
      ...(error === null ? {} : { error }),
      ...(rollback === undefined ? {} : { rollback }),
    });
  }

  #applied(round: Round, error: string | null): Applied {
    const { applied, observed } = this.#sync;
    const nodes = this.#served.take(observed);
    // A server that failed was taken out before the round.
    const way = round.way === "none" && nodes.length > 0 ? "runtime" : round.way;
    return {
      kind: "applied",
      balancer: this.#config.name,
      way,
      took: Math.round(round.took * 10) / 10,
      cause: round.cause.slice(0, maxWords),
      nodes: nodes.slice(0, maxNamed),
      count: nodes.length,
      ...(error === null && applied === round.version && { version: applied }),
      ...(error !== null && { failure: error.slice(0, maxWords) }),
    };
  }

  #next(situation: Situation): NextAction | null {
    const result = this.#result;
    const { isPaused, isRunning, nextRound, lookAt, reconcileAt } = situation;
    if (isPaused) return { what: "nothing", waitsFor: "gossipd lb resume", at: null };
    if (isRunning) return { what: "the end of the round", waitsFor: "the proxy", at: null };
    if (result?.kind === "waiting") {
      return { what: result.what, waitsFor: result.because, at: this.#clock(result.at) };
    }
    if (result?.kind === "failed") {
      const waitsFor = "a pause after the failure";
      return { what: "try again", waitsFor, at: this.#clock(nextRound) };
    }
    if (nextRound !== undefined) {
      return { what: "a round", waitsFor: "further changes", at: this.#clock(nextRound) };
    }
    if (result?.kind === "dry run" && result.what.length > 0) {
      const what = `it would be done: ${result.what.slice(0, 5).join("; ")}`;
      return { what, waitsFor: "the end of dry_run", at: null };
    }
    if (result?.kind === "confirmed" && result.waits.length > 0) {
      const waitsFor = result.waits.slice(0, 3).join("; ");
      return { what: "look again", waitsFor, at: this.#clock(lookAt) };
    }
    return { what: "look again", waitsFor: "the steady interval", at: this.#clock(reconcileAt) };
  }

  #clock(at: Instant | undefined): string | null {
    if (at === undefined || !Number.isFinite(at)) return null;
    const wall = new Date(Date.parse(this.#host.wallClock()) + at - this.#host.now());
    return Number.isNaN(wall.getTime()) ? null : wall.toISOString();
  }
}

function conditionOf(result: RoundResult): BalancerCondition {
  switch (result.kind) {
    case "frozen":
      return "warming up";
    case "confirmed":
      return result.waits.length > 0 ? "waiting" : "in step";
    case "dry run":
      return result.what.length > 0 ? "waiting" : "in step";
    case "waiting":
    case "failed":
      return result.kind;
  }
}

function resultWord(round: Round, result: RoundResult): LastRound["result"] {
  switch (result.kind) {
    case "failed":
    case "waiting":
      return result.kind;
    case "confirmed":
      return round.didSomething ? "confirmed" : "nothing to do";
    case "frozen":
    case "dry run":
      return "nothing to do";
  }
}
