import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import type { Socket } from "node:net";
import { OperatorError } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";
import type { SyslogTransport } from "./syslog.js";
import { priorityName } from "./syslog-priority.js";

/** What may wait for the program; what comes then is dropped. */
const maxWaitingBytes = 262_144;

/** How long to wait before the program is started anew after it ended. */
const retryAfter: Millis = seconds(1);

/** The longest line that is passed on in one piece. */
const maxLine = "64KiB";

/**
 * Sends to syslog with the system's program `logger`, which reads our lines from its stdin.
 *
 * That of util-linux takes the priority in front of each line, so that one process keeps all in
 * order. Others, as busybox's, take it on the command line: one process for each that occurs.
 */
export class LoggerProgram implements SyslogTransport {
  readonly #path: string;
  readonly #tag: string;
  readonly #prefixes: boolean;
  readonly #wait: Millis;
  /** By priority; under 0 if one is enough for all. */
  readonly #children = new Map<number, ChildProcess>();
  readonly #retryAt = new Map<number, number>();
  #dropped = 0;

  /** Throws {@link OperatorError} if the system does not have the program. */
  static find(path: string, tag: string, wait = retryAfter): LoggerProgram {
    const { error, stdout } = spawnSync("logger", ["--version"], { encoding: "utf8" });
    if (error !== undefined) {
      throw new OperatorError(
        `${path} takes datagrams, which are sent with the program "logger" (of util-linux or busybox), and it cannot be run: ${error.message}`,
        { cause: error },
      );
    }
    return new LoggerProgram(path, tag, stdout.includes("util-linux"), wait);
  }

  private constructor(path: string, tag: string, prefixes: boolean, wait: Millis) {
    this.#path = path;
    this.#tag = tag;
    this.#prefixes = prefixes;
    this.#wait = wait;
  }

  /** Lines that found no place since the last one that did. */
  get dropped(): number {
    return this.#dropped;
  }

  write(priority: number, text: string): void {
    const stdin = this.#childFor(this.#prefixes ? 0 : priority)?.stdin;
    if (stdin === null || stdin === undefined || stdin.writableLength > maxWaitingBytes) {
      this.#dropped += 1;
      return;
    }
    const prefix = this.#prefixes ? `<${priority}>` : "";
    if (this.#dropped > 0) {
      stdin.write(`${prefix}agent: lines for syslog were dropped count=${this.#dropped}\n`);
      this.#dropped = 0;
    }
    stdin.write(`${prefix}${text}\n`);
  }

  close(): void {
    for (const { stdin } of this.#children.values()) stdin?.end();
    this.#children.clear();
  }

  #childFor(key: number): ChildProcess | undefined {
    const running = this.#children.get(key);
    if (running !== undefined) return running;
    const now = performance.now();
    if (now < (this.#retryAt.get(key) ?? 0)) return undefined;
    this.#retryAt.set(key, now + this.#wait);
    const child = spawn("logger", this.#arguments(key), {
      stdio: ["pipe", "ignore", "ignore"],
      // A ctrl-C is meant for the agent, which still has something to say then.
      detached: true,
    });
    const forget = (): void => {
      if (this.#children.get(key) === child) this.#children.delete(key);
    };
    child.on("error", forget);
    child.on("exit", forget);
    // Without file descriptors left there is no pipe, whatever the types say.
    const stdin = child.stdin as Socket | undefined;
    stdin?.on("error", forget);
    // The process ends when we do.
    child.unref();
    stdin?.unref();
    this.#children.set(key, child);
    return child;
  }

  #arguments(priority: number): string[] {
    if (this.#prefixes) {
      return ["--prio-prefix", "--size", maxLine, "--socket", this.#path, "--tag", this.#tag];
    }
    return ["-t", this.#tag, "-p", priorityName(priority)];
  }
}
