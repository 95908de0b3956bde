import type { Socket } from "node:net";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { Bytes, Millis } from "../base/units.js";
import type { MemberFilter, RpcEvent, RpcMember, Stats } from "./api.js";
import { decodeBody, decodeEvent, decodeSections, encodeBody } from "./bodies.js";
import { dial } from "./dial.js";
import { FramingError, packValues, ValueReader } from "./framing.js";
import {
  type CommandName,
  commands,
  logRecord,
  type RequestBody,
  type ResponseBody,
  requestHeader,
  responseHeader,
  rpcErrors,
  rpcVersion,
} from "./protocol.js";

export interface RpcTimeouts {
  readonly connect: Millis;
  /** For an answer, counted from the request, and for the rest of a record that has begun. */
  readonly answer: Millis;
  /** For the answer of a command that waits for the cluster; a join adds as much per address. */
  readonly cluster: Millis;
}

/** The connection limit is Serf's. Its clients wait for answers without end. */
const rpcTimeouts: RpcTimeouts = {
  connect: 10_000,
  answer: 10_000,
  cluster: 60_000,
};

export interface RpcTarget {
  readonly host: string;
  readonly port: number;
  /** Sent if it is not empty. */
  readonly authKey: string;
  readonly timeouts?: Partial<RpcTimeouts>;
}

/** Longest answer: that of an agent which knows some hundred thousand members. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** A request that was sent. There are as many as the caller makes at once. */
interface Pending {
  readonly command: CommandName;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A client of an agent, gossipd's or Serf's. Every method rejects with an OperatorError that has
 * the agent's error text, or says why there is no answer; after the latter the connection is over.
 */
export class RpcClient {
  /** Resolves when the connection is over, with the reason. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #timeouts: RpcTimeouts;
  readonly #reader = new ValueReader(maxAnswerBytes);
  #lastSeq = 0;
  readonly #pending = new Map<number, Pending>();
  /** What takes the records of a stream or monitor, by the Seq of the request. */
  readonly #sinks = new Map<number, (record: unknown) => void>();
  /** A header whose body has not come yet. */
  #header: { readonly error: string; readonly seq: number } | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #reason: string | undefined;

  /** Dials, shakes hands and authenticates. */
  static async connect(target: RpcTarget): Promise<RpcClient> {
    const timeouts = { ...rpcTimeouts, ...target.timeouts };
    const socket = await dial(target.host, target.port, timeouts.connect);
    const client = new RpcClient(socket, timeouts);
    try {
      await client.#call("handshake", { Version: rpcVersion });
      if (target.authKey !== "") await client.#call("auth", { AuthKey: target.authKey });
    } catch (thrown) {
      client.close();
      throw thrown;
    }
    return client;
  }

