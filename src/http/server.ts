import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { formatHostPort } from "../base/address.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import { systemText } from "../base/system-texts.js";
import type { Answer, AppParts } from "./app.js";
import { answerClientError } from "./client-error.js";
import { Connection, type Unsent } from "./connection.js";
import { feedEvents } from "./event-feed.js";
import { EventLog } from "./event-log.js";
import { EventStreams } from "./event-streams.js";
import type { HttpHost } from "./host.js";
import { type HttpLimits, httpLimits } from "./limits.js";
import { Refusal } from "./refusal.js";
import { Turns } from "./turns.js";
import { withPrivateUmask, yieldStaleSocket } from "./unix-socket.js";

export type HttpAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface HttpServerOptions {
  readonly limits?: Partial<HttpLimits>;
  /** The file of the page, instead of that of the bundle. */
  readonly page?: URL;
  /** For tests: loads what answers requests. */
  readonly load?: () => Promise<{ readonly openApp: (parts: AppParts) => Answer }>;
}

/** For metrics. */
export interface HttpFigures {
  readonly connections: number;
  /** Event streams that are open. */
  readonly streams: number;
  /** Event streams whose reader was too slow. */
  readonly streamsCut: number;
  /** Answers by the first digit of their status: `2xx`. */
  readonly answers: Readonly<Record<string, number>>;
}

/**
 * The agent's HTTP server. Until the first request comes, nothing is loaded of what answers it: on most
 * machines none ever comes, and Hono with its adapter takes 4 MB.
 */
export class HttpServer {
  readonly #host: HttpHost;
  readonly #limits: HttpLimits;
  readonly #page: URL | undefined;
  readonly #log: EventLog;
  readonly #streams: EventStreams;
  readonly #turns: Turns;
  readonly #unsent: Unsent = { bytes: 0 };
  readonly #answers: Record<string, number> = {};
  readonly #connections = new Map<Socket, Connection>();
  readonly #servers: Server[] = [];
  readonly #endFeed: () => void;
  readonly #load: NonNullable<HttpServerOptions["load"]>;
  #app: Promise<Answer> | undefined;

  constructor(host: HttpHost, options: HttpServerOptions = {}) {
    this.#host = host;
    this.#limits = { ...httpLimits, ...options.limits };
    this.#page = options.page;
    this.#load = options.load ?? (() => import("./app.js"));
    this.#log = new EventLog(this.#limits.eventBytes);
    this.#streams = new EventStreams(this.#log, this.#limits);
    this.#turns = new Turns(this.#limits.waiting);
    this.#endFeed = feedEvents(host, this.#log, () => this.#streams.wake());
  }

  get figures(): HttpFigures {
    const { cut, size } = this.#streams;
    const connections = this.#connections.size;
    return { connections, streams: size, streamsCut: cut, answers: { ...this.#answers } };
  }

  /** Resolves with the address as it is: the port may have been left open. Throws {@link OperatorError}. */
  async listen(address: HttpAddress): Promise<string> {
    const limits = this.#limits;
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeout,
      requestTimeout: limits.requestTimeout,
      keepAliveTimeout: limits.keepAliveTimeout,
      connectionsCheckingInterval: Math.ceil(limits.headersTimeout / 4),
      noDelay: true,
    });
    server.timeout = limits.idleTimeout;
    server.maxConnections = limits.connections;
    server.on("connection", (socket) => this.#accept(socket, address.kind === "unix"));
    server.on("request", (incoming, outgoing) => this.#take(incoming, outgoing));
    server.on("clientError", (error, socket) => answerClientError(error, socket));
    const where = await open(server, address);
    server.on("error", (error) => {
      this.#host.log.error({ reason: reasonOf(error) }, "http client could not be accepted");
    });
    this.#servers.push(server);
    return where;
  }

  /** Ends all event streams, and all else once it is answered or after a while. */
  async close(): Promise<void> {
    this.#endFeed();
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    this.#streams.close();
    for (const server of this.#servers) server.closeIdleConnections();
    const limit = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, this.#limits.closeTimeout);
    await Promise.all(closed);
    clearTimeout(limit);
  }

  #accept(socket: Socket, isTrusted: boolean): void {
    this.#connections.set(socket, new Connection(socket, isTrusted, this.#unsent));
    socket.once("close", () => this.#connections.delete(socket));
  }

  #take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { socket } = incoming;
    const connection = this.#connections.get(socket);
    if (connection === undefined || socket.destroyed) return;
    connection.open += 1;
    if (connection.open > this.#limits.pipelined) {
      socket.destroy();
      return;
    }
    outgoing.once("close", () => {
      connection.open -= 1;
      const first = `${String(outgoing.statusCode)[0]}xx`;
      this.#answers[first] = (this.#answers[first] ?? 0) + 1;
    });
    const isTaken = this.#turns.take(() => void this.#answer(incoming, outgoing, connection));
    if (!isTaken) socket.destroy();
  }

  async #answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    connection: Connection,
  ): Promise<void> {
    try {
      this.#app ??= this.#loadApp();
      const answer = await this.#app;
      if (!incoming.socket.destroyed) answer(incoming, outgoing, connection);
    } catch (thrown) {
      this.#app = undefined;
      // The files were replaced, as by an upgrade, while the agent ran: its members need not suffer.
      this.#host.log.error({ reason: reasonOf(thrown) }, "http request failed");
      const { body, status } = new Refusal(500, "the agent failed to answer", "Restart it.");
      outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    }
  }

  async #loadApp(): Promise<Answer> {
    const { openApp } = await this.#load();
    return openApp({
      host: this.#host,
      limits: this.#limits,
      log: this.#log,
      streams: this.#streams,
      page: this.#page,
    });
  }
}

/** Resolves with where it listens. */
async function open(server: Server, address: HttpAddress): Promise<string> {
  if (address.kind === "unix") {
    const { path } = address;
    await yieldStaleSocket(path);
    await withPrivateUmask(() => listening(server, { path }, `unix ${path}`));
    chmodSync(path, 0o600);
    return `unix:${path}`;
  }
  const { host, port } = address;
  await listening(server, { host, port }, `tcp ${formatHostPort(host, port)}`);
  const bound = server.address();
  const actual = typeof bound === "object" && bound !== null ? bound.port : port;
  return formatHostPort(host, actual);
}

function listening(server: Server, where: object, name: string): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const reason = systemText(error.code ?? "") ?? error.message;
      reject(new OperatorError(`listen ${name}: bind: ${reason}`, { cause: error }));
    };
    server.once("error", refuse);
    server.listen(where, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
