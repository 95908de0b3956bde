import { createSocket, type Socket } from "node:dgram";
import { formatHostPort } from "../base/address.js";
import type { Log } from "../base/log.js";
import { type Instant, minutes, seconds } from "../base/units.js";
import { LineBatch } from "./line-batch.js";
import type { ServerAddress } from "./metric-servers.js";
import type { MetricSink } from "./metrics.js";
import { systemReason } from "./system-errors.js";

/** What go-metrics puts into a packet at most: it passes everywhere in one piece. */
const maxPacketBytes = 1_400;

/** How long to wait before a name is looked up again that could not be. */
const retryAfter = seconds(10);

/**
 * Trouble after so long without is news. A port where nobody listens refuses one packet and keeps
 * silent about the next, so that a packet that was sent means nothing.
 */
const outage = minutes(1);

/** A statsd server: lines in UDP packets, which get lost while there is nobody (compat.md section 17). */
export class StatsdSink implements MetricSink {
  readonly #server: ServerAddress;
  readonly #log: Log;
  readonly #batch = new LineBatch(maxPacketBytes, (text) => this.#send(text));
  /** Undefined while the address is not known. */
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #lastTrouble: Instant = Number.NEGATIVE_INFINITY;

  constructor(server: ServerAddress, log: Log) {
    this.#server = server;
    this.#log = log;
    this.#connect();
  }

  /** What is written before is dropped. */
  get connected(): boolean {
    return this.#socket !== undefined;
  }

  write(line: string): void {
    if (this.#socket !== undefined) this.#batch.add(line);
  }

  close(): void {
    this.#batch.flush();
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#socket = undefined;
  }

  #connect(): void {
    const { host, ip, port } = this.#server;
    const socket = createSocket(ip?.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      this.#complain(error);
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), retryAfter);
    });
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      // A port where nobody listens says so now and then, and may be served later.
      socket.on("error", (error) => this.#complain(error));
      if (this.#closed) socket.close();
      else this.#socket = socket;
    });
    socket.connect(port, ip ?? host);
  }

  #send(text: string): void {
    this.#socket?.send(text, (error) => {
      if (error !== null) this.#complain(error);
    });
  }

  #complain(error: Error): void {
    if (this.#closed) return;
    const { host, port } = this.#server;
    const facts = { server: formatHostPort(host, port), reason: systemReason(error) };
    const now = performance.now();
    const isNews = now - this.#lastTrouble > outage;
    this.#lastTrouble = now;
    if (isNews) this.#log.warn(facts, "statsd server cannot be reached");
    else this.#log.debug(facts, "statsd server still cannot be reached");
  }
}
