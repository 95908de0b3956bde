import type { Entry } from "./chronicle.js";

/**
 * What an agent of ours can be asked beyond Serf's commands, by its own commands (RPC command `ask`) and
 * over HTTP: for each topic what is asked and what is answered, both as JSON can carry them.
 */
export interface Topics {
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
}

export type TopicName = keyof Topics;
