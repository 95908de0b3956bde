/// <reference lib="esnext.disposable" preserve="true" />
import type { Agent as Embedded } from "../agent/agent.js";
import { OperatorError } from "../base/errors.js";
import type { KeyOperation } from "../rpc/api.js";
import type { AgentOptions } from "./agent-options.js";
import { checkFunction, flagOf, pairsOf, textOf, textsOf } from "./arguments.js";
import { type Coordinate, estimatedRtt } from "./coordinates.js";
import { checkEventName } from "./event-names.js";
import type { EventName, EventOf, Listener } from "./events.js";
import type { KeyReport } from "./keys.js";
import { Life } from "./life.js";
import { Listeners } from "./listeners.js";
import type { Member, MemberFilter } from "./members.js";
import { bytesOf, type Payload } from "./payload.js";
import type { QueryOptions, QueryReply } from "./queries.js";
import type { StringRecord } from "./records.js";
import { questionOf, repliesTo } from "./replies.js";
import type { Stats } from "./stats.js";
import {
  clusterEvent,
  joinFailure,
  keyReportOf,
  memberOf,
  patternsOf,
  statsOf,
} from "./translation.js";

/**
 * One member of a cluster, inside this program: what `gossipd agent` runs, without a process of its
 * own.
 *
 * It answers pings of others on this program's event loop. A loop that is blocked for seconds makes
 * the member look dead to them. It keeps the process running until {@link leave} or {@link stop}.
 *
 * What cannot be had rejects with, or throws, an {@link OperatorError}; so does every method but the
 * plain reads once the agent has ended.
 *
 * @example
 * ```js
 * const agent = await Agent.start({ name: "web1", tags: { role: "web" }, join: ["10.0.0.5"] });
 * agent.on("member-failed", ({ members }) => console.log("lost", members[0].name));
 * // ...
 * await agent.leave();
 * ```
 */
export class Agent {
  /** Resolves when the agent has ended, by {@link leave}, {@link stop} or itself, with the reason. */
  readonly closed: Promise<string>;
  readonly #embedded: Embedded;
  readonly #listeners: Listeners;
  readonly #life: Life;

  /**
   * Starts a member: opens its sockets, serves RPC clients if `rpcAddr` is given, joins `join`, and
   * begins to join `retryJoin`. Events that happen meanwhile are kept for listeners that are added
   * as soon as this resolves.
   *
   * Rejects with an {@link OperatorError} of one line if an option is wrong, an address is taken, a
   * file cannot be read, or none of `join` answers; then nothing is left running.
   */
  static async start(options: AgentOptions = {}): Promise<Agent> {
    // Who imports this but talks to another process does not load what only a member needs.
    const { startEmbedded } = await import("./embedded.js");
    const listeners = new Listeners();
    const life = new Life();
    const embedded = await startEmbedded(options, {
      began: (agent) => {
        life.begin(() => agent.stop());
        const answer = async (id: number, payload: Payload): Promise<void> => {
          life.check();
          agent.api.respond(id, bytesOf(payload));
        };
        agent.api.subscribe("*", (record) => {
          const event = clusterEvent(record, answer);
          if (event !== undefined) listeners.tell(event);
        });
      },
      end: (reason) => life.end(reason),
      check: () => life.check(),
    });
    setImmediate(() => listeners.release());
    return new Agent(embedded, listeners, life);
  }

  private constructor(embedded: Embedded, listeners: Listeners, life: Life) {
    this.#embedded = embedded;
    this.#listeners = listeners;
    this.#life = life;
    this.closed = life.closed;
  }

