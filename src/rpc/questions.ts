import { OperatorError } from "../base/errors.js";
import { type Millis, nanosPerMilli } from "../base/units.js";
import type { RpcQuestion, Unsubscribe } from "./api.js";
import type { RpcHost } from "./host.js";
import type { Feed } from "./outlet.js";
import { longestQuery, type RequestBody } from "./protocol.js";
import { encodeAnswer, packRecord } from "./records.js";

const shortestQuery: Millis = 1;
/** The field is of one byte. */
const maxRelays = 255;

type Sequence = number | bigint;

interface Running {
  readonly seq: Sequence;
  readonly end: Unsubscribe;
}

/** The queries that one client has asked and that are not over. */
export class Questions {
  readonly #host: RpcHost;
  readonly #newFeed: (seq: Sequence) => Feed;
  /** At most `limits.runningQueries`. */
  readonly #running = new Map<Feed, Running>();

  constructor(host: RpcHost, newFeed: (seq: Sequence) => Feed) {
    this.#host = host;
    this.#newFeed = newFeed;
  }

  /** Begins a query. Call the result when the client has the answer: the records follow it. */
  ask(seq: Sequence, question: RpcQuestion): () => void {
    const { api, limits } = this.#host;
    if (this.#running.size >= limits.runningQueries) {
      throw new OperatorError(`a connection can have ${limits.runningQueries} queries at a time`);
    }
    const feed = this.#newFeed(seq);
    let over = false;
    const end = api.query(question, (record) => {
      const encode = (): Uint8Array => packRecord(seq, encodeAnswer(record));
      if (record.kind !== "done") {
        feed.push(encode);
        return;
      }
      over = true;
      this.#running.delete(feed);
      feed.conclude(encode);
    });
    if (!over) this.#running.set(feed, { seq, end });
    return () => feed.open();
  }

  /** Ends the queries that were asked as `seq`; the client gets their last record now. */
  stop(seq: Sequence): void {
    for (const running of [...this.#running.values()]) {
      if (running.seq === seq) running.end();
    }
  }

  /** The client is gone, or told to go: it must not take what it has for all that there is. */
  close(): void {
    const running = [...this.#running];
    this.#running.clear();
    for (const [feed, { end }] of running) {
      feed.close();
      end();
    }
  }
}

/** What the body of a query asks. Throws OperatorError. */
export function readQuestion(body: RequestBody<"query">): RpcQuestion {
  const { RelayFactor: relayFactor, Timeout: nanos } = body;
  if (relayFactor < 0 || relayFactor > maxRelays) {
    throw new OperatorError(`Relay factor must be between 0 and ${maxRelays}`);
  }
  return {
    name: body.Name,
    payload: body.Payload,
    filterNodes: body.FilterNodes,
    filterTags: body.FilterTags,
    requestAck: body.RequestAck,
    relayFactor,
    // Serf ends a query whose time is negative at once.
    timeout: nanos === 0 ? undefined : clamp(nanos / nanosPerMilli, shortestQuery, longestQuery),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
