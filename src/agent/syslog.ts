import { statSync } from "node:fs";
import { OperatorError } from "../base/errors.js";
import type { Level } from "./log-levels.js";
import { LoggerProgram } from "./logger-program.js";
import { facilityCode, priorityOf } from "./syslog-priority.js";
import { SyslogStream, takesStreams } from "./syslog-stream.js";

/** Where systems have the socket of their syslog daemon; the first one that is there is taken, as in Go. */
const socketPaths = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/** What users of Serf filter by. */
const identity = "serf";

/** A way to a syslog daemon. It never blocks and never throws; what it cannot hold is dropped. */
export interface SyslogTransport {
  /** `priority` is facility and severity in one number; `text` is one line without a newline. */
  write(priority: number, text: string): void;
  /** Hands over what waits, and ends. */
  close(): void;
}

/** The syslog of this host, in addition to stdout. */
export class Syslog {
  readonly #transport: SyslogTransport;
  readonly #facility: number;

  /** Throws {@link OperatorError} if there is no such facility, no daemon, or no way to it. */
  static async open(facility: string, paths: readonly string[] = socketPaths): Promise<Syslog> {
    try {
      const code = facilityCode(facility);
      return new Syslog(code, await openTransport(paths));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      throw new OperatorError(`Syslog setup failed: ${error.message}`, { cause: error });
    }
  }

  private constructor(facility: number, transport: SyslogTransport) {
    this.#facility = facility;
    this.#transport = transport;
  }

  write(level: Level, text: string): void {
    this.#transport.write(priorityOf(this.#facility, level), text);
  }

  close(): void {
    this.#transport.close();
  }
}

/**
 * Most daemons take datagrams, which Node.js cannot send on such a socket: the system's own program
 * for that does it for us. An addon could as well, but would have to be compiled at each install.
 */
async function openTransport(paths: readonly string[]): Promise<SyslogTransport> {
  for (const path of paths) {
    if (!isSocket(path)) continue;
    const streams = await takesStreams(path);
    if (streams === undefined) continue;
    const tag = `${identity}[${process.pid}]`;
    return streams ? new SyslogStream(path, tag) : LoggerProgram.find(path, tag);
  }
  throw new OperatorError(`Unix syslog delivery error: nobody listens at ${paths.join(", ")}`);
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}
