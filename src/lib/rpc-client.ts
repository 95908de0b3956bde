/// <reference lib="esnext.disposable" preserve="true" />
import { OperatorError } from "../base/errors.js";
import type { RpcClient as Connection } from "../rpc/client.js";
import { checkFunction, flagOf, pairsOf, textOf, textsOf } from "./arguments.js";
import { type Coordinate, estimatedRtt } from "./coordinates.js";
import { checkEventName, isWanted } from "./event-names.js";
import type { EventName, EventOf, Listener } from "./events.js";
import type { KeyReport } from "./keys.js";
import { call } from "./listeners.js";
import type { Member, MemberFilter } from "./members.js";
import { bytesOf, type Payload } from "./payload.js";
import type { QueryOptions, QueryReply } from "./queries.js";
import type { StringRecord } from "./records.js";
import { questionOf, repliesTo } from "./replies.js";
import { rpcTarget } from "./rpc-target.js";
import type { Stats } from "./stats.js";
import {
  clusterEvent,
  joinFailure,
  keyReportOf,
  memberOf,
  patternsOf,
  statsOf,
} from "./translation.js";

/** Where an agent serves RPC clients. */
export interface RpcAddress {
  /** As `host:port` or `[v6]:port`. Default: `127.0.0.1:7373`. */
  readonly address?: string | undefined;
  /** The agent's `rpcAuth`. Default: none. */
  readonly authKey?: string | undefined;
}

/**
 * A connection to an agent, gossipd's or Serf's, in another process: one agent may be asked by many.
 *
 * Every method rejects with an {@link OperatorError} that has the agent's words, or that says why
 * there is no answer: after ten seconds without one, a minute for what waits for the cluster, the
 * connection is over. It keeps the process running until {@link close}.
 *
 * @example
 * ```js
 * const client = await RpcClient.connect({ address: "127.0.0.1:7373" });
 * console.log(await client.members({ status: "alive" }));
 * client.close();
 * ```
 */
export class RpcClient {
  /** Resolves when the connection is over, with the reason. */
  readonly closed: Promise<string>;
  readonly #connection: Connection;

