import { OperatorError } from "../../base/errors.js";
import type { Instant, Millis } from "../../base/units.js";
import { maxNamed } from "../../observe/deed.js";
import type { HandlerState, Rerun, RunResult } from "../../observe/handler-run.js";
import type { Topics } from "../../observe/topics.js";
import type { Member } from "../../serf/events.js";
import type { EventHub } from "../event-hub.js";
import type { TopicAnswers } from "../topic-answers.js";
import { within } from "../within.js";
import type { ConfiguredScript } from "./configured-scripts.js";
import type { HandlerJournal } from "./handler-journal.js";
import { onceMore } from "./once-more.js";
import { handlerRun, type RunRecord } from "./run-record.js";

export interface HandlerTopicsParts {
  readonly hub: EventHub;
  readonly now: () => Instant;
  readonly wallClock: () => number;
  /** All members, sorted by name; undefined while they are not all there is. */
  readonly members: () => readonly Member[] | undefined;
}

/** How long an answer may wait for the end of a run. */
const longestWait: Millis = 60_000;

/** Answers what an agent's clients ask about its handlers; see {@link Topics}. */
export class HandlerTopics {
  readonly #parts: HandlerTopicsParts;
  readonly #journal: HandlerJournal;

  constructor(parts: HandlerTopicsParts) {
    this.#parts = parts;
    this.#journal = parts.hub.journal;
  }

