import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Meter, noMeter } from "../base/meter.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import {
  type Environment,
  handlerEnvironment,
  handlerInput,
  type StateNews,
} from "../handler/handler-input.js";
import { type RunLimits, type RunResult, runLimits, ScriptRun } from "../handler/handler-runner.js";
import type { Member, QueryEvent, SerfEvent } from "../serf/events.js";
import { arrangeLanes, HandlerLane, type LaneParts } from "./handler-lane.js";
import type { HandlerSpec } from "./handler-spec.js";
import { RunSlots } from "./run-slots.js";
import type { StateHandlerSpec } from "./state-spec.js";
import { within } from "./within.js";

export interface HandlersOptions {
  /** Of the component `agent`. */
  readonly log: Log;
  /** The clock of the driver, on which deadlines of queries are given. */
  readonly now: () => Instant;
  /** This agent's own member, as it is when asked. */
  readonly self: () => Member;
  /** Answers a query. Throws OperatorError if that is not possible (any more). */
  readonly respond: (id: number, payload: Bytes) => void;
  /** How long a script may run before it is told to end; 0 means as long as it likes. */
  readonly handlerTimeout: Millis;
  /** What scripts inherit, asked for before each run. */
  readonly environment: () => Environment;
  /** Hears how long scripts ran. */
  readonly meter?: Meter;
  /** For tests: other times than those of a real agent. */
  readonly limits?: Partial<RunLimits & { readonly stopGrace: Millis }>;
}

/** Plain counters, for statistics and metrics. */
export interface HandlerCounters {
  runs: number;
  failures: number;
  timeouts: number;
  /** What {@link Handlers.stop} and removed handlers left undone is not counted. */
  dropped: number;
  /** Queries whose deadline passed before their turn. */
  expired: number;
  /** Member changes that newer ones replaced while they waited. */
  merged: number;
}

/**
 * How many scripts run at once at most. Each lane runs one, and few agents have more than three, so
 * that this is not felt; it keeps an agent with a hundred handlers from starting a hundred processes
 * on one event.
 */
const parallelRuns = 16;

/** The times of {@link Handlers.stop}: for scripts to end by themselves, then after SIGTERM. */
const stopLimits = { stopGrace: seconds(3), killGrace: seconds(1) };

/** For what SIGKILL does not end at once: a process of another user, or one that waits for a disk. */
const lastWait: Millis = seconds(2);

