import { OperatorError } from "../base/errors.js";
import { type Bytes, type Millis, nanosPerMilli } from "../base/units.js";
import type { TopicName, Topics } from "../observe/topics.js";
import type {
  KeyOperation,
  KeyReport,
  MemberFilter,
  QueryAnswer,
  RpcCoordinate,
  RpcEvent,
  RpcMember,
  RpcQuestion,
  Stats,
} from "./api.js";
import { decodeBody } from "./bodies.js";
import { Collector } from "./collector.js";
import { Connection, type RpcTarget } from "./connection.js";
import { logRecord, type RequestBody, rpcErrors } from "./protocol.js";
import { decodeEvent } from "./records.js";

/** A query that the agent has taken. */
export interface RunningQuery {
  /** Ends it early; an agent of Serf's gives no heed to that. */
  readonly stop: () => Promise<void>;
  /** Resolves when nothing more comes; rejects with an OperatorError if the connection is over before. */
  readonly done: Promise<void>;
}

/** The agent is one of Serf's, or older than the topic. */
export class UnknownTopicError extends OperatorError {
  constructor(topic: string) {
    super(
      `the agent does not know how to answer that (${topic}): it is one of Serf's, or an older gossipd`,
    );
  }
}

/**
 * A client of an agent, gossipd's or Serf's. Every method rejects with an OperatorError that has
 * the agent's error text, or says why there is no answer; after the latter the connection is over.
 */
export class RpcClient {
  readonly #connection: Connection;
  /** Whether the agent is one of Serf's, once somebody wanted to know. */
  #isSerf: boolean | undefined;

  /** Dials, shakes hands and authenticates. */
  static async connect(target: RpcTarget): Promise<RpcClient> {
    return new RpcClient(await Connection.open(target));
  }

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Resolves when the connection is over, with the reason. */
  get closed(): Promise<string> {
    return this.#connection.closed;
  }

