import { OperatorError } from "../base/errors.js";
import type { Bytes, Instant } from "../base/units.js";
import type { RpcQuestion, StreamRecord } from "./api.js";
import { encodeBody } from "./bodies.js";
import type { RpcHost } from "./host.js";
import { Feed, type Outlet } from "./outlet.js";
import { logRecord, memberRecord, queryRecord, rpcErrors, userRecord } from "./protocol.js";
import { Questions } from "./questions.js";
import { packRecord } from "./records.js";

type Sequence = number | bigint;

interface Subscription {
  readonly feed: Feed;
  readonly unsubscribe: () => void;
}

/**
 * What one client follows: event streams by their Seq, one monitor, the queries it has asked, and
 * those it may answer.
 */
export class Subscriptions {
  readonly #outlet: Outlet;
  readonly #client: string;
  readonly #host: RpcHost;
  /** At most `limits.streams`. */
  readonly #streams = new Map<Sequence, Subscription>();
  #monitor: (Subscription & { readonly seq: Sequence }) | undefined;
  readonly #questions: Questions;
  /** Queries by the id that this client knows; at most `limits.pendingQueries`. */
  readonly #queries = new Map<number, { readonly id: number; readonly until: Instant }>();
  #lastQuery = 0;

  constructor(outlet: Outlet, client: string, host: RpcHost) {
    this.#outlet = outlet;
    this.#client = client;
    this.#host = host;
    this.#questions = new Questions(host, (seq) => this.#feed(seq));
  }

  /** Begins a stream. Call the result when the client has the answer: the records follow it. */
  stream(seq: Sequence, filter: string): () => void {
    if (this.#streams.has(seq)) throw new OperatorError(rpcErrors.streamExists);
    const limit = this.#host.limits.streams;
    if (this.#streams.size >= limit) {
      throw new OperatorError(`a connection can have ${limit} streams`);
    }
    const feed = this.#feed(seq);
    const unsubscribe = this.#host.api.subscribe(filter, (event) => {
      const now = performance.now();
      feed.push(() => packRecord(seq, this.#encodeEvent(event, now)));
    });
    this.#streams.set(seq, { feed, unsubscribe });
    return () => feed.open();
  }

  /** Begins the monitor, as {@link stream}. */
  monitor(seq: Sequence, level: string): () => void {
    if (this.#monitor !== undefined) throw new OperatorError(rpcErrors.monitorExists);
    const feed = this.#feed(seq);
    const unsubscribe = this.#host.api.monitor(level, (line) => {
      feed.push(() => packRecord(seq, encodeBody(logRecord, { Log: line })));
    });
    this.#monitor = { feed, unsubscribe, seq };
    return () => feed.open();
  }

  /** Begins a query, as {@link stream}. */
  query(seq: Sequence, question: RpcQuestion): () => void {
    return this.#questions.ask(seq, question);
  }

  /** Ends whatever began with `seq`, if anything. For queries that is more than Serf does. */
  stop(seq: Sequence): void {
    this.#questions.stop(seq);
    const stream = this.#streams.get(seq);
    this.#streams.delete(seq);
    if (stream !== undefined) end(stream);
    if (this.#monitor?.seq !== seq) return;
    end(this.#monitor);
    this.#monitor = undefined;
  }

  /** Answers the query that this client was told as `id`. */
  respond(id: number, payload: Bytes): void {
    const query = this.#queries.get(id);
    if (query === undefined || query.until < performance.now()) {
      this.#queries.delete(id);
      throw new OperatorError(rpcErrors.query);
    }
    this.#host.api.respond(query.id, payload);
  }

  close(): void {
    this.#questions.close();
    for (const stream of this.#streams.values()) end(stream);
    this.#streams.clear();
    if (this.#monitor !== undefined) end(this.#monitor);
    this.#monitor = undefined;
    this.#queries.clear();
  }

  #feed(seq: Sequence): Feed {
    return new Feed(this.#outlet, this.#host.limits.queuedRecords, (dropped, over) => {
      const facts = { client: this.#client, seq, dropped };
      if (over) this.#host.counters.droppedRecords += dropped;
      this.#host.log.warn(
        facts,
        over
          ? "rpc client was too slow, records dropped"
          : "rpc client is too slow, dropping records",
      );
    });
  }

  #encodeEvent(event: StreamRecord, since: Instant): object {
    switch (event.kind) {
      case "member":
        return encodeBody(memberRecord, { Event: event.event, Members: event.members });
      case "user":
        return encodeBody(userRecord, {
          Coalesce: event.coalesce,
          Event: "user",
          LTime: event.ltime,
          Name: event.name,
          Payload: event.payload,
        });
      case "query":
        return encodeBody(queryRecord, {
          Event: "query",
          ID: this.#noteQuery(event.id, since + event.expiresIn),
          LTime: event.ltime,
          Name: event.name,
          Payload: event.payload,
        });
    }
  }

  /** Gives the agent's query an id of this connection, counting from 1. */
  #noteQuery(id: number, until: Instant): number {
    for (const [oldest, query] of this.#queries) {
      const full = this.#queries.size >= this.#host.limits.pendingQueries;
      if (!full && query.until > performance.now()) break;
      this.#queries.delete(oldest);
    }
    this.#lastQuery += 1;
    this.#queries.set(this.#lastQuery, { id, until });
    return this.#lastQuery;
  }
}

function end(subscription: Subscription): void {
  subscription.unsubscribe();
  subscription.feed.close();
}
