import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import { reasonOf } from "../base/errors.js";
import { OutputTail } from "../base/output-tail.js";
import { systemText } from "../base/system-texts.js";
import { type Bytes, longestTimer, type Millis } from "../base/units.js";
import { oneLine } from "./values.js";

export interface ProgramLimits {
  /** Then it is ended by SIGKILL, with all that it started and that stayed in its process group. */
  readonly timeout: Millis;
  /** Bytes of its output that are kept, half from the beginning and half from the end. */
  readonly maxOutput?: number;
  readonly cwd?: string;
  /** The whole environment; that of this process if it is not given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ProgramResult {
  /** undefined if it did not start or was ended by a signal. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly timedOut: boolean;
  /** What it wrote to stdout and stderr, or why it could not be started. */
  readonly output: string;
  /** There is no such program. */
  readonly missing: boolean;
}

const defaultMaxOutput = 16 * 1024;

/** How long pipes may stay open after the program's end: somebody it left behind may hold them. */
const pipeGrace: Millis = 250;

/**
 * Runs a program to its end: its arguments as they are, no shell, nothing on its standard input, in a
 * process group of its own. Never rejects. What it leaves running on purpose (a proxy that went to the
 * background) is not touched, unless the time was over.
 */
export function runProgram(argv: readonly string[], limits: ProgramLimits): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const [program = "", ...args] = argv;
    const output = new CappedOutput(limits.maxOutput ?? defaultMaxOutput);
    let timedOut = false;
    let child: ReturnType<typeof start>;
    try {
      child = start(program, args, limits);
    } catch (error) {
      // What execve or Node itself refuse: a NUL in an argument, too long a command line.
      resolve(notStarted(error));
      return;
    }
    const conclude = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      resolve({
        code: code ?? undefined,
        signal: signal ?? undefined,
        timedOut,
        output: output.text(),
        missing: false,
      });
    };
    const closePipes = (): void => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const timer = setTimeout(
      () => {
        timedOut = true;
        if (child.pid !== undefined) killGroup(child.pid);
        // A process that hangs in the kernel does not even end then: it is not waited for.
        setTimeout(() => {
          closePipes();
          conclude(child.exitCode, child.signalCode);
        }, pipeGrace);
      },
      Math.min(limits.timeout, longestTimer),
    );
    child.stdout?.on("data", (chunk: Bytes) => output.write(chunk));
    child.stderr?.on("data", (chunk: Bytes) => output.write(chunk));
    child.once("exit", () => setTimeout(closePipes, pipeGrace).unref());
    child.once("close", conclude);
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve(notStarted(error));
    });
  });
}

/** Without file descriptors left it has no pipes, whatever narrower types say. */
function start(
  program: string,
  args: readonly string[],
  { cwd, env }: ProgramLimits,
): ChildProcess {
  return spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env } }),
  });
}

function notStarted(error: unknown): ProgramResult {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const output = (code === undefined ? undefined : systemText(code)) ?? reasonOf(error);
  const missing = code === "ENOENT";
  return { code: undefined, signal: undefined, timedOut: false, output, missing };
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // ESRCH: all of it is gone. EPERM: it became somebody else's, whom we cannot end.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

/** The first and the last bytes of an output: the first fault is at its beginning, the verdict at its end. */
class CappedOutput {
  readonly #head: Buffer;
  #headBytes = 0;
  readonly #tail: OutputTail;

  constructor(capacity: number) {
    this.#head = Buffer.alloc(Math.ceil(capacity / 2));
    this.#tail = new OutputTail(Math.floor(capacity / 2));
  }

  write(chunk: Bytes): void {
    const part = chunk.subarray(0, this.#head.length - this.#headBytes);
    this.#head.set(part, this.#headBytes);
    this.#headBytes += part.length;
    this.#tail.write(chunk.subarray(part.length));
  }

  text(): string {
    const head = this.#head.subarray(0, this.#headBytes).toString();
    const tail = this.#tail.bytes();
    const left = this.#tail.total - tail.length;
    const gap = left === 0 ? "" : `\n[${left} bytes left out]\n`;
    return `${head}${gap}${Buffer.from(tail).toString()}`;
  }
}

/** Why a run counts as failed, on one line with the program's own words; undefined if it ended with 0. */
export function programFailure(
  argv: readonly string[],
  limits: ProgramLimits,
  result: ProgramResult,
): string | undefined {
  if (result.code === 0 && !result.timedOut) return undefined;
  const [program = ""] = argv;
  const name = oneLine(basename(program), 60);
  if (result.missing) return `there is no program ${oneLine(program)}`;
  const words = verdict(result.output);
  const said = words === "" ? "" : `: ${words}`;
  if (result.timedOut)
    return `${name} did not end within ${limits.timeout} ms and was killed${said}`;
  if (result.signal !== undefined) return `${name} was ended by ${result.signal}${said}`;
  if (result.code === undefined) return `${name} could not be started${said}`;
  return `${name} ended with status ${result.code}${said}`;
}

/** The lines that say what is wrong, if any do; all of them otherwise. */
function verdict(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const faults = lines.filter((line) => /\b(alert|emerg|crit|error|fatal)\b/i.test(line));
  return oneLine((faults.length > 0 ? faults : lines).join(" | "), 600);
}