  async members(): Promise<readonly RpcMember[]> {
    return (await this.#connection.call("members", undefined)).Members;
  }

  async membersFiltered(filter: MemberFilter): Promise<readonly RpcMember[]> {
    const body = { Name: filter.name, Status: filter.status, Tags: filter.tags };
    return (await this.#connection.call("members-filtered", body)).Members;
  }

  /** Resolves with the number of addresses that answered. */
  async join(existing: readonly string[], replay: boolean): Promise<number> {
    const patience = this.#connection.timeouts.cluster * (1 + existing.length);
    const body = { Existing: existing, Replay: replay };
    return (await this.#connection.call("join", body, patience)).Num;
  }

  async leave(): Promise<void> {
    await this.#connection.call("leave", undefined, this.#connection.timeouts.cluster);
  }

  async forceLeave(node: string, prune: boolean): Promise<void> {
    const body = { Node: node, Prune: prune };
    await this.#connection.call("force-leave", body, this.#connection.timeouts.cluster);
  }

  /** Deletes first, then sets. */
  async setTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void> {
    const body = { DeleteTags: remove, Tags: set };
    await this.#connection.call("tags", body, this.#connection.timeouts.cluster);
  }

  async userEvent(name: string, payload: Bytes, coalesce: boolean): Promise<void> {
    const body = { Coalesce: coalesce, Name: name, Payload: payload };
    await this.#connection.call("event", body);
  }

  async stats(): Promise<Stats> {
    return await this.#connection.call("stats", undefined);
  }

  /** Follows the events that `filter` names; resolves with what {@link stop} takes. */
  async stream(filter: string, sink: (event: RpcEvent) => void): Promise<number> {
    return await this.#connection.follow(
      "stream",
      { Type: filter },
      {
        take: (record) => {
          sink(decodeEvent(record));
          return false;
        },
        end: () => {},
      },
    );
  }

  /** Follows the log, from the lines that the agent has kept on. */
  async monitor(level: string, sink: (line: string) => void): Promise<number> {
    return await this.#connection.follow(
      "monitor",
      { LogLevel: level },
      {
        take: (record) => {
          sink(decodeBody(logRecord, record).Log);
          return false;
        },
        end: () => {},
      },
    );
  }

  /** Ends a stream or a monitor. */
  async stop(seq: number): Promise<void> {
    await this.#connection.call("stop", { Stop: seq });
    this.#connection.forget(seq);
  }

  /** Asks the cluster; resolves when the agent has taken the query. `sink` gets what comes of it. */
  async query(question: RpcQuestion, sink: (answer: QueryAnswer) => void): Promise<RunningQuery> {
    const { timeouts } = this.#connection;
    const { timeout } = question;
    const collector = new Collector(sink);
    const seq = await this.#connection.follow("query", queryBody(question), collector);
    const patience = timeout === undefined ? timeouts.cluster : timeout + timeouts.answer;
    collector.limit(patience, () => {
      this.#connection.end("the agent did not say that the query is over");
    });
    const stop = (): Promise<void> => this.#connection.call("stop", { Stop: seq });
    return { stop, done: collector.done };
  }

  /** Answers a query that came as an event on this connection. */
  async respond(id: number, payload: Bytes): Promise<void> {
    await this.#connection.call("respond", { ID: id, Payload: payload });
  }

  /** Puts a key, in base64, into the keyring of every member. */
  installKey(key: string): Promise<KeyReport> {
    return this.#keys("install", key);
  }

  /** Makes an installed key the one that members encrypt with. */
  useKey(key: string): Promise<KeyReport> {
    return this.#keys("use", key);
  }

  /** Takes a key out of the keyring of every member. */
  removeKey(key: string): Promise<KeyReport> {
    return this.#keys("remove", key);
  }

  /** Counts on how many members each key is. */
  listKeys(): Promise<KeyReport> {
    return this.#keys("list", "");
  }

  /** Where `node` is in Vivaldi's space; undefined if the agent does not know. */
  async coordinate(node: string): Promise<RpcCoordinate | undefined> {
    return await this.#connection.call("get-coordinate", { Node: node });
  }

  /**
   * Asks for what only our agents know (observe/topics.ts), with an answer as its types say. Serf's
   * reject with {@link UnknownTopicError}, and are not asked at all: they would close the connection.
   */
  async ask<Name extends TopicName>(
    topic: Name,
    ask: Topics[Name]["ask"],
    patience: Millis = this.#connection.timeouts.answer,
  ): Promise<Topics[Name]["answer"]> {
    this.#isSerf ??= isSerf(await this.stats());
    if (this.#isSerf) throw new UnknownTopicError(topic);
    const body = { Body: JSON.stringify(ask), Topic: topic };
    const { body: answer, error } = await this.#connection.exchange("ask", body, patience);
    if (error === rpcErrors.command) throw new UnknownTopicError(topic);
    if (error !== "" || answer === undefined) throw new OperatorError(error);
    return JSON.parse(answer.Body) as Topics[Name]["answer"];
  }

  close(): void {
    this.#connection.end("connection closed");
  }

  /** The report is there also if the operation failed; rejects if the agent gave none. */
  async #keys(operation: KeyOperation, key: string): Promise<KeyReport> {
    const { cluster } = this.#connection.timeouts;
    const { error, body } =
      operation === "list"
        ? await this.#connection.exchange("list-keys", undefined, cluster)
        : await this.#connection.exchange(`${operation}-key`, { Key: key }, cluster);
    if (body === undefined) throw new OperatorError(error);
    return {
      messages: body.Messages,
      keys: body.Keys ?? new Map(),
      numNodes: body.NumNodes,
      numResponses: body.NumResp,
      numErrors: body.NumErr,
      error: error === "" ? undefined : error,
    };
  }
}

/** Serf tells what version of Go it was built by, ours that of Node.js. */
function isSerf(stats: Stats): boolean {
  return /^go\d/.test(stats.get("runtime")?.get("version") ?? "");
}

function queryBody(question: RpcQuestion): RequestBody<"query"> {
  return {
    FilterNodes: question.filterNodes,
    FilterTags: question.filterTags,
    Name: question.name,
    Payload: question.payload,
    RelayFactor: question.relayFactor,
    RequestAck: question.requestAck,
    Timeout: Math.round((question.timeout ?? 0) * nanosPerMilli),
  };
}