  /**
   * Connects, and authenticates if there is a key; without one that is wanted, every method rejects.
   * Rejects with an {@link OperatorError} if nobody answers within ten seconds, or the key is wrong.
   */
  static async connect(to: RpcAddress = {}): Promise<RpcClient> {
    const target = rpcTarget(to);
    const { RpcClient: Connections } = await import("../rpc/client.js");
    return new RpcClient(await Connections.connect(target));
  }

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.closed = connection.closed;
  }

  /**
   * All members that the agent remembers; with a filter those that match. Rejects with an
   * {@link OperatorError} if a pattern cannot be read.
   */
  async members(filter?: MemberFilter): Promise<readonly Member[]> {
    const found =
      filter === undefined
        ? this.#connection.members()
        : this.#connection.membersFiltered(patternsOf(filter));
    return (await found).map(memberOf);
  }

  /** Numbers and facts about the agent, as `gossipd info` shows them. */
  async stats(): Promise<Stats> {
    return statsOf(await this.#connection.stats());
  }

  /**
   * Calls `listener` for every event that `name` says, from when this resolves on, in order. What it
   * resolves with ends that. Events are told as handlers hear of them: collected first where that
   * merges what belongs together. Rejects with an {@link OperatorError} if there is no such event.
   */
  async on<Name extends EventName>(
    name: Name,
    listener: Listener<EventOf<Name>>,
  ): Promise<() => Promise<void>> {
    checkEventName(name);
    checkFunction("listener", listener);
    const connection = this.#connection;
    const answer = (id: number, payload: Payload): Promise<void> =>
      connection.respond(id, bytesOf(payload));
    let isOver = false;
    const seq = await connection.stream(streamFilter(name), (record) => {
      const event = clusterEvent(record, answer);
      if (event === undefined || isOver || !isWanted(name, event)) return;
      call(name, listener, event as EventOf<Name>);
    });
    return async () => {
      if (isOver) return;
      isOver = true;
      await connection.stop(seq);
    };
  }

  /**
   * Calls `listener` with the agent's log lines of at least `level`: first those that it has kept,
   * then all that follow. What it resolves with ends that. Rejects with an {@link OperatorError} if
   * there is no such level.
   */
  async monitor(
    level: "trace" | "debug" | "info" | "warn" | "err",
    listener: Listener<string>,
  ): Promise<() => Promise<void>> {
    checkFunction("listener", listener);
    let isOver = false;
    const seq = await this.#connection.monitor(textOf("level", level), (line) => {
      if (!isOver) call("the log", listener, line);
    });
    return async () => {
      if (isOver) return;
      isOver = true;
      await this.#connection.stop(seq);
    };
  }

  /**
   * Makes the agent join the cluster of those at `addresses`, `host` or `host:port` each. Resolves
   * with how many answered, at least one; rejects with an {@link OperatorError} if nobody did. With
   * `replay` (default false) the agent is also told the user events from before.
   */
  async join(
    addresses: readonly string[],
    { replay = false }: { readonly replay?: boolean | undefined } = {},
  ): Promise<number> {
    try {
      return await this.#connection.join(textsOf("addresses", addresses), flagOf("replay", replay));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      throw new OperatorError(joinFailure(error.message), { cause: error });
    }
  }

  /** Makes the agent leave the cluster gracefully and end; resolves when it has left. */
  async leave(): Promise<void> {
    await this.#connection.leave();
  }

  /**
   * Declares that the failed member `node` has left; with `prune` (default false) it is forgotten at
   * once. An unknown name is no error.
   */
  async forceLeave(
    node: string,
    { prune = false }: { readonly prune?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#connection.forceLeave(textOf("node", node), flagOf("prune", prune));
  }

  /** Changes the agent's tags: deletes those of `remove`, then sets those of `set`; the others stay. */
  async setTags(set: StringRecord, remove: readonly string[] = []): Promise<void> {
    await this.#connection.setTags(pairsOf("set", set), textsOf("remove", remove));
  }

  /**
   * Tells all members that something happened. With `coalesce` (default true, as for `gossipd event`)
   * listeners who are told of several events of one name within a moment hear of the newest alone.
   */
  async userEvent(
    name: string,
    payload: Payload = "",
    { coalesce = true }: { readonly coalesce?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#connection.userEvent(
      textOf("name", name),
      bytesOf(payload),
      flagOf("coalesce", coalesce),
    );
  }

  /**
   * Makes the agent ask members, itself included, and gives what they say until the time for answers
   * is over. The query is sent when the first reply is asked for, and given up if the loop is left; a
   * member that has no answer is silent.
   */
  query(
    name: string,
    payload: Payload = "",
    options: QueryOptions = {},
  ): AsyncGenerator<QueryReply, void, undefined> {
    return repliesTo(async (sink) => {
      const question = questionOf(name, payload, options);
      const { stop, done } = await this.#connection.query(question, sink);
      // Who leaves the loop does not care whether the agent heard of it.
      return { stop: () => void stop().catch(() => {}), done };
    });
  }

  /**
   * Puts `key`, in base64, into the keyring of every member, beside the others. This and the other
   * three reject with a {@link KeyError}, an OperatorError with the report, if a member could not do
   * it or did not answer, or if the cluster is not encrypted.
   */
  async installKey(key: string): Promise<KeyReport> {
    return keyReportOf(await this.#connection.installKey(textOf("key", key)));
  }

  /** Makes `key`, which must be installed, the one that all members encrypt with. */
  async useKey(key: string): Promise<KeyReport> {
    return keyReportOf(await this.#connection.useKey(textOf("key", key)));
  }

  /** Takes `key`, which must not be in use, out of the keyring of every member. */
  async removeKey(key: string): Promise<KeyReport> {
    return keyReportOf(await this.#connection.removeKey(textOf("key", key)));
  }

  /** Counts on how many members each key is. */
  async listKeys(): Promise<KeyReport> {
    return keyReportOf(await this.#connection.listKeys());
  }

  /** Where the member `node` is in Vivaldi's space; undefined if the agent does not know (yet). */
  async coordinate(node: string): Promise<Coordinate | undefined> {
    return await this.#connection.coordinate(textOf("node", node));
  }

  /**
   * The estimated round-trip time between two members in milliseconds, `other` being the agent by
   * default; undefined unless the agent knows the coordinates of both.
   */
  async rtt(node: string, other?: string): Promise<number | undefined> {
    const far = other ?? (await this.stats()).agent?.name ?? "";
    return estimatedRtt(await this.coordinate(node), await this.coordinate(far));
  }

  /** Ends the connection; whatever waits for an answer rejects. */
  close(): void {
    this.#connection.close();
  }

  /** As {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A filter on the wire is a list with commas: what a name with one means is decided here. */
function streamFilter(name: EventName): string {
  return name.includes(",") ? name.slice(0, name.indexOf(":")) : name;
}
