import type { Socket } from "node:net";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { Millis } from "../base/units.js";
import { decodeBody, decodeSections, encodeBody } from "./bodies.js";
import { decodeCoordinate } from "./coordinate-body.js";
import { dial } from "./dial.js";
import { FramingError, packValues, ValueReader } from "./framing.js";
import {
  type CommandName,
  commands,
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

/** What follows a request for longer than its answer. */
export interface Follower {
  /** Takes a record; true if it was the last one. Throws FramingError if it is none. */
  take(record: unknown): boolean;
  /** The connection is over. */
  end(reason: string): void;
}

export interface Answer<C extends CommandName> {
  /** Empty for success. */
  readonly error: string;
  /** With an error, it is only there for commands that say more in it. */
  readonly body: ResponseBody<C> | undefined;
}

/** A request that was sent. There are as many as the caller makes at once. */
interface Pending {
  readonly command: CommandName;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answer: { error: string; body: unknown }) => void;
  readonly reject: (error: Error) => void;
}

/** The client's end of a connection: requests with their answers, and the records that follow some. */
export class Connection {
  readonly timeouts: RpcTimeouts;
  /** Resolves when the connection is over, with the reason. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #reader = new ValueReader(maxAnswerBytes);
  #lastSeq = 0;
  readonly #pending = new Map<number, Pending>();
  /** By the Seq of the request; as many as the caller begins. */
  readonly #followers = new Map<number, Follower>();
  /** A header whose body has not come yet. */
  #header: { readonly error: string; readonly seq: number } | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #reason: string | undefined;

  /** Dials, shakes hands and authenticates. Throws OperatorError. */
  static async open(target: RpcTarget): Promise<Connection> {
    const timeouts = { ...rpcTimeouts, ...target.timeouts };
    const socket = await dial(target.host, target.port, timeouts.connect);
    const connection = new Connection(socket, timeouts);
    try {
      await connection.call("handshake", { Version: rpcVersion });
      if (target.authKey !== "") await connection.call("auth", { AuthKey: target.authKey });
    } catch (thrown) {
      connection.end("connection closed");
      throw thrown;
    }
    return connection;
  }

  private constructor(socket: Socket, timeouts: RpcTimeouts) {
    this.#socket = socket;
    this.timeouts = timeouts;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.end(reasonOf(error)));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => resolve(this.end("connection closed by the agent")));
    });
  }

  /** The answer to a request. Throws OperatorError with the error in it, or if there is no answer. */
  async call<C extends CommandName>(
    command: C,
    body: RequestBody<C>,
    patience = this.timeouts.answer,
  ): Promise<ResponseBody<C>> {
    const answer = await this.exchange(command, body, patience);
    if (answer.error !== "") throw new OperatorError(answer.error);
    // Without an error the body is there, if the command has one.
    return answer.body as ResponseBody<C>;
  }

  /** The answer to a request, an error or not. Throws OperatorError if there is no answer. */
  async exchange<C extends CommandName>(
    command: C,
    body: RequestBody<C>,
    patience: Millis,
  ): Promise<Answer<C>> {
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
        this.end(`no answer from the agent within ${patience / 1_000} s`);
      }, patience);
      // The table pairs the command with the fields that its body is decoded by.
      this.#pending.set(seq, {
        command,
        timer,
        resolve: (answer) => resolve(answer as Answer<C>),
        reject,
      });
    });
  }

  /** A request whose answer is followed by records; resolves with its Seq when it was accepted. */
  async follow<C extends "stream" | "monitor" | "query">(
    command: C,
    body: RequestBody<C>,
    follower: Follower,
  ): Promise<number> {
    const seq = this.#lastSeq + 1;
    this.#followers.set(seq, follower);
    try {
      await this.call(command, body);
    } catch (thrown) {
      this.#followers.delete(seq);
      throw thrown;
    }
    return seq;
  }

  /** No record follows the request `seq` any more. */
  forget(seq: number): void {
    this.#followers.delete(seq);
  }

  /** Ends the connection and whatever waits for it; the first reason counts and is returned. */
  end(reason: string): string {
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
    for (const follower of this.#followers.values()) follower.end(this.#reason);
    this.#followers.clear();
    return this.#reason;
  }

  #receive(chunk: Buffer): void {
    this.#reader.feed(chunk);
    try {
      for (let item = this.#reader.next(); item !== undefined; item = this.#reader.next()) {
        this.#take(item.value);
      }
    } catch (thrown) {
      if (!(thrown instanceof FramingError)) throw thrown;
      this.end(`the agent sent what is no answer: ${thrown.message}`);
    }
    clearTimeout(this.#stalled);
    if (this.#reason !== undefined || !(this.#reader.partial || this.#header)) return;
    const limit = this.timeouts.answer;
    this.#stalled = setTimeout(
      () => this.end("the agent stopped in the middle of an answer"),
      limit,
    );
  }

  /** Takes a header, the body of an answer, or a record. */
  #take(value: unknown): void {
    if (this.#header === undefined) {
      const { Error: error, Seq } = decodeBody(responseHeader, value);
      const seq = Number(Seq);
      const pending = this.#pending.get(seq);
      if (pending === undefined && !this.#followers.has(seq)) {
        throw new FramingError(`nothing was asked as ${seq}`);
      }
      const shape = pending === undefined ? undefined : commands[pending.command];
      // An agent that refuses a request so sends no body, and closes the connection.
      const isRefusal = error === rpcErrors.authRequired || error === rpcErrors.command;
      const last = shape !== undefined && (!("response" in shape) || isRefusal);
      if (last) this.#settle(seq, error, undefined);
      else this.#header = { error, seq };
      return;
    }
    const { error, seq } = this.#header;
    this.#header = undefined;
    if (this.#pending.has(seq)) this.#settle(seq, error, value);
    else if (this.#followers.get(seq)?.take(value) === true) this.#followers.delete(seq);
  }

  #settle(seq: number, error: string, value: unknown): void {
    const pending = this.#pending.get(seq);
    if (pending === undefined) return;
    const body = decodeAnswer(pending.command, error, value);
    clearTimeout(pending.timer);
    this.#pending.delete(seq);
    pending.resolve({ error, body });
  }
}

/** The body of an answer; after an error only those of commands for keys have something to say. */
function decodeAnswer(command: CommandName, error: string, value: unknown): unknown {
  const shape = commands[command];
  if (!("response" in shape) || value === undefined) return undefined;
  const { response } = shape;
  const reports = typeof response === "object" && "Messages" in response;
  if (error !== "" && !reports) return undefined;
  if (response === "sections") return decodeSections(value);
  return response === "coordinate" ? decodeCoordinate(value) : decodeBody(response, value);
}
