import type { ApplicationState } from "./application.js";
import type { Entry } from "./chronicle.js";
import type { HandlerRun, HandlerState, Rerun, RunResult } from "./handler-run.js";
import type { MemberInfo, SelfInfo } from "./member-info.js";
import type { Reach } from "./reach.js";
import type { Setup } from "./setup.js";
import type { DigestAnswer } from "./view/view-exchange.js";

/**
 * What an agent of ours can be asked beyond Serf's commands, by its own commands (RPC command `ask`) and
 * over HTTP: for each topic what is asked and what is answered, both as JSON can carry them.
 */
export interface Topics {
  /** The application that the agent runs. */
  readonly application: {
    readonly ask: Record<never, never>;
    /** null: it runs none. */
    readonly answer: { readonly application: ApplicationState | null };
  };
  /** What is kept of the past, oldest first. */
  readonly chronicle: {
    readonly ask: {
      /** Only what is about this member, or happened to all; undefined: everything. */
      readonly node?: string;
      /** Milliseconds before now. */
      readonly within?: number;
    };
    readonly answer: { readonly entries: readonly Entry[] };
  };
  /** How each handler fares, in the order of the configuration. */
  readonly handlers: {
    readonly ask: Record<never, never>;
    readonly answer: {
      readonly handlers: readonly HandlerState[];
      /** The journal's file; null if runs are remembered only until the agent ends. */
      readonly journal: string | null;
    };
  };
  /** The runs on record that are meant, oldest first. */
  readonly "handlers-log": {
    readonly ask: {
      readonly id?: number;
      readonly script?: string;
      /** Member that they were told of; of many at once not all names are kept. */
      readonly node?: string;
      readonly results?: readonly RunResult[];
      /** Begun so many milliseconds before now, at most. */
      readonly within?: number;
      /** The last so many of those. */
      readonly limit?: number;
    };
    readonly answer: { readonly runs: readonly HandlerRun[] };
  };
  /**
   * Runs a handler again for what it was run for, with the members as they are now: the run `id`, or
   * the last of `script` that failed, or its last; without both the last that failed at all.
   */
  readonly "handlers-rerun": {
    readonly ask: {
      readonly id?: number;
      readonly script?: string;
      /** How long the answer may wait for the end of the run, in milliseconds; 0 by default. */
      readonly wait?: number;
    };
    readonly answer: Rerun;
  };
  /** All that are remembered, sorted by name. */
  readonly members: {
    /** Regular expressions, as `members -name`, `-status` and `-tag` have them; undefined: all. */
    readonly ask: {
      readonly name?: string;
      readonly status?: string;
      readonly tags?: Readonly<Record<string, string>>;
    };
    readonly answer: { readonly members: readonly MemberInfo[] };
  };
  readonly self: {
    readonly ask: Record<never, never>;
    readonly answer: SelfInfo;
  };
  /** How the agent was set up. */
  readonly setup: { readonly ask: Record<never, never>; readonly answer: Setup };
  /** How the agent itself reaches a member just now. */
  readonly reach: {
    readonly ask: { readonly node: string };
    /** null: it knows no such member. */
    readonly answer: { readonly reach: Reach | null };
  };
  /** What the agent sees, in short: equal to that of all who see the same. */
  readonly view: { readonly ask: object; readonly answer: DigestAnswer };
}

export type TopicName = keyof Topics;