  /** This member, with its tags as they are now and the address that others are told. */
  get self(): Member {
    return memberOf(this.#embedded.self);
  }

  /** Where RPC clients on this host reach the agent, as `host:port`; undefined without `rpcAddr`. */
  get rpcAddress(): string | undefined {
    return this.#embedded.rpcAddress || undefined;
  }

  /**
   * All members that are remembered, this one included, sorted by name; with a filter those that
   * match. Throws an {@link OperatorError} if a pattern cannot be read.
   */
  members(filter?: MemberFilter): readonly Member[] {
    const { api } = this.#embedded;
    const found = filter === undefined ? api.members() : api.membersFiltered(patternsOf(filter));
    return found.map(memberOf);
  }

  /** Numbers and facts about this member, as `gossipd info` shows them. */
  stats(): Stats {
    return statsOf(this.#embedded.api.stats());
  }

  /**
   * Calls `listener` for every event that `name` says, from the next one on, in order. Returns what
   * ends that; calling it twice is harmless. Events are told as handlers hear of them: collected
   * first where that merges what belongs together. Throws an {@link OperatorError} if there is no
   * such event.
   */
  on<Name extends EventName>(name: Name, listener: Listener<EventOf<Name>>): () => void {
    checkEventName(name);
    checkFunction("listener", listener);
    return this.#listeners.add(name, listener);
  }

  /**
   * Joins the cluster of those at `addresses`, `host` or `host:port` each. Resolves with how many
   * answered, at least one; rejects with an {@link OperatorError} if nobody did, or after a leave.
   * With `replay` (default false) listeners are also told the user events from before.
   */
  async join(
    addresses: readonly string[],
    { replay = false }: { readonly replay?: boolean | undefined } = {},
  ): Promise<number> {
    const { api } = this.#embedded;
    const { contacted, error } = await this.#life.whileIt(() =>
      api.join(textsOf("addresses", addresses), flagOf("replay", replay)),
    );
    if (error !== "") throw new OperatorError(joinFailure(error));
    return contacted;
  }

  /**
   * Leaves the cluster, so that the others see this member as left, and ends. Takes some seconds;
   * later calls wait for the first.
   */
  async leave(): Promise<void> {
    if (!this.#life.isOver) await this.#life.whileIt(() => this.#embedded.leave());
    await this.#life.end("left the cluster");
  }

  /** Ends at once, without a word: the others will see this member fail. Handlers that run may finish. */
  async stop(): Promise<void> {
    await this.#life.end("stopped");
  }

  /** As {@link leave}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  /**
   * Declares that the failed member `node` has left; with `prune` (default false) it is forgotten at
   * once. An unknown name is no error. Rejects with an {@link OperatorError} if that could not be
   * sent within `broadcastTimeout`.
   */
  async forceLeave(
    node: string,
    { prune = false }: { readonly prune?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#life.whileIt(() =>
      this.#embedded.api.forceLeave(textOf("node", node), flagOf("prune", prune)),
    );
  }

  /**
   * Changes this member's tags: deletes those of `remove`, then sets those of `set`; the others
   * stay. Resolves when it was sent. Rejects with an {@link OperatorError} if the tags would be
   * longer than 512 bytes, or if they could not be sent within `broadcastTimeout`.
   */
  async setTags(set: StringRecord, remove: readonly string[] = []): Promise<void> {
    await this.#life.whileIt(() =>
      this.#embedded.api.setTags(pairsOf("set", set), textsOf("remove", remove)),
    );
  }

  /**
   * Tells all members, this one included, that something happened. With `coalesce` (default true, as
   * for `gossipd event`) listeners who are told of several events of one name within a moment hear
   * of the newest alone. Rejects with an {@link OperatorError} if name and payload are longer than
   * `userEventSizeLimit`.
   */
  async userEvent(
    name: string,
    payload: Payload = "",
    { coalesce = true }: { readonly coalesce?: boolean | undefined } = {},
  ): Promise<void> {
    this.#life.check();
    this.#embedded.api.userEvent(
      textOf("name", name),
      bytesOf(payload),
      flagOf("coalesce", coalesce),
    );
  }

  /**
   * Asks members, this one included, and gives what they say until the time for answers is over.
   * The query is sent when the first reply is asked for, and given up if the loop is left; a member
   * that has no answer is silent. Rejects with an {@link OperatorError} if name and payload are
   * longer than `querySizeLimit`, or if `name` begins with `_serf_`.
   *
   * @example
   * ```js
   * for await (const reply of agent.query("load", "", { filterTags: { role: "web" } })) {
   *   if (reply.type === "response") console.log(reply.from, new TextDecoder().decode(reply.payload));
   * }
   * ```
   */
  query(
    name: string,
    payload: Payload = "",
    options: QueryOptions = {},
  ): AsyncGenerator<QueryReply, void, undefined> {
    return repliesTo(async (sink) => {
      this.#life.check();
      let end = (): void => {};
      const over = new Promise<void>((resolve) => {
        end = resolve;
      });
      const stop = this.#embedded.api.query(questionOf(name, payload, options), (record) => {
        if (record.kind === "done") end();
        else sink(record);
      });
      return { stop, done: this.#life.whileIt(() => over) };
    });
  }

  /**
   * Puts `key`, in base64, into the keyring of every member, beside the others. This and the other
   * three reject with a {@link KeyError}, an OperatorError with the report, if a member could not do
   * it or did not answer, or if the cluster is not encrypted.
   */
  async installKey(key: string): Promise<KeyReport> {
    return await this.#keys("install", key);
  }

  /** Makes `key`, which must be installed, the one that all members encrypt with. */
  async useKey(key: string): Promise<KeyReport> {
    return await this.#keys("use", key);
  }

  /** Takes `key`, which must not be in use, out of the keyring of every member. */
  async removeKey(key: string): Promise<KeyReport> {
    return await this.#keys("remove", key);
  }

  /** Counts on how many members each key is. */
  async listKeys(): Promise<KeyReport> {
    return await this.#keys("list", "");
  }

  /** Where the member `node` is in Vivaldi's space; undefined if that is not known (yet). */
  coordinate(node: string): Coordinate | undefined {
    return this.#embedded.api.coordinate(textOf("node", node));
  }

  /**
   * The estimated round-trip time between two members in milliseconds, `other` being this one by
   * default; undefined unless the coordinates of both are known.
   */
  rtt(node: string, other: string = this.self.name): number | undefined {
    return estimatedRtt(this.coordinate(node), this.coordinate(other));
  }

  async #keys(operation: KeyOperation, key: string): Promise<KeyReport> {
    return keyReportOf(
      await this.#life.whileIt(() => this.#embedded.api.keys(operation, textOf("key", key))),
    );
  }
}
