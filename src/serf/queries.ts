import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { intBelow, type Random } from "../base/random.js";
import type { Timers } from "../base/timers.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import { queryTimeout } from "../swim/scaling.js";
import {
  encodeFilter,
  encodeSerfMessage,
  type LamportTime,
  type QueryMessage,
  type QueryResponse,
} from "../wire/serf-messages.js";
import type { SerfConfig } from "./config.js";
import type { SerfCounters } from "./counters.js";
import type { LamportClock } from "./lamport.js";
import { flagAck } from "./query-flags.js";

/** What somebody wants to know of the group. */
export interface QueryQuestion {
  readonly name: string;
  readonly payload: Bytes | undefined;
  /** Only these answer; empty for all. */
  readonly filterNodes: readonly string[];
  /** Tag to regular expression, not anchored; only members that match all of them answer. */
  readonly filterTags: ReadonlyMap<string, string>;
  /** True if those that are meant say at once that they heard of it. */
  readonly requestAck: boolean;
  /** Through how many others each answer is sent as well, 0 to 255. */
  readonly relayFactor: number;
  /** How long answers count; undefined or not above 0: the default, which grows with the group. */
  readonly timeout: Millis | undefined;
}

/** A question to all members that asks for no acks and no relays, with the default timeout. */
export function plainQuestion(name: string, payload: Bytes): QueryQuestion {
  return {
    name,
    payload,
    filterNodes: [],
    filterTags: new Map(),
    requestAck: false,
    relayFactor: 0,
    timeout: undefined,
  };
}

/** Who hears the answers; called while a packet or a timer is handled. */
export interface QueryListener {
  /** At most once for each `from`. */
  handleAck(now: Instant, from: string): void;
  /** At most once for each `from`; `payload` is the listener's. */
  handleResponse(now: Instant, from: string, payload: Bytes): void;
  /** Once, at the deadline, or when {@link RunningQuery.end} is called. Nothing comes after it. */
  handleDone(now: Instant): void;
}

/** A query whose answers are still collected. */
export interface RunningQuery {
  readonly deadline: Instant;
  /** Stops collecting; does nothing if that has happened. */
  end(now: Instant): void;
}

/** What {@link Queries} works with. */
export interface QueriesParts {
  readonly config: SerfConfig;
  readonly timers: Timers;
  readonly log: Log;
  readonly random: Random;
  readonly counters: SerfCounters;
  readonly clock: LamportClock;
  /** Members that are neither dead nor left, ourselves included. */
  aliveCount(): number;
  /** Takes a query of ours in like one of somebody else. */
  handle(now: Instant, message: QueryMessage): void;
  /** Queues a query for gossip. */
  broadcast(encoded: Bytes): void;
}

/** Serf's QueryTimeoutMult. */
const timeoutMult = 16;

/** Serf's protocol; members of older ones still answer. */
const firstProtocolWithQueries = 4;

/** Queries of ours at one time; whoever asks more is refused. */
const maxRunning = 4_096;

/**
 * Who may answer one query besides those that were here when it was asked: members that join
 * meanwhile. Answers beyond come from nobody real.
 */
const latecomers = 128;

/** Ids have 31 random bits, as Serf's. */
const idBound = 2 ** 31;

/** Collects the answers to one query: one ack and one response of each sender. */
class Collector implements RunningQuery {
  readonly ltime: LamportTime;
  readonly deadline: Instant;
  readonly wantsAcks: boolean;
  readonly listener: QueryListener;
  /** Each at most {@link capacity}. */
  readonly acks = new Set<string>();
  readonly responses = new Set<string>();
  readonly capacity: number;
  readonly #onEnd: () => void;
  #open = true;

  constructor(
    query: { readonly ltime: LamportTime; readonly deadline: Instant; readonly wantsAcks: boolean },
    listener: QueryListener,
    capacity: number,
    onEnd: () => void,
  ) {
    this.ltime = query.ltime;
    this.deadline = query.deadline;
    this.wantsAcks = query.wantsAcks;
    this.listener = listener;
    this.capacity = capacity;
    this.#onEnd = onEnd;
  }

  end(now: Instant): void {
    if (!this.#open) return;
    this.#open = false;
    // The timer holds on to us until the deadline.
    this.acks.clear();
    this.responses.clear();
    this.#onEnd();
    this.listener.handleDone(now);
  }
}

/**
 * Queries of ours: each is gossiped, and its answers are collected until its deadline (protocol.md
 * section 5.10).
 */
export class Queries {
  readonly #parts: QueriesParts;
  /**
   * By id, at most {@link maxRunning}. Serf goes by the Lamport time alone; here two queries of one
   * time, as a clock at its end gives them, do not replace each other.
   */
  readonly #running = new Map<number, Collector>();

