import { createConnection } from "node:net";
import { assert } from "../../base/assert.js";
import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";

/** What HAProxy's master says of its processes. */
export interface MasterState {
  readonly master: number;
  /** How often it was reloaded, whether that went well or not. */
  readonly reloads: number;
  /** How many reloads have failed since the last one that went well. Above 0 it is in wait mode. */
  readonly failed: number;
  /** The process that serves; undefined for the moment in which there is none. */
  readonly worker: number | undefined;
  /** Those of earlier configurations, with their last connections. */
  readonly lingering: readonly number[];
  /** `2.6.12-1`. */
  readonly version: string;
}

/** Ends an answer that is longer. */
const longestAnswer = 4 * 1024 * 1024;

/**
 * The socket of HAProxy's master process (`-S`). Every question has a connection of its own: a reload
 * closes them all.
 */
export class MasterSocket {
  readonly path: string;
  readonly #timeout: Millis;

  constructor(path: string, timeout: Millis) {
    this.path = path;
    this.#timeout = timeout;
  }

  /** Throws OperatorError if there is no answer, or none that we understand. */
  async state(timeout = this.#timeout): Promise<MasterState> {
    const answer = await this.ask("show proc", timeout);
    const state = parseProcesses(answer);
    if (state === undefined) {
      throw new OperatorError(
        `master socket ${this.path}: ${JSON.stringify(answer.slice(0, 80))} is no answer of a master's to "show proc"; the socket of haproxy -W -S is needed here`,
      );
    }
    return state;
  }

  /** What it answers to one command until it closes the connection. Throws OperatorError. */
  ask(command: string, timeout = this.#timeout): Promise<string> {
    assert(/^[\x20-\x7e]+$/.test(command), `not one plain command: ${JSON.stringify(command)}`);
    return new Promise((resolve, reject) => {
      let answer = "";
      const socket = createConnection({ path: this.path, allowHalfOpen: true });
      const fail = (what: string, cause?: unknown): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new OperatorError(`master socket ${this.path}: ${what}`, { cause }));
      };
      const timer = setTimeout(
        () => fail(`no answer within ${timeout} ms: is HAProxy stuck?`),
        timeout,
      );
      // The master keeps a connection open until our side of it is closed (measured, 2.6).
      socket.once("connect", () => socket.end(`${command}\n`));
      socket.setEncoding("utf8").on("data", (part: string) => {
        answer += part;
        if (answer.length > longestAnswer) fail(`more than ${longestAnswer} bytes of answer`);
      });
      socket.once("error", (error: NodeJS.ErrnoException) => fail(wordsOf(error), error));
      socket.once("end", () => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answer.trim());
      });
    });
  }
}

/**
 * Reads `show proc`. The columns before 2.5 are others (a relative number more, no failures); then the
 * number of failures is not known and taken for 0.
 */
export function parseProcesses(answer: string): MasterState | undefined {
  let section = "";
  let master: Pick<MasterState, "master" | "reloads" | "failed" | "version"> | undefined;
  let worker: number | undefined;
  const lingering: number[] = [];
  for (const line of answer.split("\n")) {
    if (line.startsWith("#")) section = line.replace(/^#\s*/, "").trim();
    const [, id = "", type] = /^(\d+)\s+(\w+)\s/.exec(line) ?? [];
    const pid = Number(id);
    if (type === "master") {
      const failed = /\[failed: (\d+)\]/.exec(line)?.[1];
      const cells = line
        .replace(/\[failed: \d+\]/, "")
        .trim()
        .split(/\s+/);
      master = {
        master: pid,
        reloads: Number(cells.at(-3)),
        failed: Number(failed ?? 0),
        version: cells.at(-1) ?? "",
      };
    } else if (type === "worker" && section === "workers") worker = pid;
    else if (type === "worker" && section === "old workers") lingering.push(pid);
  }
  if (master === undefined || !Number.isSafeInteger(master.reloads)) return undefined;
  return { ...master, worker, lingering };
}

function wordsOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
      return "not there: start HAProxy with -W -S and this path";
    case "EACCES":
    case "EPERM":
      return 'permission denied: give this user the right by ",uid,", ",gid," or ",mode," behind the path of -S';
    case "ECONNREFUSED":
      return "nobody listens there: has HAProxy stopped?";
    default:
      return error.message;
  }
}
