import type { Log } from "../../base/log.js";
import type { Bytes, Instant, Millis } from "../../base/units.js";
import type { WallTime } from "../../observe/chronicle.js";
import { type HandlerRan, maxNamed } from "../../observe/deed.js";
import {
  type HandlerCounts,
  keptOutputBytes,
  type RunCause,
  type RunTimes,
  runTimeBounds,
  type SeenMembers,
} from "../../observe/handler-run.js";
import type { Member } from "../../serf/events.js";
import { JournalFile, readJournal } from "./journal-file.js";
import type { JournalLine } from "./journal-lines.js";
import {
  interruptedEnd,
  maxListed,
  maxLost,
  maxNames,
  maxPayloadBytes,
  type RunEnd,
  type RunRecord,
} from "./run-record.js";
import { RunShelf } from "./run-shelf.js";
import { SecretMask } from "./secret-mask.js";
import { SeenBook } from "./seen-members.js";
import { isLoss, isMemberEvent, type Told, toldName } from "./told.js";

export interface JournalParts {
  /** Of the component `agent`. */
  readonly log: Log;
  readonly now: () => Instant;
  readonly wallClock: () => WallTime;
  /** Where it is kept; undefined: in memory alone. */
  readonly path?: string | undefined;
  /** The agent's keys and tokens, as they are when asked. */
  readonly secrets?: () => readonly string[];
  /** Hears of each run that ended. */
  readonly note?: (deed: HandlerRan) => void;
}

/** How a run came to be. */
export interface RunOrigin {
  readonly attempt: number;
  readonly cause: RunCause;
  /** True if it is repeated when it fails. */
  readonly again: boolean;
}

/** What came of a script. */
export interface RunOutcome {
  readonly result: "ok" | "failed" | "timed out" | "stopped";
  readonly took: Millis;
  readonly failure: string | undefined;
  readonly exitStatus: number | null;
  /** The end of what it wrote. */
  readonly output: Uint8Array;
  /** True if it wrote more. */
  readonly isCut: boolean;
}

/** A script that is told events and lists of members is two handlers, each with runs of its own. */
export interface HandlerName {
  readonly script: string;
  readonly kind: "event" | "state";
}

/** One script as it is configured. */
export interface JournalledHandler extends HandlerName {
  readonly filters: readonly string[];
  /** It hears of joins, leaves and failures. */
  readonly hearsAll: boolean;
}

interface Tally {
  counts: HandlerCounts;
  times: RunTimes;
  lastSuccess: WallTime | undefined;
}

/** Every run of a handler on record, and what each handler has been told with success. */
export class HandlerJournal {
  readonly #parts: JournalParts;
  readonly #mask: SecretMask;
  readonly #shelf = new RunShelf();
  readonly #seen = new SeenBook();
  /** By {@link keyOf}. Only of those that are configured. */
  readonly #tallies = new Map<string, Tally>();
  /** By {@link keyOf}. */
  #filters: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #file: JournalFile | undefined;
  #nextId = 1;
  #unfinished: readonly RunRecord[] = [];

  /** Reads the file, if there is one. Throws OperatorError if it cannot be read and written. */
  constructor(parts: JournalParts) {
    const { log, now, path, secrets = () => [] } = parts;
    this.#parts = parts;
    this.#mask = new SecretMask(secrets);
    if (path === undefined) return;
    this.#replay(readJournal(path));
    this.#file = new JournalFile({ path, log, now, lines: () => this.#lines() });
    this.#file.open();
  }

  /** Null if it is kept in memory alone. */
  get path(): string | null {
    return this.#parts.path ?? null;
  }

  /** Oldest first. */
  runs(): readonly RunRecord[] {
    return this.#shelf.all();
  }

  run(id: number): RunRecord | undefined {
    return this.#shelf.get(id);
  }

  /** The last run that `isMeant`. */
  last(isMeant: (record: RunRecord) => boolean): RunRecord | undefined {
    return this.#shelf.last(isMeant);
  }

  /** How a script is called on record: without the agent's secrets, if there are any in it. */
  nameOf(script: string): string {
    return this.#mask.apply(script);
  }