  constructor(parts: QueriesParts) {
    this.#parts = parts;
  }

  /** How many collect answers now. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Asks all members, us included. Nothing reaches `listener` during the call. Throws
   * {@link OperatorError} if the query is too long, too many are running, or we speak a protocol
   * that has no queries.
   */
  start(now: Instant, question: QueryQuestion, listener: QueryListener): RunningQuery {
    const { broadcast, clock, config, handle, timers } = this.#parts;
    if (config.delegateVersion < firstProtocolWithQueries) {
      throw new OperatorError("Feature not supported");
    }
    const message = this.#messageOf(question);
    const encoded = encodeSerfMessage(message);
    const limit = config.querySizeLimit;
    if (encoded.length > limit) throw new OperatorError(`query exceeds limit of ${limit} bytes`);
    if (this.#running.size >= maxRunning) {
      throw new OperatorError(`more than ${maxRunning} queries are running`);
    }
    const deadline = now + message.timeout;
    const { id } = message;
    const collector = new Collector(
      { ltime: clock.time, deadline, wantsAcks: question.requestAck },
      listener,
      this.#parts.aliveCount() + latecomers,
      () => this.#running.delete(id),
    );
    this.#running.set(id, collector);
    timers.at(deadline, (then) => collector.end(then));
    handle(now, message);
    broadcast(encoded);
    return collector;
  }

  /** Takes in an ack or a response; what belongs to no running query of ours is dropped. */
  handleReply(now: Instant, reply: QueryResponse): void {
    const { log } = this.#parts;
    const { from, id, ltime } = reply;
    const collector = this.#running.get(id);
    if (collector === undefined || collector.ltime !== ltime) {
      log.debug({ ltime, id, from }, "reply for non-running query");
      return;
    }
    // The timer may be late: what comes now is too late as well.
    if (now > collector.deadline) return;
    if ((reply.flags & flagAck) !== 0) this.#handleAck(now, collector, from);
    else this.#handleResponse(now, collector, reply);
  }

  #handleAck(now: Instant, collector: Collector, from: string): void {
    const { counters } = this.#parts;
    if (!collector.wantsAcks) return;
    if (collector.acks.has(from)) {
      counters.duplicateQueryAcks += 1;
      return;
    }
    if (!this.#note(collector.acks, collector, from)) return;
    counters.queryAcks += 1;
    collector.listener.handleAck(now, from);
  }

  #handleResponse(now: Instant, collector: Collector, { from, payload }: QueryResponse): void {
    const { counters } = this.#parts;
    if (collector.responses.has(from)) {
      counters.duplicateQueryResponses += 1;
      return;
    }
    if (!this.#note(collector.responses, collector, from)) return;
    counters.queryResponses += 1;
    collector.listener.handleResponse(now, from, Uint8Array.from(payload ?? []));
  }

  #note(senders: Set<string>, collector: Collector, from: string): boolean {
    if (senders.size >= collector.capacity) {
      this.#parts.counters.overflows += 1;
      this.#parts.log.warn({ from }, "more answers to a query than members dropped");
      return false;
    }
    senders.add(from);
    return true;
  }

  #messageOf(question: QueryQuestion): QueryMessage {
    const { clock, config } = this.#parts;
    return {
      kind: "query",
      ltime: clock.time,
      id: this.#freshId(),
      ip: config.advertise.ip,
      port: config.advertise.port,
      sourceNode: config.name,
      filters: filtersOf(question),
      flags: question.requestAck ? flagAck : 0,
      relayFactor: question.relayFactor,
      timeout: this.#timeoutOf(question),
      name: question.name,
      payload: question.payload,
    };
  }

  #freshId(): number {
    let id = intBelow(this.#parts.random, idBound);
    while (this.#running.has(id)) id = (id + 1) % idBound;
    return id;
  }

  #timeoutOf({ timeout }: QueryQuestion): Millis {
    if (timeout !== undefined && timeout > 0) return timeout;
    const { aliveCount, config } = this.#parts;
    return queryTimeout(config.timing.gossipInterval, timeoutMult, aliveCount());
  }
}

function filtersOf({ filterNodes: nodes, filterTags }: QueryQuestion): Bytes[] | undefined {
  const filters: Bytes[] = [];
  if (nodes.length > 0) filters.push(encodeFilter({ kind: "nodes", nodes }));
  for (const [tag, expr] of filterTags) filters.push(encodeFilter({ kind: "tag", tag, expr }));
  return filters.length === 0 ? undefined : filters;
}
