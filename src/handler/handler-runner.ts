import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { reasonOf } from "../base/errors.js";
import { OutputTail } from "../base/output-tail.js";
import { type Bytes, longestTimer, type Millis, minutes, seconds } from "../base/units.js";
import type { Environment } from "./handler-input.js";

/** How much of a script's output is kept, counted from its end. */
const outputBytes = 8 * 1024;

export interface RunLimits {
  /** When {@link RunOptions.onSlow} is called. */
  readonly slowAfter: Millis;
  /** How long a script may run before it is told to end (SIGTERM); 0 means as long as it likes. */
  readonly timeout: Millis;
  /** How long it then has to end by itself before it is ended (SIGKILL). */
  readonly killGrace: Millis;
}

export const runLimits: RunLimits = {
  slowAfter: seconds(1),
  timeout: minutes(1),
  killGrace: seconds(5),
};

export interface RunOptions {
  /** A command line for /bin/sh. */
  readonly script: string;
  /** What it reads, or the descriptor from which it does; that stays the caller's to close. */
  readonly stdin: Bytes | number;
  readonly environment: Environment;
  readonly limits: RunLimits;
  readonly onSlow: () => void;
  /** The time is over and the script was told to end. */
  readonly onTimeout: () => void;
  /** The script itself has exited; something that it started may hold its output open. */
  readonly onExit?: () => void;
}

export interface RunResult {
  /** stdout and stderr as they were written, the last {@link outputBytes} of them. */
  readonly output: Bytes;
  /** How many bytes were written in all. */
  readonly writtenBytes: number;
  /** Why the run counts as failed, in the words of Go (`exit status 3`, `signal: killed`). */
  readonly failure: string | undefined;
  /** Null if it did not exit by itself. */
  readonly exitStatus: number | null;
}

/**
 * One run of a script, from its start until it exited and nobody holds its output open any more
 * (compat.md section 13.2).
 *
 * The script leads a process group and session of its own, so that a signal reaches all it started
 * and a ctrl-C meant for the agent reaches none of it. What it leaves behind on purpose, with its
 * output redirected, is not touched.
 */
export class ScriptRun {
  /** Never rejects. */
  readonly result: Promise<RunResult>;
  readonly #options: RunOptions;
  readonly #tail = new OutputTail(outputBytes);
  readonly #timers: NodeJS.Timeout[] = [];
  #resolve: (result: RunResult) => void = () => {};
  #child: ChildProcess | undefined;
  #pid: number | undefined;
  /** The script exited and its output is closed. */
  #closed: Ending | undefined;
  #stopping = false;
  #killed = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#start();
  }

  /** Of the process that leads the script's group and session; undefined if there never was one. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /**
   * Ends the run: SIGTERM, after the grace SIGKILL, both to the whole group, for all of which the run
   * waits then. A process that left the group and holds the output open loses it. Calling it again
   * changes nothing.
   */
  stop(killGrace = this.#options.limits.killGrace): void {
    const child = this.#child;
    if (child === undefined || this.#stopping) return;
    this.#stopping = true;
    signalGroup(child, "SIGTERM");
    this.#after(killGrace, () => {
      signalGroup(child, "SIGKILL");
      this.#killed = true;
      if (this.#closed !== undefined) this.#conclude(this.#closed);
      this.#after(pipeGrace, () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      });
    });
  }

  #start(): void {
    let child: ChildProcess;
    try {
      child = spawnScript(this.#options);
    } catch (error) {
      // Node throws for what execve refuses, such as an environment that is too large.
      this.#conclude({ failure: reasonOf(error), exitStatus: null });
      return;
    }
    this.#child = child;
    this.#pid = child.pid;
    child.once("error", ({ message }) => this.#conclude({ failure: message, exitStatus: null }));
    child.once("exit", () => this.#options.onExit?.());
    child.once("close", (code, signal) => {
      const failure = failureOf(code, signal) ?? (this.#stopping ? "told to end" : undefined);
      this.#closed = { failure, exitStatus: code };
      const othersLeft = this.#stopping && !this.#killed && signalGroup(child, 0);
      if (!othersLeft) this.#conclude(this.#closed);
    });
    child.stdout?.on("data", (chunk: Bytes) => this.#tail.write(chunk));
    child.stderr?.on("data", (chunk: Bytes) => this.#tail.write(chunk));
    // A script need not read its input.
    child.stdin?.on("error", () => {});
    const { stdin } = this.#options;
    if (typeof stdin !== "number") child.stdin?.end(stdin);
    this.#limit();
  }

  #conclude(ending: Ending): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#child = undefined;
    this.#resolve({ output: this.#tail.bytes(), writtenBytes: this.#tail.total, ...ending });
  }

  #limit(): void {
    const { limits, onSlow, onTimeout } = this.#options;
    this.#after(limits.slowAfter, onSlow);
    if (limits.timeout === 0) return;
    this.#after(limits.timeout, () => {
      onTimeout();
      this.stop();
    });
  }

  #after(delay: Millis, run: () => void): void {
    this.#timers.push(setTimeout(run, Math.min(delay, longestTimer)));
  }
}

type Ending = Pick<RunResult, "failure" | "exitStatus">;

/** How long after SIGKILL the pipes may take to close by themselves. */
const pipeGrace: Millis = seconds(1);

/**
 * The first shell does nothing but give its place to the second with stderr joined to stdout. One
 * pipe for both keeps what a script writes in the order in which it was written, as Serf does; of
 * two pipes nobody knows.
 */
function spawnScript({ environment, script, stdin }: RunOptions): ChildProcess {
  return spawn("/bin/sh", ["-c", 'exec /bin/sh -c "$0" 2>&1', script], {
    env: environment,
    stdio: [typeof stdin === "number" ? stdin : "pipe", "pipe", "pipe"],
    detached: true,
  });
}

/** Signals the whole group; false if nobody of it is left whom we may signal. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: all of it is gone. EPERM: it runs as somebody else, whom we cannot end.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
    return false;
  }
}

function failureOf(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (code === 0) return undefined;
  if (signal === null) return `exit status ${code}`;
  return `signal: ${signalWords[signal] ?? `signal ${constants.signals[signal]}`}`;
}

/** How Go spells the signals that end scripts. */
const signalWords: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
};