  /** What a script wrote, without the agent's secrets; `isCut`: there was more before. */
  textOf(output: Bytes, isCut: boolean): string {
    return this.#mask.apply(Buffer.from(output).toString("utf8"), isCut);
  }

  /**
   * Runs that an earlier agent left undone, oldest first, one for each script at most: they had no end, or were to be
   * repeated. Given once.
   */
  takeUnfinished(): readonly RunRecord[] {
    const unfinished = this.#unfinished;
    this.#unfinished = [];
    return unfinished;
  }

  /** Replaces the handlers of which is told. */
  setHandlers(handlers: readonly JournalledHandler[]): void {
    const named = handlers.map((one) => ({ ...one, script: this.nameOf(one.script) }));
    this.#filters = new Map(named.map((one) => [keyOf(one), one.filters]));
    this.#seen.watch(named.flatMap(({ hearsAll, script }) => (hearsAll ? [script] : [])));
    for (const key of this.#tallies.keys()) {
      if (!this.#filters.has(key)) this.#tallies.delete(key);
    }
  }

  /** A script is about to run. Returns the id of the run. */
  begin(script: string, told: Told, { again, attempt, cause }: RunOrigin): number {
    const name = this.nameOf(script);
    const members = "members" in told ? told.members : [];
    // Of a list nobody needs all: it is told anew each time.
    const named = told.kind === "state" ? members.slice(0, maxListed) : members;
    const event = toldName(told);
    const record: RunRecord = {
      id: this.#nextId++,
      script: name,
      filters: this.#filters.get(keyOf({ script: name, kind: kindOf(event) })) ?? [],
      event,
      names: named.map((member) => member.name),
      count: members.length,
      startedAt: this.#parts.wallClock(),
      attempt,
      cause,
      again,
      lost: isMemberEvent(told) && isLoss(event) ? told.members.slice(0, maxLost) : [],
      message: told.kind === "user" && told.payload.length <= maxPayloadBytes ? told : undefined,
    };
    this.#shelf.put(record);
    this.#file?.append(begunLine(record));
    return record.id;
  }

  /** A run has ended. */
  end(id: number, outcome: RunOutcome): void {
    const record = this.#shelf.get(id);
    if (record === undefined) return;
    const { exitStatus, failure, result, took } = outcome;
    const end: RunEnd = {
      result,
      took: Math.round(took),
      failure: failure === undefined ? null : failure,
      exitStatus,
      output: this.#keptOutput(outcome),
    };
    if (result === "ok") this.#seen.note(record.script, record.event, record.names);
    this.#shelf.put({ ...record, names: record.names.slice(0, maxNames), end });
    this.#file?.append({ kind: "ended", id, end });
    this.#count(record, outcome);
    this.#tell(record, end);
  }

  /** An event failed as often as it may be tried. */
  giveUp(script: string): void {
    const tally = this.#tallyOf({ script, kind: "event" });
    tally.counts = { ...tally.counts, givenUp: tally.counts.givenUp + 1 };
  }

  counts(handler: HandlerName): HandlerCounts {
    return this.#tallyOf(handler).counts;
  }

  times(handler: HandlerName): RunTimes {
    return this.#tallyOf(handler).times;
  }

  /** Undefined if that is not on record. */
  lastSuccess(handler: HandlerName): WallTime | undefined {
    const known = this.#tallyOf(handler).lastSuccess;
    if (known !== undefined) return known;
    const key = keyOf({ ...handler, script: this.nameOf(handler.script) });
    return this.last((run) => run.end?.result === "ok" && keyOfRun(run) === key)?.startedAt;
  }

  /** See {@link SeenBook.report}. */
  seen(
    script: string,
    members: readonly Member[] | undefined,
    isQuiet: boolean,
  ): SeenMembers | null {
    return this.#seen.report(this.nameOf(script), members, isQuiet);
  }

  close(): void {
    this.#file?.close();
  }

  #keptOutput({ isCut, output }: RunOutcome): string {
    const text = Buffer.from(this.textOf(output, isCut));
    // Cut at the end of a character: one that lost its beginning would be an odd sign.
    let start = Math.max(0, text.length - keptOutputBytes);
    while (start > 0 && start < text.length && ((text[start] as number) & 0xc0) === 0x80)
      start += 1;
    return text.subarray(start).toString("utf8");
  }