/** Runs scripts for events. */
export class Handlers {
  readonly #options: HandlersOptions;
  readonly #parts: LaneParts;
  /** At most {@link parallelRuns}. */
  readonly #running = new Set<ScriptRun>();
  readonly #counters: HandlerCounters = {
    runs: 0,
    failures: 0,
    timeouts: 0,
    dropped: 0,
    expired: 0,
    merged: 0,
  };
  #lanes: readonly HandlerLane[] = [];
  /** Lanes of earlier configurations that have something left to do. */
  #retired: readonly HandlerLane[] = [];
  #stopped = false;

  constructor(options: HandlersOptions) {
    this.#options = options;
    this.#parts = {
      log: options.log,
      now: options.now,
      slots: new RunSlots(parallelRuns),
      run: (script, event) => this.#run(script, event),
    };
  }

  /** Runs a state handler to its end; true if it exited with 0. Never rejects. */
  async tell({ json, script }: StateHandlerSpec, members: readonly Member[]): Promise<boolean> {
    const { slots } = this.#parts;
    await slots.take();
    const failure = await this.#run(script, { kind: "state", members, json });
    slots.giveBack();
    return failure === undefined;
  }

  /** Returns at once; the scripts run later. */
  handle(event: SerfEvent): void {
    if (this.#stopped) return;
    for (const lane of this.#lanes) lane.offer(event);
  }

  /**
   * Replaces the handlers from the next event on. Scripts that run are not touched, and what waits
   * for a script that stays is still told to it first; what waits for one that goes is dropped.
   */
  replace(specs: readonly HandlerSpec[]): void {
    const scripts = new Set(specs.map(({ script }) => script));
    const before = [...this.#retired, ...this.#lanes];
    for (const lane of before) {
      lane.retire(scripts);
      if (!lane.busy) addCounts(this.#counters, lane);
    }
    const busy = before.filter((lane) => lane.busy);
    this.#retired = busy;
    this.#lanes = arrangeLanes(specs).map((handlers) => {
      const sharing = busy.filter((lane) => lane.sharesScript(handlers));
      return new HandlerLane(handlers, this.#parts, sharing);
    });
  }

  get counters(): Readonly<HandlerCounters> {
    const counters = { ...this.#counters };
    for (const lane of [...this.#retired, ...this.#lanes]) addCounts(counters, lane);
    return counters;
  }

  /**
   * Begins no more runs and ends those that are under way: a script may be just about to reload a
   * proxy, so it has three seconds to come to its end, then SIGTERM and a second to clean up, then
   * SIGKILL. All of it fits into the ten seconds that containers are given to stop, and nothing is
   * left that could run beside the handlers of the next agent. What waits is dropped.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    const lanes = [...this.#retired, ...this.#lanes];
    const waiting = lanes.reduce((sum, lane) => sum + lane.clear(), 0);
    if (waiting > 0) this.#options.log.warn({ waiting }, "stopping, waiting events were dropped");
    const { stopGrace, killGrace } = { ...stopLimits, ...this.#options.limits };
    const ended = Promise.all([...this.#running].map((run) => run.result));
    if (await within(stopGrace, ended)) return;
    for (const run of this.#running) run.stop(killGrace);
    if (await within(killGrace + lastWait, ended)) return;
    const scripts = this.#running.size;
    this.#options.log.error({ scripts }, "scripts that cannot be ended are left behind");
  }

  /** Why it failed, if it did. */
  async #run(script: string, event: SerfEvent | StateNews): Promise<string | undefined> {
    if (this.#stopped) return "stopped";
    const { environment, log, meter = noMeter, now, self } = this.#options;
    const limits = { ...runLimits, timeout: this.#options.handlerTimeout, ...this.#options.limits };
    const run = new ScriptRun({
      script,
      stdin: handlerInput(event),
      environment: handlerEnvironment(event, self(), environment()),
      limits,
      onSlow: () => {
        log.warn({}, `Script '${script}' slow, execution exceeding ${limits.slowAfter / 1_000}s`);
      },
      onTimeout: () => {
        this.#counters.timeouts += 1;
        log.error({ script, timeout: limits.timeout }, "script exceeds its time limit, ending it");
      },
    });
    this.#running.add(run);
    const begun = now();
    const result = await run.result;
    meter.sample(`agent.invoke.${script}`, now() - begun);
    this.#running.delete(run);
    this.#conclude(script, event, result);
    return result.failure;
  }

  #conclude(script: string, event: SerfEvent | StateNews, result: RunResult): void {
    const { log } = this.#options;
    const output = Buffer.from(result.output);
    this.#counters.runs += 1;
    if (result.writtenBytes > output.length) {
      const { writtenBytes } = result;
      log.debug({ script, writtenBytes, kept: output.length }, "script output was cut to its end");
    }
    log.debug({}, `Event '${event.kind}' script output: ${output}`);
    if (result.failure !== undefined) {
      this.#counters.failures += 1;
      log.error({}, `Error invoking script '${script}': ${result.failure}`);
    } else if (event.kind === "query" && output.length > 0) {
      this.#respond(event, output);
    }
  }

  #respond(query: QueryEvent, output: Bytes): void {
    try {
      this.#options.respond(query.id, output);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.warn({}, `Failed to respond to query '${query.name}': ${error.message}`);
    }
  }
}

function addCounts(total: HandlerCounters, { counts }: HandlerLane): void {
  total.dropped += counts.dropped;
  total.expired += counts.expired;
  total.merged += counts.merged;
}
