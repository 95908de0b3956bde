import { connect, type Socket } from "node:net";
import { type Millis, seconds } from "../base/units.js";
import type { SyslogTransport } from "./syslog.js";
import { systemCode } from "./system-errors.js";

/** What may wait for the daemon; what comes then is dropped. */
const maxWaitingBytes = 262_144;

/** How long to wait before connecting anew. */
const retryAfter: Millis = seconds(1);

/** True if the socket at `path` takes connections, false if datagrams, undefined if nobody listens. */
export function takesStreams(path: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error) => {
      resolve(systemCode(error) === "EPROTOTYPE" ? false : undefined);
    });
  });
}

/** A daemon that takes connections, such as syslog-ng can be told to. */
export class SyslogStream implements SyslogTransport {
  readonly #path: string;
  readonly #tag: string;
  #socket: Socket | undefined;
  #retryAt = 0;

  constructor(path: string, tag: string) {
    this.#path = path;
    this.#tag = tag;
  }

  write(priority: number, text: string): void {
    const socket = this.#socket ?? this.#connect();
    if (socket === undefined || socket.writableLength > maxWaitingBytes) return;
    socket.write(`<${priority}>${stamp(new Date())} ${this.#tag}: ${text}\n`);
  }

  close(): void {
    this.#socket?.end();
  }

  #connect(): Socket | undefined {
    const now = performance.now();
    if (now < this.#retryAt) return undefined;
    this.#retryAt = now + retryAfter;
    const socket = connect(this.#path).unref();
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.resume();
    this.#socket = socket;
    return socket;
  }
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The time as RFC 3164 has it: `Jan  2 15:04:05`. */
function stamp(date: Date): string {
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const time = clock.map((value) => String(value).padStart(2, "0")).join(":");
  return `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${time}`;
}
