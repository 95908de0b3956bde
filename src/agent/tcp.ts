import { connect, createServer, type Server, type Socket } from "node:net";
import { type Address, formatAddress, formatIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import type { StreamId } from "../swim/host.js";
import { isUnspecified } from "./ip-ranges.js";
import { IpTexts } from "./ip-text.js";
import { systemCode, systemReason } from "./system-errors.js";

/** Connections of others, those included that are about to close. */
const maxInbound = 2_304;

/** Connections of ours, those included that are about to close. */
const maxOutbound = 512;

/** How long a closed stream may take to send what was written. */
const flushTimeout = 10_000;

/** Where a listener came to be. */
export interface BoundTo {
  /** As Node's sockets take it. */
  readonly host: string;
  readonly port: number;
  /** IPv4 and IPv6 in one socket. */
  readonly dual: boolean;
}

/** What happens on streams, for the core. */
export interface StreamHandler {
  /** Undefined refuses the stream. */
  accept(from: Address): StreamId | undefined;
  /** A connection that was dialled stands. */
  stands(stream: StreamId): void;
  receive(stream: StreamId, chunk: Bytes): void;
  /** No `reason`: the peer has sent all it wanted. `refused` as in {@link Swim.streamClosed}. */
  closed(stream: StreamId, reason: string | undefined, refused?: boolean): void;
}

/** The gossip's TCP side: every stream of the core is one connection. */
export class TcpStreams {
  /** Open for the core; at most {@link maxInbound} + {@link maxOutbound}. */
  readonly #open = new Map<StreamId, Socket>();
  /** All connections, also those that only flush. */
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #texts: IpTexts;
  readonly bound: BoundTo;
  #handler: StreamHandler | undefined;
  #outbound = 0;

  private constructor(server: Server, bound: BoundTo, log: Log) {
    this.#server = server;
    this.bound = bound;
    this.#texts = new IpTexts(bound.dual);
    server.on("connection", (socket) => this.#accept(socket));
    server.on("error", (error) => {
      log.error({ reason: systemReason(error) }, "stream could not be accepted");
    });
  }

  /**
   * Listens at `address`; on all addresses means IPv4 and IPv6, as in Go, where the host has both.
   * Throws {@link OperatorError}.
   */
  static async listen(address: Address, log: Log): Promise<TcpStreams> {
    const everywhere = isUnspecified(address.ip);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.maxConnections = maxInbound;
    const hosts =
      everywhere && address.ip.length === 4 ? ["::", "0.0.0.0"] : [formatIp(address.ip)];
    let failure: unknown;
    for (const host of hosts) {
      try {
        await listening(server, host, address.port);
        const dual = everywhere && host === "::";
        return new TcpStreams(server, { host, port: portOf(server), dual }, log);
      } catch (error) {
        failure = error;
        if (!["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(systemCode(error) ?? "")) break;
      }
    }
    const where = `"${formatIp(address.ip)}" port ${address.port}`;
    const cause = `listen tcp ${formatAddress(address)}: bind: ${systemReason(failure)}`;
    throw new OperatorError(`Failed to start TCP listener on ${where}: ${cause}`, {
      cause: failure,
    });
  }

  /** Begins to serve; connections that come before are cut. */
  start(handler: StreamHandler): void {
    this.#handler = handler;
  }

  dial(stream: StreamId, to: Address): void {
    const where = `dial tcp ${formatAddress(to)}`;
    if (this.#outbound >= maxOutbound) {
      queueMicrotask(() => this.#handler?.closed(stream, `${where}: too many open connections`));
      return;
    }
    let socket: Socket;
    try {
      const host = this.#texts.format(to.ip);
      socket = connect({ host, port: to.port, allowHalfOpen: true, noDelay: true });
    } catch (error) {
      // A peer may announce a port or an address that cannot be dialled.
      const reason = `${where}: ${systemReason(error)}`;
      queueMicrotask(() => this.#handler?.closed(stream, reason));
      return;
    }
    this.#outbound += 1;
    socket.on("connect", () => {
      if (this.#open.has(stream)) this.#handler?.stands(stream);
    });
    socket.on("close", () => {
      this.#outbound -= 1;
    });
    this.#attach(stream, socket, to);
  }

  write(stream: StreamId, bytes: Bytes): void {
    this.#open.get(stream)?.write(bytes);
  }

  /** Closes after what was written has left; what still comes is thrown away. */
  close(stream: StreamId): void {
    const socket = this.#open.get(stream);
    if (socket === undefined) return;
    this.#open.delete(stream);
    // An unread rest would turn our close into a reset, and the peer might lose our last words.
    socket.end();
    const timer = setTimeout(() => socket.destroy(), flushTimeout);
    socket.on("end", () => socket.destroySoon());
    if (socket.readableEnded) socket.destroySoon();
    socket.on("close", () => clearTimeout(timer));
  }

  /** Cuts everything. */
  async stop(): Promise<void> {
    this.#handler = undefined;
    this.#open.clear();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const from = this.#texts.parse(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    const stream = from === undefined ? undefined : this.#handler?.accept(from);
    if (from === undefined || stream === undefined) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.#attach(stream, socket, from);
  }

  #attach(stream: StreamId, socket: Socket, peer: Address): void {
    this.#open.set(stream, socket);
    this.#sockets.add(socket);
    socket.on("data", (chunk) => {
      if (this.#open.has(stream)) this.#handler?.receive(stream, chunk);
    });
    socket.on("end", () => {
      if (this.#open.has(stream)) this.#handler?.closed(stream, undefined);
    });
    socket.on("error", (error) => {
      const reason = failureText(socket, peer, error);
      if (!this.#open.delete(stream)) return;
      this.#handler?.closed(stream, reason, systemCode(error) === "ECONNREFUSED");
    });
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#open.delete(stream)) this.#handler?.closed(stream, "connection closed");
    });
  }
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** What Go says: users search for these words. */
function failureText(socket: Socket, peer: Address, error: Error): string {
  const { syscall } = error as NodeJS.ErrnoException;
  if (syscall === "connect" || syscall === undefined) {
    return `dial tcp ${formatAddress(peer)}: connect: ${systemReason(error)}`;
  }
  const ends = `${socket.localAddress ?? ""}:${socket.localPort ?? ""}->${formatAddress(peer)}`;
  return `${syscall} tcp ${ends}: ${syscall}: ${systemReason(error)}`;
}
