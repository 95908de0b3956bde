import type { Socket } from "node:net";
import { InvariantError, OperatorError, reasonOf } from "../base/errors.js";
import type { KeyReport } from "./api.js";
import { decodeBody, encodeBody, encodeSections, packMembers, zeroBody } from "./bodies.js";
import { packCoordinate } from "./coordinate-body.js";
import { FramingError, packValues, ValueReader } from "./framing.js";
import type { RpcHost } from "./host.js";
import { Outlet } from "./outlet.js";
import {
  type CommandName,
  commands,
  isCommandName,
  type Request,
  requestHeader,
  responseHeader,
  rpcErrors,
  rpcVersion,
} from "./protocol.js";
import { readQuestion } from "./questions.js";
import { Subscriptions } from "./subscriptions.js";

type Sequence = number | bigint;

interface Answer {
  readonly error?: string;
  /** The encoded body, for commands that have one. */
  readonly body?: object;
  /** Runs after the answer was written. */
  readonly after?: () => void;
}

/** One connection of a client: requests are served one after the other, in the order they came. */
export class Session {
  readonly #socket: Socket;
  readonly #host: RpcHost;
  readonly #client: string;
  readonly #reader: ValueReader;
  readonly #outlet: Outlet;
  readonly #subscriptions: Subscriptions;
  #version = 0;
  #authenticated: boolean;
  /** The header of a request whose body has not come yet. */
  #header: { readonly command: CommandName; readonly seq: Sequence } | undefined;
  /** Runs while the client owes us a handshake, the token, or the rest of a request. */
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, client: string, host: RpcHost) {
    this.#socket = socket;
    this.#client = client;
    this.#host = host;
    this.#authenticated = host.isToken === undefined;
    this.#reader = new ValueReader(host.limits.requestBytes);
    this.#outlet = new Outlet(socket);
    this.#subscriptions = new Subscriptions(this.#outlet, client, host);
    // An error is always followed by the close, which is what we act on.
    socket.on("error", () => {});
    socket.on("close", () => this.#subscriptions.close());
  }

  /** Serves the client until it goes away or breaks the protocol. */
  async run(): Promise<void> {
    this.#expect();
    try {
      for await (const value of this.#values()) {
        if (!(await this.#take(value))) break;
      }
    } catch (thrown) {
      if (thrown instanceof FramingError) {
        const facts = { client: this.#client, reason: thrown.message };
        this.#host.log.warn(facts, "malformed rpc request, closing the connection");
      } else if (!this.#socket.destroyed) {
        throw thrown;
      }
    }
    this.finish();
  }

  /** Ends the connection once the client has what was sent to it, or after a while. */
  finish(): void {
    clearTimeout(this.#deadline);
    this.#subscriptions.close();
    if (this.#socket.destroyed) return;
    this.#socket.end();
    // What is left unread would turn our end into a reset, and the last answer would be lost.
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), this.#host.limits.flushTimeout);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** While a request is served, nobody asks for the next value, and the socket is not read. */
  async *#values(): AsyncGenerator<unknown> {
    for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
      this.#reader.feed(chunk as Buffer);
      for (let item = this.#reader.next(); item !== undefined; item = this.#reader.next()) {
        yield item.value;
      }
      if (this.#reader.partial || this.#header !== undefined) this.#expect();
    }
  }

  #expect(): void {
    this.#deadline ??= setTimeout(() => {
      const facts = { client: this.#client, limit: this.#host.limits.requestTimeout };
      this.#host.log.warn(facts, "rpc request not complete in time, closing the connection");
      this.#socket.destroy();
    }, this.#host.limits.requestTimeout);
  }

  #relent(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** Takes a header or a body; false if the connection has to end. */
  async #take(value: unknown): Promise<boolean> {
    if (this.#socket.destroyed) return false;
    if (this.#header !== undefined) {
      const { command, seq } = this.#header;
      this.#header = undefined;
      return this.#serve(command, seq, value);
    }
    const { Command: command, Seq: seq } = decodeBody(requestHeader, value);
    if (this.#version === 0 && command !== "handshake") {
      this.#send(seq, rpcErrors.handshakeRequired);
      return false;
    }
    if (!isCommandName(command)) {
      if (!this.#authenticated && command !== "") return await this.#turnDown(seq);
      this.#send(seq, rpcErrors.command);
      return false;
    }
    if (!("request" in commands[command])) return this.#serve(command, seq, undefined);
    this.#header = { command, seq };
    return true;
  }

  async #serve(command: CommandName, seq: Sequence, value: unknown): Promise<boolean> {
    if (this.#isAdmitted) this.#relent();
    if (!this.#authenticated && command !== "handshake" && command !== "auth") {
      // Serf leaves the body in the stream and takes it for the next header; here it is consumed.
      return await this.#turnDown(seq);
    }
    this.#host.counters.requests += 1;
    const request = decodeRequest(command, value);
    const { error = "", body, after } = await this.#attempt(seq, request);
    this.#send(seq, error, body);
    after?.();
    if (this.#isAdmitted) this.#relent();
    await this.#outlet.ready();
    return true;
  }

  /** Before, no request gives a client more time: strangers could hold all connections. */
  get #isAdmitted(): boolean {
    return this.#version !== 0 && this.#authenticated;
  }

  async #turnDown(seq: Sequence): Promise<boolean> {
    this.#send(seq, rpcErrors.authRequired);
    await this.#outlet.ready();
    return true;
  }

  async #attempt(seq: Sequence, request: Request): Promise<Answer> {
    try {
      return await this.#execute(seq, request);
    } catch (thrown) {
      if (thrown instanceof InvariantError) throw thrown;
      const reason = reasonOf(thrown);
      if (!(thrown instanceof OperatorError)) {
        this.#host.log.error({ command: request.command, reason }, "rpc request failed");
      }
      return failure(request.command, reason);
    }
  }

  async #execute(seq: Sequence, request: Request): Promise<Answer> {
    const { api } = this.#host;
    const { command, body } = request;
    switch (command) {
      case "handshake":
        return this.#shakeHands(body.Version);
      case "auth":
        return this.#authenticate(body.AuthKey);
      case "ask": {
        const answer = await api.ask(body.Topic, askedOf(body.Body));
        return { body: encodeBody(commands.ask.response, { Body: JSON.stringify(answer) }) };
      }
      case "event":
        api.userEvent(body.Name, body.Payload, body.Coalesce);
        return {};
      case "force-leave":
        await api.forceLeave(body.Node, body.Prune);
        return {};
      case "join": {
        const { contacted, error } = await api.join(body.Existing, body.Replay);
        return { error, body: encodeBody(commands.join.response, { Num: contacted }) };
      }
      case "leave":
        await api.leave();
        return { after: () => void this.#afterLeave() };
      case "members":
        return { body: packMembers(api.members()) };
      case "members-filtered": {
        const filter = { name: body.Name, status: body.Status, tags: body.Tags };
        return { body: packMembers(api.membersFiltered(filter)) };
      }
      case "tags":
        await api.setTags(body.Tags, body.DeleteTags);
        return {};
      case "stats":
        return { body: encodeSections(api.stats()) };
      case "stream":
        return { after: this.#subscriptions.stream(seq, body.Type) };
      case "monitor":
        return { after: this.#subscriptions.monitor(seq, body.LogLevel) };
      case "stop":
        this.#subscriptions.stop(body.Stop);
        return {};
      case "respond":
        this.#subscriptions.respond(body.ID, body.Payload);
        return {};
      case "query":
        return { after: this.#subscriptions.query(seq, readQuestion(body)) };
      case "get-coordinate":
        return { body: packCoordinate(api.coordinate(body.Node)) };
      case "install-key":
        return keyAnswer(command, await api.keys("install", body.Key));
      case "use-key":
        return keyAnswer(command, await api.keys("use", body.Key));
      case "remove-key":
        return keyAnswer(command, await api.keys("remove", body.Key));
      case "list-keys":
        return keyAnswer(command, await api.keys("list", ""));
    }
  }

  #shakeHands(version: number): Answer {
    if (version !== rpcVersion) return { error: rpcErrors.version };
    if (this.#version !== 0) return { error: rpcErrors.handshakeRepeated };
    this.#version = version;
    return {};
  }

  #authenticate(token: string): Answer {
    const right = this.#host.isToken?.(token) ?? token === "";
    if (!right) return { error: rpcErrors.authInvalid };
    this.#authenticated = true;
    return {};
  }

  async #afterLeave(): Promise<void> {
    await this.#outlet.flushed(this.#host.limits.flushTimeout);
    this.#host.onLeft();
  }

  #send(seq: Sequence, error: string, body?: object): void {
    const header = encodeBody(responseHeader, { Error: error, Seq: seq });
    this.#outlet.send(body === undefined ? packValues(header) : packValues(header, body));
  }
}

function decodeRequest(command: CommandName, value: unknown): Request {
  const shape = commands[command];
  const body = "request" in shape ? decodeBody(shape.request, value) : undefined;
  // The table pairs every command with the fields of its body.
  return { command, body } as Request;
}

/** Throws OperatorError. */
function askedOf(text: string): object {
  try {
    const asked: unknown = JSON.parse(text);
    if (typeof asked === "object" && asked !== null && !Array.isArray(asked)) return asked;
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
  }
  throw new OperatorError("the body of an ask has to be an object of JSON");
}

type KeyCommand = "install-key" | "use-key" | "remove-key" | "list-keys";

/** The body is there also if the operation failed: it says on which members, and why. */
function keyAnswer(command: KeyCommand, report: KeyReport): Answer {
  const counts = {
    Messages: report.messages,
    NumErr: report.numErrors,
    NumNodes: report.numNodes,
    NumResp: report.numResponses,
  };
  const body =
    command === "list-keys"
      ? encodeBody(commands[command].response, { ...counts, Keys: report.keys })
      : encodeBody(commands[command].response, { ...counts, Keys: undefined });
  return { error: report.error ?? "", body };
}

/** An error in the form in which clients read it: with the body of the command, if it has one. */
function failure(command: CommandName, error: string): Answer {
  const shape = commands[command];
  if (!("response" in shape)) return { error };
  if (shape.response === "sections") return { error, body: new Map() };
  if (shape.response === "coordinate") return { error, body: packCoordinate(undefined) };
  return { error, body: encodeBody(shape.response, zeroBody(shape.response)) };
}