  #count({ cause, event, script }: RunRecord, { result, took }: RunOutcome): void {
    const tally = this.#tallyOf({ script, kind: kindOf(event) });
    const { failures, givenUp, retries, runs, timeouts } = tally.counts;
    tally.counts = {
      runs: runs + 1,
      failures: failures + (result === "ok" ? 0 : 1),
      timeouts: timeouts + (result === "timed out" ? 1 : 0),
      retries: retries + (cause === "retry" ? 1 : 0),
      givenUp,
    };
    const bucket = runTimeBounds.findIndex((bound) => took <= bound);
    const index = bucket < 0 ? runTimeBounds.length : bucket;
    tally.times = {
      sumMillis: tally.times.sumMillis + took,
      buckets: tally.times.buckets.map((count, at) => (at === index ? count + 1 : count)),
    };
    if (result === "ok") tally.lastSuccess = this.#parts.wallClock();
  }

  #tell({ count, event, id, names, script }: RunRecord, { failure, took }: RunEnd): void {
    this.#parts.note?.({
      kind: "handler",
      run: id,
      script,
      event,
      nodes: names.slice(0, maxNamed),
      count,
      took: took ?? 0,
      failure: failure ?? undefined,
    });
  }

  #tallyOf({ kind, script }: HandlerName): Tally {
    const key = keyOf({ kind, script: this.nameOf(script) });
    const known = this.#tallies.get(key);
    if (known !== undefined) return known;
    const tally: Tally = { counts: noCounts, times: noTimes, lastSuccess: undefined };
    this.#tallies.set(key, tally);
    return tally;
  }

  #replay(lines: readonly JournalLine[]): void {
    for (const line of lines) {
      switch (line.kind) {
        case "head":
          this.#nextId = Math.max(this.#nextId, line.nextId);
          break;
        case "begun":
          this.#shelf.put(line.run);
          this.#nextId = Math.max(this.#nextId, line.run.id + 1);
          break;
        case "ended":
          this.#replayEnd(line.id, line.end);
          break;
        case "seen":
          this.#seen.restore(line.script, line.present);
      }
    }
    for (const record of this.#shelf.all()) {
      if (record.end === undefined) this.#shelf.put({ ...record, end: interruptedEnd });
    }
    const lastOf = new Map(this.#shelf.all().map((record) => [keyOfRun(record), record]));
    this.#unfinished = [...lastOf.values()]
      .filter(isUnfinished)
      .sort((one, other) => one.id - other.id);
  }

  #replayEnd(id: number, end: RunEnd): void {
    const record = this.#shelf.get(id);
    if (record === undefined) return;
    if (end.result === "ok") this.#seen.replay(record.script, record.event, record.names);
    this.#shelf.put({ ...record, names: record.names.slice(0, maxNames), end });
  }

  *#lines(): Iterable<JournalLine> {
    yield { kind: "head", nextId: this.#nextId };
    for (const [script, present] of this.#seen.entries()) {
      yield { kind: "seen", script, present: [...present] };
    }
    for (const record of this.#shelf.all()) {
      yield begunLine(record);
      if (record.end !== undefined) yield { kind: "ended", id: record.id, end: record.end };
    }
  }
}

/** `script`: as {@link HandlerJournal.nameOf} has it. */
function keyOf({ kind, script }: HandlerName): string {
  return `${kind} ${script}`;
}

function keyOfRun({ event, script }: RunRecord): string {
  return keyOf({ script, kind: kindOf(event) });
}

function kindOf(event: string): HandlerName["kind"] {
  return event === "state" ? "state" : "event";
}

const noCounts: HandlerCounts = { runs: 0, failures: 0, timeouts: 0, retries: 0, givenUp: 0 };
const noTimes: RunTimes = { sumMillis: 0, buckets: [...runTimeBounds, 0].map(() => 0) };

function begunLine({ end: _end, message: _message, ...run }: RunRecord): JournalLine {
  return { kind: "begun", run };
}

function isUnfinished({ again, cause, end }: RunRecord): boolean {
  if (cause === "rerun") return false;
  const result = end?.result;
  if (result === "interrupted" || result === "stopped") return true;
  return again && result !== "ok";
}
