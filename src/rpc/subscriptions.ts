import { OperatorError } from "../base/errors.js";
import type { Bytes, Instant } from "../base/units.js";
import type { StreamRecord } from "./api.js";
import { encodeBody } from "./bodies.js";
import { packValues } from "./framing.js";
import type { RpcHost } from "./host.js";
import { Feed, type Outlet } from "./outlet.js";
import {
  logRecord,
  memberRecord,
  queryRecord,
  responseHeader,
  rpcErrors,
  userRecord,
} from "./protocol.js";

type Sequence = number | bigint;

interface Subscription {
  readonly feed: Feed;
  readonly unsubscribe: () => void;
}

/** What one client follows: event streams by their Seq, one monitor, and queries it may answer. */
export class Subscriptions {
  readonly #outlet: Outlet;
  readonly #client: string;
  readonly #host: RpcHost;
  /** At most `limits.streams`. */
  readonly #streams = new Map<Sequence, Subscription>();
  #monitor: (Subscription & { readonly seq: Sequence }) | undefined;
  /** Queries by the id that this client knows; at most `limits.pendingQueries`. */
  readonly #queries = new Map<number, { readonly id: number; readonly until: Instant }>();
  #lastQuery = 0;

  constructor(outlet: Outlet, client: string, host: RpcHost) {
    this.#outlet = outlet;
    this.#client = client;
    this.#host = host;
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
      feed.push(() => frame(seq, this.#encodeEvent(event, now)));
    });
    this.#streams.set(seq, { feed, unsubscribe });
    return () => feed.open();
  }

  /** Begins the monitor, as {@link stream}. */
  monitor(seq: Sequence, level: string): () => void {
    if (this.#monitor !== undefined) throw new OperatorError(rpcErrors.monitorExists);
    const feed = this.#feed(seq);
    const unsubscribe = this.#host.api.monitor(level, (line) => {
      feed.push(() => frame(seq, encodeBody(logRecord, { Log: line })));
    });
    this.#monitor = { feed, unsubscribe, seq };
    return () => feed.open();
  }

  /** Ends the stream and the monitor that began with `seq`, if there are any. */
  stop(seq: Sequence): void {
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

/** A record as it follows the header of its subscription. */
function frame(seq: Sequence, record: object): Uint8Array {
  return packValues(encodeBody(responseHeader, { Error: "", Seq: seq }), record);
}
