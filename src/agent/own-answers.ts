import { OperatorError, reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import type { QueryEvent } from "../serf/events.js";
import { encodeText } from "../wire/text.js";
import type { PeerAnswer, PeerAnswers } from "./peer-answers.js";
import { parseStateOrder, stateChange, stateFault } from "./state-order.js";
import type { TagKeeper } from "./tag-keeper.js";

export interface OwnAnswersParts {
  /** Of the component `agent`. */
  readonly log: Log;
  /** Our own name. */
  readonly self: string;
  readonly tags: Pick<TagKeeper, "change">;
  /** Answers a query. Throws OperatorError if that is not possible (any more). */
  readonly respond: (id: number, payload: Bytes) => void;
  readonly peers: PeerAnswers;
  /** The answer of our balancers to a query; undefined if it is not for them. */
  readonly askBalancers: (name: string, payload: Bytes) => string | undefined;
}

/**
 * Queries that the agent answers itself: what members and balancers ask each other. Handlers and streams
 * are not told of them, since only one of us could answer.
 */
export class OwnAnswers {
  readonly #parts: OwnAnswersParts;

  constructor(parts: OwnAnswersParts) {
    this.#parts = parts;
  }

  /** True if the query was for us. */
  take(query: QueryEvent): boolean {
    const { askBalancers, log, peers } = this.#parts;
    const ofPeer = peers.of(query.name);
    if (ofPeer !== undefined) {
      void this.#answerPeer(query, ofPeer);
      return true;
    }
    if (!query.name.startsWith("lb-")) return false;
    if (query.name === "lb-state") return this.#takeState(query);
    const answer = askBalancers(query.name, query.payload);
    if (answer === undefined) return false;
    log.debug({ query: query.name, from: query.from }, "answered a query about load balancing");
    this.#respond(query, encodeText(answer));
    return true;
  }

  async #answerPeer(query: QueryEvent, answer: PeerAnswer): Promise<void> {
    const { log } = this.#parts;
    try {
      const payload = await answer(query.payload, query.from);
      if (payload === undefined) return;
      log.debug({ query: query.name, from: query.from }, "answered another agent");
      this.#respond(query, payload);
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) {
        // Anybody in the cluster may ask: no question is worth the agent.
        log.error(
          { query: query.name, from: query.from, reason: reasonOf(thrown) },
          "query could not be answered",
        );
        return;
      }
      this.#respond(query, encodeText(`error: ${thrown.message}\n`));
    }
  }

  /** Somebody else wants us to be out of the balancers, or in them again. */
  #takeState(query: QueryEvent): boolean {
    const { log, self } = this.#parts;
    const order = parseStateOrder(query.payload);
    if (order?.node !== self) return false;
    const { state } = order;
    const fault = stateFault(state);
    if (fault !== undefined) {
      this.#respond(query, encodeText(`error: ${fault}\n`));
      return true;
    }
    log.info({ state, from: query.from }, "state set by another member");
    void this.#setState(query, state);
    return true;
  }

  async #setState(query: QueryEvent, state: string): Promise<void> {
    const { set, remove } = stateChange(state);
    try {
      await this.#parts.tags.change(set, remove);
      this.#respond(query, encodeText(`${state}\n`));
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#respond(query, encodeText(`error: ${thrown.message}\n`));
    }
  }

  #respond({ id, name }: QueryEvent, payload: Bytes): void {
    try {
      this.#parts.respond(id, payload);
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#parts.log.debug({ query: name, reason: thrown.message }, "query was not answered");
    }
  }
}
