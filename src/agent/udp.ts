import { createSocket, type Socket } from "node:dgram";
import type { Address } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import { IpTexts } from "./ip-text.js";
import { systemReason } from "./system-errors.js";
import type { BoundTo } from "./tcp.js";

/** What a burst of gossip may take before we get to read it; the system may grant less. */
const receiveBufferBytes = 2 * 1_048_576;

/** The gossip socket: all datagrams come and go here, for peers answer to where one came from. */
export class UdpSocket {
  readonly counters = { sendErrors: 0 };

  readonly #socket: Socket;
  readonly #texts: IpTexts;
  readonly #log: Log;

  private constructor(socket: Socket, texts: IpTexts, log: Log) {
    this.#socket = socket;
    this.#texts = texts;
    this.#log = log;
    socket.removeAllListeners("error");
    socket.on("error", (error) => this.#note(error, "udp socket failed"));
  }

  /** Binds to what the listener got. Rejects with the system's error. */
  static async bind(bound: BoundTo, log: Log): Promise<UdpSocket> {
    const { host, port, dual } = bound;
    const ipv6 = host.includes(":");
    const socket = createSocket({
      type: ipv6 ? "udp6" : "udp4",
      ipv6Only: ipv6 && !dual,
      recvBufferSize: receiveBufferBytes,
      // Only addresses are ever sent to.
      lookup: (address, _options, done) => done(null, address, ipv6 ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ address: host, port, exclusive: true }, resolve);
    }).catch((error: unknown) => {
      socket.close();
      throw error;
    });
    return new UdpSocket(socket, new IpTexts(dual), log);
  }

  /** Begins to hand over what comes; empty datagrams are dropped. */
  start(receive: (from: Address, payload: Bytes) => void): void {
    this.#socket.on("message", (payload, { address, port }) => {
      const from = this.#texts.parse(address, port);
      if (from !== undefined && payload.length > 0) receive(from, payload);
    });
  }

  send(to: Address, payload: Bytes): void {
    try {
      this.#socket.send(payload, to.port, this.#texts.format(to.ip), this.#sent);
    } catch (error) {
      // A peer may announce a port or an address that no datagram can be sent to.
      this.#note(error, "packet could not be sent");
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#note(error, "packet could not be sent");
  };

  #note(error: unknown, message: string): void {
    this.counters.sendErrors += 1;
    this.#log.debug({ reason: systemReason(error) }, message);
  }
}
