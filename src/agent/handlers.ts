import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Meter, noMeter } from "../base/meter.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import { type Environment, handlerEnvironment, handlerInput } from "../handler/handler-input.js";
import { type RunLimits, type RunResult, runLimits, ScriptRun } from "../handler/handler-runner.js";
import type { Member, QueryEvent, SerfEvent } from "../serf/events.js";
import { arrangeLanes, HandlerLane, type LaneParts, type LaneRun } from "./handler-lane.js";
import { type HandlerSpec, passes } from "./handler-spec.js";
import type { HandlerJournal, RunOrigin } from "./journal/handler-journal.js";
import type { Told } from "./journal/told.js";
import type { Resting } from "./rest.js";
import { RunSlots } from "./run-slots.js";
import type { StateHandlerSpec } from "./state-spec.js";
import { schedule } from "./timers.js";
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
  /** For tests: calls `run` after `delay`, unless the function that it returns is called before. */
  readonly schedule?: (delay: Millis, run: () => void) => () => void;
  /** Where runs are on record. */
  readonly journal: HandlerJournal;
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
  /** Runs that repeated one that had failed. */
  retries: number;
  /** Events that failed as often as they may be tried. */
  givenUp: number;
  /** Members and messages that wait now. */
  waiting: number;
}

/** How a script fares between its runs. */
export interface ScriptCondition {
  /** Members and messages that wait for it, or for another of the same lane. */
  readonly waiting: number;
  readonly resting: Resting | undefined;
}

/** What an event handler is to be told again. */
export interface Repetition {
  readonly script: string;
  readonly event: SerfEvent;
  readonly cause: "rerun" | "recovery";
  /** The run in the journal that is repeated. */
  readonly of: number;
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
    retries: 0,
    givenUp: 0,
    waiting: 0,
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
      run: (script, event, origin) => this.#run(script, event, origin),
      schedule: options.schedule ?? schedule,
      giveUp: (script, event) => this.#giveUp(script, event),
    };
  }

  /** Runs a state handler to its end; undefined if it is too late for that. Never rejects. */
  async tell(
    { json, script }: StateHandlerSpec,
    members: readonly Member[],
    origin: RunOrigin,
  ): Promise<LaneRun | undefined> {
    const { slots } = this.#parts;
    await slots.take();
    const ended = await this.#run(script, { kind: "state", members, json }, origin);
    slots.giveBack();
    return ended;
  }

  /**
   * Has a script run again. Resolves with the id of the new run when it has ended; with undefined if there is
   * none. Throws OperatorError if no handler of that script hears such events, or if there is no room.
   */
  async repeat({ cause, event, of, script }: Repetition): Promise<number | undefined> {
    const [lane, handler] = this.#find(script, event);
    if (lane === undefined || handler === undefined) {
      throw new OperatorError(`no handler runs '${script}' for this event any more`);
    }
    return await new Promise((resolve, reject) => {
      if (!lane.send({ handler, event, cause, of, done: resolve })) {
        reject(new OperatorError(`too much is waiting for '${script}' already`));
      }
    });
  }

  conditionOf(script: string): ScriptCondition {
    const lanes = [...this.#retired, ...this.#lanes].filter(
      (lane) => lane.handlersOf(script).length > 0,
    );
    return {
      waiting: lanes.reduce((sum, lane) => sum + lane.waiting, 0),
      resting: lanes.map((lane) => lane.resting).find((rest) => rest?.script === script),
    };
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
    const waiting = lanes.reduce((sum, lane) => sum + lane.stop(), 0);
    if (waiting > 0) this.#options.log.warn({ waiting }, "stopping, waiting events were dropped");
    const { stopGrace, killGrace } = { ...stopLimits, ...this.#options.limits };
    const ended = Promise.all([...this.#running].map((run) => run.result));
    if (await within(stopGrace, ended)) return;
    for (const run of this.#running) run.stop(killGrace);
    if (await within(killGrace + lastWait, ended)) return;
    const scripts = this.#running.size;
    this.#options.log.error({ scripts }, "scripts that cannot be ended are left behind");
  }

  #find(
    script: string,
    event: SerfEvent,
  ): readonly [HandlerLane | undefined, HandlerSpec | undefined] {
    for (const lane of this.#lanes) {
      const handler = lane.handlersOf(script).find(({ filter }) => passes(filter, event));
      if (handler !== undefined) return [lane, handler];
    }
    return [undefined, undefined];
  }

  #giveUp(script: string, event: SerfEvent): void {
    const { journal, log } = this.#options;
    this.#counters.givenUp += 1;
    journal.giveUp(script);
    log.error({ script, event: event.kind }, "handler failed too often, event is given up");
  }

  async #run(script: string, event: Told, origin: RunOrigin): Promise<LaneRun | undefined> {
    if (this.#stopped) return undefined;
    const { environment, journal, log, meter = noMeter, now, self } = this.#options;
    let isTimedOut = false;
    const id = journal.begin(script, event, origin);
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
        isTimedOut = true;
        this.#counters.timeouts += 1;
        log.error({ script, timeout: limits.timeout }, "script exceeds its time limit, ending it");
      },
    });
    this.#running.add(run);
    const begun = now();
    const result = await run.result;
    const took = now() - begun;
    meter.sample(`agent.invoke.${script}`, took);
    this.#running.delete(run);
    if (origin.cause === "retry") this.#counters.retries += 1;
    this.#conclude(script, event, result);
    const { exitStatus, failure, output } = result;
    const isOk = failure === undefined;
    const isCut = result.writtenBytes > output.length;
    const how = isTimedOut ? "timed out" : this.#stopped ? "stopped" : "failed";
    journal.end(id, { result: isOk ? "ok" : how, took, failure, exitStatus, output, isCut });
    return { id, isOk };
  }

  #conclude(script: string, event: Told, result: RunResult): void {
    const { journal, log } = this.#options;
    const output = Buffer.from(result.output);
    this.#counters.runs += 1;
    const isCut = result.writtenBytes > output.length;
    if (isCut) {
      const { writtenBytes } = result;
      log.debug({ script, writtenBytes, kept: output.length }, "script output was cut to its end");
    }
    log.debug({}, `Event '${event.kind}' script output: ${journal.textOf(output, isCut)}`);
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

function addCounts(total: HandlerCounters, { counts, waiting }: HandlerLane): void {
  total.waiting += waiting;
  total.dropped += counts.dropped;
  total.expired += counts.expired;
  total.merged += counts.merged;
}
