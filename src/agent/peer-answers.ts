import type { Bytes } from "../base/units.js";

/** What an agent says to another; undefined: nothing. */
export type PeerAnswer = (
  payload: Bytes,
  from: string,
) => Bytes | undefined | Promise<Bytes | undefined>;

/**
 * The queries that our agents ask each other and answer themselves, by name. All these names begin with
 * `gossipd-`; Serf's agents leave them to handlers.
 */
export class PeerAnswers {
  readonly #answers = new Map<string, PeerAnswer>();

  /** `answer` gets what anybody in the cluster may have sent. */
  on(name: string, answer: PeerAnswer): void {
    this.#answers.set(name, answer);
  }

  of(name: string): PeerAnswer | undefined {
    return this.#answers.get(name);
  }
}