  answerIn(topics: TopicAnswers): void {
    topics.on("handlers", () => ({ handlers: this.states(), journal: this.#journal.path }));
    topics.on("handlers-log", (ask) => ({ runs: this.#chosen(ask).map(handlerRun) }));
    topics.on("handlers-rerun", (ask) => this.#rerun(ask));
  }

  /** In the order of the configuration. */
  states(): readonly HandlerState[] {
    return this.#parts.hub.scripts().map((script) => this.#stateOf(script));
  }

  #stateOf(configured: ConfiguredScript): HandlerState {
    const { hub, members, now, wallClock } = this.#parts;
    const { filters, hearsAll, kind, retries, script } = configured;
    const journal = this.#journal;
    const name = journal.nameOf(script);
    const { resting, waiting } = hub.conditionOf(configured);
    const isOfThis = (run: RunRecord): boolean =>
      run.script === name && (run.event === "state") === (kind === "state");
    const running = journal.last((run) => isOfThis(run) && run.end === undefined);
    const last = journal.last((run) => isOfThis(run) && run.end !== undefined);
    const success = journal.lastSuccess(configured);
    const isQuiet = waiting === 0 && running === undefined && resting === undefined;
    return {
      script: name,
      filters,
      kind,
      retries,
      running: running === undefined ? null : handlerRun(running),
      waiting,
      resting:
        resting === undefined
          ? null
          : { attempt: resting.attempt, until: iso(wallClock() + resting.until - now()) },
      counts: journal.counts(configured),
      times: journal.times(configured),
      lastRun: last === undefined ? null : handlerRun(last),
      lastSuccessAt: success === undefined ? null : iso(success),
      seen: hearsAll && kind === "event" ? journal.seen(script, members(), isQuiet) : null,
    };
  }

  #chosen(ask: Partial<Topics["handlers-log"]["ask"]>): readonly RunRecord[] {
    const { id, limit = Number.POSITIVE_INFINITY, node, results, script } = ask;
    const { within: age = Number.POSITIVE_INFINITY } = ask;
    refuseUnless(id === undefined || typeof id === "number", "id is no number");
    refuseUnless(typeof limit === "number" && limit >= 0, "limit is no number");
    refuseUnless(typeof age === "number", "within is no number of milliseconds");
    refuseUnless(node === undefined || typeof node === "string", "node is no name");
    refuseUnless(script === undefined || typeof script === "string", "script is no text");
    refuseUnless(results === undefined || Array.isArray(results), "results is no list");
    const since = this.#parts.wallClock() - age;
    const wanted = results === undefined ? undefined : new Set<RunResult>(results);
    const chosen = this.#journal
      .runs()
      .filter(
        (run) =>
          (id === undefined || run.id === id) &&
          (script === undefined || this.#isOf(run, script)) &&
          (node === undefined || run.names.includes(node)) &&
          (wanted === undefined || wanted.has(run.end?.result ?? "running")) &&
          run.startedAt >= since,
      );
    return chosen.slice(Math.max(0, chosen.length - limit));
  }

  async #rerun(ask: Partial<Topics["handlers-rerun"]["ask"]>): Promise<Rerun> {
    const { wait = 0 } = ask;
    refuseUnless(typeof wait === "number" && wait >= 0, "wait is no number of milliseconds");
    const record = this.#meant(ask);
    const { hub } = this.#parts;
    const { kind, script } = this.#configured(record);
    if (kind === "state") {
      return await this.#after(wait, hub.repeatState(script), {
        script: record.script,
        event: record.event,
        nodes: [],
        count: 0,
        leftOut: [],
      });
    }
    const again = onceMore(record, this.#parts.members() ?? []);
    if ("refusal" in again) {
      throw new OperatorError(`run ${record.id} cannot be run again: ${again.refusal}`);
    }
    const { event, leftOut } = again;
    const names = "members" in event ? event.members.map(({ name }) => name) : [];
    const run = hub.repeat({ script, event, cause: "rerun", of: record.id });
    return await this.#after(wait, run, {
      script: record.script,
      event: record.event,
      nodes: names.slice(0, maxNamed),
      count: names.length,
      leftOut: leftOut.slice(0, maxNamed),
    });
  }

  #meant({ id, script }: Partial<Topics["handlers-rerun"]["ask"]>): RunRecord {
    const journal = this.#journal;
    if (id !== undefined) {
      refuseUnless(typeof id === "number", "id is no number");
      const run = journal.run(id);
      if (run === undefined) throw new OperatorError(`there is no run ${id} on record`);
      return run;
    }
    const ofConfigured = (run: RunRecord): boolean =>
      this.#parts.hub.scripts().some((one) => this.#runs(one, run));
    const failed = (run: RunRecord): boolean =>
      run.end !== undefined && run.end.result !== "ok" && ofConfigured(run);
    if (script === undefined) {
      const run = journal.last(failed);
      if (run === undefined) throw new OperatorError("no run on record has failed");
      return run;
    }
    refuseUnless(typeof script === "string", "script is no text");
    const isOf = (run: RunRecord): boolean => this.#isOf(run, script);
    const run =
      journal.last((one) => isOf(one) && failed(one)) ??
      journal.last((one) => isOf(one) && one.end !== undefined);
    if (run === undefined) throw new OperatorError(`no run of '${script}' is on record`);
    return run;
  }

  #configured(record: RunRecord): ConfiguredScript {
    const configured = this.#parts.hub.scripts().find((one) => this.#runs(one, record));
    if (configured !== undefined) return configured;
    throw new OperatorError(`'${record.script}' is no handler of this agent any more`);
  }

  #runs({ kind, script }: ConfiguredScript, run: RunRecord): boolean {
    return (
      this.#journal.nameOf(script) === run.script && (kind === "state") === (run.event === "state")
    );
  }

  #isOf(run: RunRecord, script: string): boolean {
    return run.script === script || run.script === this.#journal.nameOf(script);
  }

  /** A run that could not be begun rejects at once; one that takes its time is not waited for. */
  async #after(
    wait: Millis,
    run: Promise<number | undefined>,
    about: Omit<Rerun, "run">,
  ): Promise<Rerun> {
    const ended = await within(Math.min(wait, longestWait), run);
    const id = ended ? await run : undefined;
    const record = id === undefined ? undefined : this.#journal.run(id);
    return { ...about, run: record === undefined ? null : handlerRun(record) };
  }
}

function refuseUnless(isRight: boolean, fault: string): void {
  if (!isRight) throw new OperatorError(fault);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
