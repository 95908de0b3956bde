import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { formatHostPort } from "../base/address.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { systemText } from "../base/system-texts.js";
import type { Millis } from "../base/units.js";
import type { RpcApi } from "./api.js";
import { keepAliveDelay } from "./dial.js";
import type { RpcCounters, RpcHost } from "./host.js";
import { type RpcLimits, rpcLimits } from "./limits.js";
import { Session } from "./session.js";

/** So many clients in a row are told of in the log at info, then one in this time, the others at debug. */
const maxTellings = 20;
const tellInterval: Millis = 60_000;

export interface RpcServerOptions {
  /** The token that clients must send; empty: none is needed. */
  readonly authKey: string;
  readonly log: Log;
  /**
   * Called when a client's `leave` was done and its answer is on the way: the agent should exit.
   * Called again for every other client that asked to leave.
   */
  readonly onLeft: () => void;
  readonly limits?: Partial<RpcLimits>;
}

/** Serves {@link RpcApi} to clients of Serf's RPC (protocol.md section 6). */
export class RpcServer {
  readonly counters: RpcCounters = { accepted: 0, refused: 0, requests: 0, droppedRecords: 0 };
  readonly #host: RpcHost;
  readonly #server: Server;
  /** At most `limits.connections`. */
  readonly #sessions = new Map<Socket, Session>();
  /** Clients are being turned away, and the log says so. */
  #full = false;
  /** How many clients may still be told of at info, see {@link tellInterval}; at most {@link maxTellings}. */
  #tellings = maxTellings;
  #toldAt = 0;

  constructor(api: RpcApi, options: RpcServerOptions) {
    const { authKey, log, onLeft } = options;
    const limits = { ...rpcLimits, ...options.limits };
    const isToken = authKey === "" ? undefined : tokenCheck(authKey);
    this.#host = { api, log, limits, isToken, onLeft, counters: this.counters };
    // A client may close its half at once, as `leave` of node-serf does, and still wants its answers.
    this.#server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelay,
    });
    this.#server.maxConnections = limits.connections;
    this.#server.on("connection", (socket) => this.#accept(socket));
    this.#server.on("drop", () => this.#refuse());
  }

  /** Clients that are connected. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** Resolves with the port that is listened on. Throws OperatorError if the address cannot be had. */
  async listen(host: string, port: number): Promise<number> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(new OperatorError(bindFailure(host, port, error))));
      server.listen({ host, port }, resolve);
    });
    server.removeAllListeners("error");
    server.on("error", (error) => {
      this.#host.log.error({ reason: reasonOf(error) }, "rpc client could not be accepted");
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Stops listening and ends all connections, after what was sent to them has left (or did not). */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions.values()) session.finish();
    await closed;
  }

  #accept(socket: Socket): void {
    const { remoteAddress = "", remotePort = 0 } = socket;
    const client = formatHostPort(remoteAddress, remotePort);
    this.counters.accepted += 1;
    this.#tellOf(client);
    const session = new Session(socket, client, this.#host);
    this.#sessions.set(socket, session);
    socket.on("close", () => {
      this.#sessions.delete(socket);
      this.#full = false;
    });
    void session.run();
  }

  /** Health checks come every few seconds for as long as the agent lives. */
  #tellOf(client: string): void {
    const now = performance.now();
    const regained = (now - this.#toldAt) / tellInterval;
    this.#tellings = Math.min(this.#tellings + regained, maxTellings);
    this.#toldAt = now;
    const isTold = this.#tellings >= 1;
    if (isTold) this.#tellings -= 1;
    this.#host.log[isTold ? "info" : "debug"]({}, `Accepted client: ${client}`);
  }

  #refuse(): void {
    this.counters.refused += 1;
    if (this.#full) return;
    this.#full = true;
    const facts = { connections: this.#host.limits.connections };
    this.#host.log.warn(facts, "too many rpc clients, refusing further ones");
  }
}

/** Compares digests, so that the time it takes tells nothing about the token. */
function tokenCheck(token: string): (text: string) => boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const right = digest(token);
  return (text) => timingSafeEqual(digest(text), right);
}

function bindFailure(host: string, port: number, error: NodeJS.ErrnoException): string {
  const address = formatHostPort(host, port);
  return `listen tcp ${address}: bind: ${systemText(error.code ?? "") ?? error.message}`;
}
