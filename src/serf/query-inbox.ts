import type { Address } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import type { Bytes, Instant } from "../base/units.js";
import { encodeSerfMessage, type LamportTime, type QueryMessage } from "../wire/serf-messages.js";
import type { SerfConfig } from "./config.js";
import type { ConflictLook } from "./conflict-look.js";
import type { SerfCounters } from "./counters.js";
import type { QueryEvent } from "./events.js";
import { answerInternalQuery, isConflictQuery, isInternal } from "./internal-queries.js";
import type { KeyAnswers } from "./key-answers.js";
import type { LamportClock } from "./lamport.js";
import type { Membership } from "./membership.js";
import type { QueryFilters } from "./query-filter.js";
import { flagAck, flagNoBroadcast } from "./query-flags.js";
import type { QueryOrigin, QueryReplies } from "./query-replies.js";
import { RecentTimes } from "./recent-times.js";

/** Queries of which the ids are remembered, all Lamport times together. */
const maxRemembered = 65_536;

/** Queries that wait for an answer of ours; beyond, the one that came first cannot be answered any more. */
const maxOpen = 1_024;

/** A query that was delivered and may be answered. */
interface OpenQuery {
  readonly origin: QueryOrigin;
  readonly deadline: Instant;
  answered: boolean;
}

/** What {@link QueryInbox} works with. */
export interface InboxParts {
  readonly config: SerfConfig;
  readonly log: Log;
  readonly counters: SerfCounters;
  readonly meter: Meter;
  readonly clock: LamportClock;
  readonly membership: Membership;
  readonly filters: QueryFilters;
  readonly replies: QueryReplies;
  /** A query of this time concerns us, and be it one of Serf's own. */
  accepted(ltime: LamportTime): void;
  readonly keys: KeyAnswers;
  readonly conflictLook: ConflictLook;
  deliver(query: QueryEvent): void;
}

/** Queries of others: each is acked, delivered and passed on once (protocol.md section 5.10). */
export class QueryInbox {
  readonly #parts: InboxParts;
  readonly #recent: RecentTimes<undefined>;
  /** At most {@link maxOpen}; those past their deadline go when the next one comes. */
  readonly #open = new Map<number, OpenQuery>();
  #lastId = 0;

  constructor(parts: InboxParts) {
    this.#parts = parts;
    this.#recent = new RecentTimes(parts.clock, parts.config.queryBuffer, maxRemembered);
  }

  /** Queries that are not taken in twice. */
  get remembered(): number {
    return this.#recent.weight;
  }

  /** Queries that may still be answered, or could until a while ago. */
  get open(): number {
    return this.#open.size;
  }

