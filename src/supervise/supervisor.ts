import type { Log } from "../base/log.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { Application } from "./application.js";
import type { Condition } from "./condition.js";
import { type Ending, endingText, statusOf } from "./ending.js";
import { Readiness, type ReadinessRule } from "./readiness.js";
import { type RestartPolicy, Restarts } from "./restart-policy.js";

/** All that a supervisor can reach. */
export interface SupervisorHost {
  readonly log: Log;
  now(): Instant;
  /** Calls `run` after `delay`, unless the function that is returned is called before. */
  after(delay: Millis, run: () => void): () => void;
  start(): Application;
  /** Resolves with what is wrong with the application, undefined if nothing is. Never rejects. */
  check(): Promise<string | undefined>;
}

export interface SupervisorRule extends ReadinessRule {
  readonly restart: RestartPolicy;
  /** False: the application is ready as soon as it runs. */
  readonly isChecked: boolean;
  /** From the end of one check to the beginning of the next. */
  readonly interval: Millis;
}

/** Whom a supervisor tells. */
export interface SupervisorSink {
  /** Whether the application can take requests, each time that changes; at first it cannot. */
  ready(isReady: boolean): void;
  /** The application has ended and stays so, whether by itself or because it was told to. */
  over(status: number): void;
}

/** Until it is ready an application is checked so often at least, so that a start takes no longer than it must. */
const startInterval: Millis = 200;

/** One that ended before and is not checked has to live so long, or it would be ready for a moment each time. */
const settledAfter: Millis = seconds(1);

/** Starts the application, again and again if it should, and finds out when it can take requests. */
export class Supervisor {
  readonly #host: SupervisorHost;
  readonly #rule: SupervisorRule;
  readonly #sink: SupervisorSink;
  readonly #restarts: Restarts;
  #application: Application | undefined;
  /** It has ended itself, and others of its process group are still being ended. */
  #isOutlived = false;
  #readiness: Readiness;
  /** As the sink was told. */
  #isReady = false;
  #startedAt: Instant = 0;
  #cancel: () => void = () => {};
  /** Told last, so that it is not told again and again. */
  #complaint: string | undefined;
  #lives = 0;
  #isStopping = false;
  /** Of the last life. */
  #lastStatus = 0;
  #lastEnd: string | undefined;
  /** undefined unless it is waited for. */
  #nextStart: Instant | undefined;
  #status: number | undefined;

  constructor(host: SupervisorHost, rule: SupervisorRule, sink: SupervisorSink) {
    this.#host = host;
    this.#rule = rule;
    this.#sink = sink;
    this.#restarts = new Restarts(rule.restart);
    this.#readiness = new Readiness(rule);
  }

  /** Of the application that has ended for good; undefined before. */
  get status(): number | undefined {
    return this.#status;
  }

  get condition(): Condition {
    const isRunning = this.#application !== undefined;
    const next = this.#nextStart;
    return {
      phase: isRunning ? "running" : next === undefined ? "ended" : "waiting",
      pid: this.#application?.pid ?? null,
      restarts: Math.max(0, this.#lives - 1),
      lastEnd: this.#lastEnd ?? null,
      nextStart: next === undefined ? null : Math.max(0, Math.round(next - this.#host.now())),
      isReady: isRunning && this.#isReady,
      complaint: this.#complaint ?? null,
    };
  }

  begin(): void {
    if (this.#isStopping) return;
    this.#nextStart = undefined;
    const application = this.#host.start();
    this.#lives += 1;
    this.#application = application;
    this.#isOutlived = false;
    this.#startedAt = this.#host.now();
    this.#readiness = new Readiness(this.#rule);
    void application.started.then(() => this.#begun(application));
    void application.outlived.then(() => this.#outlived(application));
    void application.ended.then((ending) => this.#ended(ending));
  }

  /** Passed on to the application as it is; lost while there is none. */
  signal(signal: NodeJS.Signals): void {
    this.#application?.signal(signal);
  }

  /** Ends the application for good; the sink is told when it has ended. */
  stop(signal: NodeJS.Signals, grace: Millis): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#cancel();
    if (this.#application !== undefined) this.#application.stop(signal, grace);
    else this.#conclude(this.#lastStatus);
  }

  /** As {@link stop}, without grace. */
  kill(): void {
    this.stop("SIGKILL", 0);
    this.#application?.kill();
  }

  #begun(application: Application): void {
    if (this.#application !== application || this.#isStopping) return;
    this.#host.log.info({}, "application started");
    if (this.#rule.isChecked) void this.#check(application);
    else if (this.#lives === 1) this.#becomeReady();
    else this.#cancel = this.#host.after(settledAfter, () => this.#becomeReady());
  }

  async #check(application: Application): Promise<void> {
    const fault = await this.#host.check();
    if (this.#application !== application || this.#isOutlived || this.#isStopping) return;
    const wasReady = this.#readiness.isReady;
    if (this.#readiness.take(fault === undefined)) {
      if (fault === undefined) this.#becomeReady();
      else this.#becomeUnready(fault);
    } else if (fault !== undefined && !wasReady) {
      this.#complain(fault);
    }
    const { interval } = this.#rule;
    const pause = this.#readiness.isReady ? interval : Math.min(interval, startInterval);
    this.#cancel = this.#host.after(pause, () => void this.#check(application));
  }

  #becomeReady(): void {
    this.#complaint = undefined;
    const took = Math.round(this.#host.now() - this.#startedAt);
    this.#host.log.info({ took }, "application is ready");
    this.#isReady = true;
    this.#sink.ready(true);
  }

  #becomeUnready(fault: string): void {
    this.#complaint = fault;
    this.#host.log.warn({ fault }, "application is not ready any more");
    this.#isReady = false;
    this.#sink.ready(false);
  }

  #takeReadyBack(): void {
    if (this.#isReady) this.#sink.ready(false);
    this.#isReady = false;
  }

  #complain(fault: string): void {
    if (fault === this.#complaint) return;
    this.#complaint = fault;
    this.#host.log.info({ fault }, "application is not ready yet");
  }

  /** Workers without their master are told to end, and take no requests meanwhile. */
  #outlived(application: Application): void {
    if (this.#application !== application || this.#isStopping) return;
    this.#cancel();
    this.#isOutlived = true;
    this.#host.log.warn({}, "application ended, and what it left running is ended");
    this.#takeReadyBack();
  }

  #ended(ending: Ending): void {
    this.#cancel();
    this.#application = undefined;
    const status = statusOf(ending);
    this.#lastStatus = status;
    const { log } = this.#host;
    const life = Math.round(this.#host.now() - this.#startedAt);
    const end = endingText(ending);
    this.#lastEnd = end;
    // What its checks found belongs to a life that is over.
    this.#complaint = undefined;
    if (this.#isStopping) {
      log.info({ end }, "application stopped");
      this.#conclude(status);
      return;
    }
    const rest = this.#restarts.restAfter(life, status);
    if (rest === undefined) {
      if (ending.kind === "not started") log.error({ end }, "application could not be started");
      else log[status === 0 ? "info" : "warn"]({ end, life }, "application ended");
      this.#conclude(status);
      return;
    }
    log.warn({ end, life, rest }, "application ended and is started again");
    this.#takeReadyBack();
    this.#nextStart = this.#host.now() + rest;
    this.#cancel = this.#host.after(rest, () => this.begin());
  }

  #conclude(status: number): void {
    this.#status = status;
    this.#sink.over(status);
  }
}
