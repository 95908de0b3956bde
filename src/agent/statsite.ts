import { connect, type Socket } from "node:net";
import { formatHostPort } from "../base/address.js";
import type { Log } from "../base/log.js";
import { type Millis, seconds } from "../base/units.js";
import { LineBatch } from "./line-batch.js";
import type { ServerAddress } from "./metric-servers.js";
import type { MetricSink } from "./metrics.js";
import { systemReason } from "./system-errors.js";

/** How many lines are written at once. */
const chunkBytes = 4_096;

/** What may wait for a server that reads too slowly; what comes then is dropped. */
const maxWaitingBytes = 65_536;

/** How long to wait before connecting anew, doubled after each failure. */
const firstRetry: Millis = seconds(1);
const longestRetry: Millis = seconds(30);

export interface StatsiteTimes {
  readonly firstRetry?: Millis;
}

/** A statsite server: lines on a TCP connection that is made anew whenever it breaks. */
export class StatsiteSink implements MetricSink {
  readonly #server: ServerAddress;
  readonly #log: Log;
  readonly #firstRetry: Millis;
  readonly #batch = new LineBatch(chunkBytes, (text) => this.#send(text));
  /** Undefined while there is no connection; what is measured then is dropped. */
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #wait: Millis;
  #closed = false;
  /** The log knows that there is no connection. */
  #silent = false;

  constructor(server: ServerAddress, log: Log, times: StatsiteTimes = {}) {
    this.#server = server;
    this.#log = log;
    this.#firstRetry = times.firstRetry ?? firstRetry;
    this.#wait = this.#firstRetry;
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
    this.#socket?.destroySoon();
    this.#socket = undefined;
  }

  #connect(): void {
    const { host, ip, port } = this.#server;
    const socket = connect({ host: ip ?? host, port, noDelay: true });
    let failure: Error | undefined;
    socket.on("connect", () => {
      if (this.#closed) {
        socket.destroy();
        return;
      }
      this.#socket = socket;
      this.#wait = this.#firstRetry;
      if (this.#silent)
        this.#log.info({ server: this.#name() }, "statsite server is reached again");
      this.#silent = false;
    });
    // It says nothing that we want to know, but its end is only seen by who reads.
    socket.resume();
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      this.#socket = undefined;
      if (!this.#closed) this.#connectLater(failure);
    });
  }

  #connectLater(failure: Error | undefined): void {
    if (!this.#silent) {
      const reason = failure === undefined ? "connection closed" : systemReason(failure);
      this.#log.warn({ server: this.#name(), reason }, "statsite server cannot be reached");
    }
    this.#silent = true;
    this.#retry = setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, longestRetry);
  }

  #send(text: string): void {
    const socket = this.#socket;
    if (socket === undefined || socket.writableLength > maxWaitingBytes) return;
    socket.write(text);
  }

  #name(): string {
    return formatHostPort(this.#server.host, this.#server.port);
  }
}