  /** Takes in a query; true if it is new and others should hear of it, whoever is meant. */
  handle(now: Instant, message: QueryMessage): boolean {
    if (message.filters?.some((filter) => filter.length === 0)) {
      // A stock member dies of an empty filter: it has not passed this on, and nor do we.
      this.#parts.counters.undecodable += 1;
      this.#parts.log.warn({ from: message.sourceNode }, "query with an empty filter dropped");
      return false;
    }
    this.#parts.clock.witness(message.ltime);
    if (!this.#isNew(message)) return false;
    this.#parts.counters.queries += 1;
    this.#parts.meter.count(`serf.queries.${message.name}`);
    if (this.#parts.filters.match(message.filters ?? [])) this.#accept(now, message);
    return (message.flags & flagNoBroadcast) === 0;
  }

  /** Whatever was asked before `ltime` is not delivered. */
  ignoreBefore(ltime: LamportTime): void {
    this.#recent.ignoreBefore(ltime);
  }

  /** Answers a delivered query. Throws {@link OperatorError} if that is not possible (any more). */
  respond(now: Instant, id: number, payload: Bytes): void {
    const query = this.#open.get(id);
    if (query === undefined) throw new OperatorError("No pending queries matching ID");
    const response = this.#encodeResponse(query.origin, payload);
    if (query.answered) refuse("response already sent");
    if (now > query.deadline) refuse("response is past the deadline");
    query.answered = true;
    this.#parts.replies.send(query.origin, response);
    this.#parts.counters.responsesSent += 1;
  }

  #isNew({ ltime, id, name }: QueryMessage): boolean {
    const { clock, counters, log } = this.#parts;
    switch (this.#recent.add(ltime, String(id), 1, undefined)) {
      case "new":
        return true;
      case "old":
        counters.tooOld += 1;
        log.warn({}, `received old query ${name} from time ${ltime} (current: ${clock.time})`);
        return false;
      case "full":
        counters.overflows += 1;
        log.warn({ query: name, ltime }, "no room to remember a query");
        return false;
      case "duplicate":
        counters.duplicates += 1;
        return false;
      case "ignored":
        return false;
    }
  }

  #accept(now: Instant, message: QueryMessage): void {
    this.#parts.accepted(message.ltime);
    if ((message.flags & flagAck) !== 0) this.#ack(message);
    if (isConflictQuery(message.name)) {
      const { conflictLook } = this.#parts;
      conflictLook.look(now, message, (claimedAt) => this.#answerInternally(message, claimedAt));
    } else if (isInternal(message.name)) this.#answerInternally(message, undefined);
    else this.#deliver(now, message);
  }

  #ack(message: QueryMessage): void {
    const { config, counters, replies } = this.#parts;
    const { ltime, id } = message;
    const ack = encodeSerfMessage({
      kind: "query-response",
      ltime,
      id,
      from: config.name,
      flags: flagAck,
      payload: undefined,
    });
    replies.send(message, ack);
    counters.acksSent += 1;
  }

  #answerInternally(message: QueryMessage, claimedAt: Address | undefined): void {
    const { config, counters, keys, log, membership, replies } = this.#parts;
    const answer = answerInternalQuery(message, {
      self: config.name,
      membership,
      log,
      keys,
      claimedAt,
      responseLimit: config.queryResponseSizeLimit,
      fits: (payload) => this.#isShort(this.#responseTo(message, payload)),
    });
    if (answer === undefined) return;
    try {
      replies.send(message, this.#encodeResponse(message, answer));
      counters.responsesSent += 1;
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      log.error({ query: message.name, reason: thrown.message }, "failed to answer internal query");
    }
  }

  #deliver(now: Instant, message: QueryMessage): void {
    const deadline = now + message.timeout;
    this.#lastId += 1;
    this.#forgetOld(now);
    this.#open.set(this.#lastId, { origin: originOf(message), deadline, answered: false });
    this.#parts.deliver({
      kind: "query",
      id: this.#lastId,
      ltime: message.ltime,
      name: message.name,
      payload: Uint8Array.from(message.payload ?? []),
      deadline,
      from: message.sourceNode,
    });
  }

  #forgetOld(now: Instant): void {
    for (const [id, query] of this.#open) {
      if (query.deadline < now || this.#open.size >= maxOpen) this.#open.delete(id);
    }
  }

  #encodeResponse(query: QueryOrigin, payload: Bytes): Bytes {
    const response = this.#responseTo(query, payload);
    if (!this.#isShort(response)) {
      refuse(`response exceeds limit of ${this.#parts.config.queryResponseSizeLimit} bytes`);
    }
    return response;
  }

  #responseTo({ ltime, id }: QueryOrigin, payload: Bytes): Bytes {
    const from = this.#parts.config.name;
    return encodeSerfMessage({ kind: "query-response", ltime, id, from, flags: 0, payload });
  }

  #isShort(response: Bytes): boolean {
    return response.length <= this.#parts.config.queryResponseSizeLimit;
  }
}

/** Serf words the failure of every response so, whatever the query. */
function refuse(reason: string): never {
  throw new OperatorError(`failed to respond to key query: ${reason}`);
}

/** What may be kept of a query when the packet it came in is gone. */
function originOf({ ltime, id, ip, port, sourceNode, relayFactor }: QueryMessage): QueryOrigin {
  return { ltime, id, ip: Uint8Array.from(ip), port, sourceNode, relayFactor };
}
