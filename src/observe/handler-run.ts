import type { Millis } from "../base/units.js";

/** Output of a run that is kept, from its end; of what was written before nothing is said. */
export const keptOutputBytes = 2_048;

/**
 * How a run ended: `ok` with exit status 0; `failed` otherwise; `timed out` because it took longer than
 * `handler_timeout`; `stopped` with the agent; `interrupted` because the agent ended without a word while
 * it ran, as a later one reads in the journal: nobody knows how far it came.
 */
export type RunResult = "running" | "ok" | "failed" | "timed out" | "stopped" | "interrupted";

/** Why a run was begun: for an event or a new list; because it had failed; by hand; after the agent had ended. */
export type RunCause = "event" | "retry" | "rerun" | "recovery";

/** One run of a handler on record. Neither payloads nor keys or tokens that the agent has are in it. */
export interface HandlerRun {
  /** Counts from 1; with a journal file it goes on where the agent before had ended. */
  readonly id: number;
  /** The command line as it was configured. */
  readonly script: string;
  /** All filters behind which the script stands, as in `member-join`, `user:deploy`, `*`, `state:role=web`. */
  readonly filters: readonly string[];
  /** `member-join`, `user:deploy`, `query:load`, `state`. */
  readonly event: string;
  /** Names of the members that it was told of; of more than `maxNamed` (deed.ts) the first. */
  readonly nodes: readonly string[];
  /** How many it was told of. */
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Null while it runs, and if it was interrupted. */
  readonly tookMillis: Millis | null;
  /** 1 for the first time that the script is told this. */
  readonly attempt: number;
  readonly cause: RunCause;
  readonly result: RunResult;
  /** One line: `exit status 3`, `signal: killed`. Null unless it failed. */
  readonly failure: string | null;
  /** Null if it did not exit by itself. */
  readonly exitStatus: number | null;
  /** What it wrote to stdout and stderr, at most the last {@link keptOutputBytes}. */
  readonly output: string;
}

/** One configured script and how it fares; a script behind several filters is there once. */
export interface HandlerState {
  readonly script: string;
  readonly filters: readonly string[];
  /** `state` handlers are told lists of members, the others events. */
  readonly kind: "event" | "state";
  /** True if a run that failed is repeated: always with `state`, otherwise with `retry:`. */
  readonly retries: boolean;
  /** The run that is under way. */
  readonly running: HandlerRun | null;
  /** Members and messages that wait for it, or for another of the same order; 0 or 1 with `state`. */
  readonly waiting: number;
  /** It failed and rests. */
  readonly resting: {
    /** Of the next run. */
    readonly attempt: number;
    /** ISO 8601, UTC. */
    readonly until: string;
  } | null;
  readonly counts: HandlerCounts;
  /** Of runs of this agent, that ended. */
  readonly times: RunTimes;
  readonly lastRun: HandlerRun | null;
  /** ISO 8601, UTC; null if that is not on record. */
  readonly lastSuccessAt: string | null;
  /** Null for those that do not hear of both joins and losses. */
  readonly seen: SeenMembers | null;
}

/** Since the agent's start. */
export interface HandlerCounts {
  readonly runs: number;
  /** Runs that did not end with `ok`. */
  readonly failures: number;
  readonly timeouts: number;
  /** Runs that repeated one that had failed. */
  readonly retries: number;
  /** Events that failed as often as they may be tried. */
  readonly givenUp: number;
}

/** For a histogram. */
export interface RunTimes {
  readonly sumMillis: Millis;
  /** Runs that took at most {@link runTimeBounds}[index] and more than the bound before; one more for the rest. */
  readonly buckets: readonly number[];
}

/** Upper bounds of {@link RunTimes}, in milliseconds. */
export const runTimeBounds: readonly Millis[] = [
  10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
];

/** What a handler of member events knows, if it did with success what it was told. */
export interface SeenMembers {
  /** Members that it was told have joined, and not that they are gone. */
  readonly present: number;
  /** Of these members some that are not alive, though nothing waits for it. At most `maxNamed`. */
  readonly gone: readonly string[];
  /** Members that are alive and of which it does not know, though nothing waits. At most `maxNamed`. */
  readonly unknown: readonly string[];
}

/** What running something again came to. */
export interface Rerun {
  readonly script: string;
  readonly event: string;
  /** That it is told of; at most `maxNamed`. */
  readonly nodes: readonly string[];
  readonly count: number;
  /** Members of the old run that are left out, because what it was told of them holds no more. At most `maxNamed`. */
  readonly leftOut: readonly string[];
  /** The new run when it had ended; null if it had not in the time that was given. */
  readonly run: HandlerRun | null;
}
