import type { Millis } from "../../base/units.js";
import type { WallTime } from "../../observe/chronicle.js";
import { maxNamed } from "../../observe/deed.js";
import type { HandlerRun, RunCause, RunResult } from "../../observe/handler-run.js";
import type { Member, UserEvent } from "../../serf/events.js";

/** Names that are kept of one run; a run for more can be run again for the first ones only. */
export const maxNames = 1_024;

/** Names that are kept of a run that is told a list of members: that is long, and told often. */
export const maxListed = 64;

/** Members of a loss of which all is kept that a script is told; those beyond cannot be told again once forgotten. */
export const maxLost = 64;

/** A longer payload is not kept to be told again; Serf's own limit for user events is 512 bytes. */
export const maxPayloadBytes = 4_096;

/** What the journal knows of one run. */
export interface RunRecord {
  readonly id: number;
  readonly script: string;
  readonly filters: readonly string[];
  /** As {@link toldName} has it. */
  readonly event: string;
  /** At most {@link maxNames}. */
  readonly names: readonly string[];
  readonly count: number;
  readonly startedAt: WallTime;
  readonly attempt: number;
  readonly cause: RunCause;
  /** True if it is repeated when it fails. */
  readonly again: boolean;
  /** For `member-leave`, `member-failed` and `member-reap`: who is gone may be forgotten. At most {@link maxLost}. */
  readonly lost: readonly Member[];
  /** Kept in memory alone, for payloads are on no record. */
  readonly message?: UserEvent | undefined;
  /** Undefined while it runs. */
  readonly end?: RunEnd | undefined;
}

/** How a run ended. */
export interface RunEnd {
  readonly result: Exclude<RunResult, "running">;
  readonly took: Millis | null;
  readonly failure: string | null;
  readonly exitStatus: number | null;
  readonly output: string;
}

/** The end of a run whose agent ended without a word. */
export const interruptedEnd: RunEnd = {
  result: "interrupted",
  took: null,
  failure: "the agent ended while it ran",
  exitStatus: null,
  output: "",
};

/** As others are told of it. */
export function handlerRun(record: RunRecord): HandlerRun {
  const { attempt, cause, count, end, event, filters, id, script } = record;
  return {
    id,
    script,
    filters,
    event,
    nodes: record.names.slice(0, maxNamed),
    count,
    startedAt: new Date(record.startedAt).toISOString(),
    tookMillis: end?.took ?? null,
    attempt,
    cause,
    result: end?.result ?? "running",
    failure: end?.failure ?? null,
    exitStatus: end?.exitStatus ?? null,
    output: end?.output ?? "",
  };
}