  private constructor(socket: Socket, timeouts: RpcTimeouts) {
    this.#socket = socket;
    this.#timeouts = timeouts;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#end(reasonOf(error)));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => resolve(this.#end("connection closed by the agent")));
    });
  }

  async members(): Promise<readonly RpcMember[]> {
    return (await this.#call("members", undefined)).Members;
  }

  async membersFiltered(filter: MemberFilter): Promise<readonly RpcMember[]> {
    const body = { Name: filter.name, Status: filter.status, Tags: filter.tags };
    return (await this.#call("members-filtered", body)).Members;
  }

  /** Resolves with the number of addresses that answered. */
  async join(existing: readonly string[], replay: boolean): Promise<number> {
    const patience = this.#timeouts.cluster * (1 + existing.length);
    return (await this.#call("join", { Existing: existing, Replay: replay }, patience)).Num;
  }

  async leave(): Promise<void> {
    await this.#call("leave", undefined, this.#timeouts.cluster);
  }

  async forceLeave(node: string, prune: boolean): Promise<void> {
    await this.#call("force-leave", { Node: node, Prune: prune }, this.#timeouts.cluster);
  }

  /** Deletes first, then sets. */
  async setTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void> {
    await this.#call("tags", { DeleteTags: remove, Tags: set }, this.#timeouts.cluster);
  }

  async userEvent(name: string, payload: Bytes, coalesce: boolean): Promise<void> {
    await this.#call("event", { Coalesce: coalesce, Name: name, Payload: payload });
  }

  async stats(): Promise<Stats> {
    return await this.#call("stats", undefined);
  }

  /** Follows the events that `filter` names; resolves with what {@link stop} takes. */
  async stream(filter: string, sink: (event: RpcEvent) => void): Promise<number> {
    return await this.#subscribe("stream", { Type: filter }, (record) => sink(decodeEvent(record)));
  }

  /** Follows the log, from the lines that the agent has kept on. */
  async monitor(level: string, sink: (line: string) => void): Promise<number> {
    return await this.#subscribe("monitor", { LogLevel: level }, (record) => {
      sink(decodeBody(logRecord, record).Log);
    });
  }

  async stop(seq: number): Promise<void> {
    await this.#call("stop", { Stop: seq });
    this.#sinks.delete(seq);
  }

  /** Answers a query that came as an event on this connection. */
  async respond(id: number, payload: Bytes): Promise<void> {
    await this.#call("respond", { ID: id, Payload: payload });
  }

  close(): void {
    this.#end("connection closed");
  }

  async #subscribe<C extends "stream" | "monitor">(
    command: C,
    body: RequestBody<C>,
    sink: (record: unknown) => void,
  ): Promise<number> {
    const seq = this.#lastSeq + 1;
    this.#sinks.set(seq, sink);
    try {
      await this.#call(command, body);
    } catch (thrown) {
      this.#sinks.delete(seq);
      throw thrown;
    }
    return seq;
  }

  async #call<C extends CommandName>(
    command: C,
    body: RequestBody<C>,
    patience = this.#timeouts.answer,
  ): Promise<ResponseBody<C>> {
    if (this.#reason !== undefined) throw new OperatorError(this.#reason);
    this.#lastSeq += 1;
    const seq = this.#lastSeq;
    const header = encodeBody(requestHeader, { Command: command, Seq: seq });
    const shape = commands[command];
    const values =
      "request" in shape ? [header, encodeBody(shape.request, body as never)] : [header];
    this.#socket.write(packValues(...values));
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#end(`no answer from the agent within ${patience / 1_000} s`);
      }, patience);
      // The table pairs the command with the fields that its body is decoded by.
      this.#pending.set(seq, {
        command,
        timer,
        resolve: (answer) => resolve(answer as ResponseBody<C>),
        reject,
      });
    });
  }

  #receive(chunk: Buffer): void {
    this.#reader.feed(chunk);
    try {
      for (let item = this.#reader.next(); item !== undefined; item = this.#reader.next()) {
        this.#take(item.value);
      }
    } catch (thrown) {
      if (!(thrown instanceof FramingError)) throw thrown;
      this.#end(`the agent sent what is no answer: ${thrown.message}`);
    }
    clearTimeout(this.#stalled);
    if (this.#reason !== undefined || !(this.#reader.partial || this.#header)) return;
    const limit = this.#timeouts.answer;
    this.#stalled = setTimeout(
      () => this.#end("the agent stopped in the middle of an answer"),
      limit,
    );
  }

  /** Takes a header, the body of an answer, or a record. */
  #take(value: unknown): void {
    if (this.#header === undefined) {
      const { Error: error, Seq } = decodeBody(responseHeader, value);
      const seq = Number(Seq);
      const pending = this.#pending.get(seq);
      if (pending === undefined && !this.#sinks.has(seq)) {
        throw new FramingError(`nothing was asked as ${seq}`);
      }
      const shape = pending === undefined ? undefined : commands[pending.command];
      const last =
        shape !== undefined && (!("response" in shape) || error === rpcErrors.authRequired);
      if (last) this.#settle(seq, error, undefined);
      else this.#header = { error, seq };
      return;
    }
    const { error, seq } = this.#header;
    this.#header = undefined;
    if (this.#pending.has(seq)) this.#settle(seq, error, value);
    else this.#sinks.get(seq)?.(value);
  }

  #settle(seq: number, error: string, value: unknown): void {
    const pending = this.#pending.get(seq);
    if (pending === undefined) return;
    const answer = error === "" ? decodeAnswer(pending.command, value) : undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(seq);
    if (error === "") pending.resolve(answer);
    else pending.reject(new OperatorError(error));
  }

  /** Ends the connection and whatever waits for it; the first reason counts and is returned. */
  #end(reason: string): string {
    this.#reason ??= reason;
    clearTimeout(this.#stalled);
    this.#socket.destroy();
    for (const [seq, { timer, reject }] of this.#pending) {
      clearTimeout(timer);
      // An agent that closes the connection says why in a header that no body follows.
      const said = this.#header?.seq === seq ? this.#header.error : "";
      reject(new OperatorError(said || this.#reason));
    }
    this.#pending.clear();
    return this.#reason;
  }
}

function decodeAnswer(command: CommandName, value: unknown): unknown {
  const shape = commands[command];
  if (!("response" in shape)) return undefined;
  return shape.response === "sections" ? decodeSections(value) : decodeBody(shape.response, value);
}
