import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes, Instant } from "../base/units.js";
import { DecodeError } from "../wire/errors.js";
import { decodeSerfMessage } from "../wire/serf-messages.js";
import { encodeText } from "../wire/text.js";
import type { Opinion } from "./name-vote.js";
import { plainQuestion, type Queries, type RunningQuery } from "./queries.js";

/** What {@link NamePoll} works with. */
export interface NamePollParts {
  readonly self: string;
  readonly log: Log;
  readonly queries: Queries;
}

/** Asks all members where they believe us to be. Who bears our name itself does not answer. */
export class NamePoll {
  readonly #parts: NamePollParts;

  constructor(parts: NamePollParts) {
    this.#parts = parts;
  }

  /**
   * `done` is called once: at the deadline of a query, or when `each`, which sees every answer and how
   * many have come, ended it.
   */
  start(
    now: Instant,
    done: (now: Instant, opinions: readonly Opinion[]) => void,
    each: (now: Instant, opinion: Opinion, running: RunningQuery, count: number) => void = () => {},
  ): void {
    const { log, queries, self } = this.#parts;
    /** One for each member that may answer; {@link Queries} sees to that. */
    const opinions: Opinion[] = [];
    const question = plainQuestion("_serf_conflict", encodeText(self));
    try {
      const running = queries.start(now, question, {
        handleAck: () => {},
        handleResponse: (then, from, payload) => {
          const opinion = this.#decode(from, payload);
          if (opinion === undefined) return;
          opinions.push(opinion);
          each(then, opinion, running, opinions.length);
        },
        handleDone: (then) => done(then, opinions),
      });
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      log.error({ reason: thrown.message }, "members cannot be asked where they hold us");
      done(now, []);
    }
  }

  #decode(from: string, payload: Bytes): Opinion | undefined {
    const { log } = this.#parts;
    try {
      const answer = decodeSerfMessage(payload);
      if (answer.kind !== "conflict-response") return undefined;
      const { member } = answer;
      return { from, address: member && { ip: member.ip, port: member.port } };
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      log.error({ from, reason: thrown.message }, "undecodable answer to a conflict query");
      return undefined;
    }
  }
}
