import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Millis } from "../base/units.js";

/** The last lines of a child's output, kept to say why it failed. */
const keptLines = 12;

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly onLine?: (line: string) => void;
}

/** A process that we started. It leads a process group, so that a terminal's Ctrl-C is ours alone. */
export class Child {
  readonly title: string;
  /** Resolves when the process is gone, with how it ended: `exit status 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  readonly lastLines: string[] = [];
  readonly #process: ChildProcess;
  #running = true;

  constructor(title: string, command: string, args: readonly string[], options: ChildOptions) {
    this.title = title;
    this.#process = spawn(command, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream !== null) this.#follow(stream, options.onLine);
    }
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#running = false;
        resolve(how);
      };
      this.#process.once("error", (error) => end(error.message));
      this.#process.once("exit", (code, signal) =>
        end(signal === null ? `exit status ${code}` : `signal ${signal}`),
      );
    });
  }

  get running(): boolean {
    return this.#running;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#running) this.#process.kill(name);
  }

  /** SIGKILL to the process and all in its group. Only while it runs, for its id is its own then. */
  kill(): void {
    if (!this.#running || this.pid === undefined) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      this.#process.kill("SIGKILL");
    }
  }

  /** Sends `signal`, and SIGKILL if that did not end it within `grace`. */
  async end(signal: NodeJS.Signals, grace: Millis): Promise<void> {
    this.signal(signal);
    const timer = setTimeout(() => this.kill(), grace);
    await this.ended;
    clearTimeout(timer);
  }

  #follow(stream: Readable, onLine: ((line: string) => void) | undefined): void {
    createInterface({ input: stream }).on("line", (line) => {
      this.lastLines.push(line);
      if (this.lastLines.length > keptLines) this.lastLines.shift();
      onLine?.(line);
    });
  }
}

/** All processes of the demo. None outlives it, however it ends, short of a SIGKILL to the demo itself. */
export class Children {
  readonly #all = new Set<Child>();

  start(
    title: string,
    command: string,
    args: readonly string[],
    options: ChildOptions = {},
  ): Child {
    const child = new Child(title, command, args, options);
    this.#all.add(child);
    child.ended.then(() => this.#all.delete(child));
    return child;
  }

  /** SIGTERM to all, SIGKILL to those that still run after `grace`. */
  async endAll(grace: Millis): Promise<void> {
    await Promise.all([...this.#all].map((child) => child.end("SIGTERM", grace)));
  }

  /** For a process that is about to exit: SIGKILL to all, at once. */
  killAll(): void {
    for (const child of this.#all) child.kill();
  }
}
