import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes, Millis } from "../../base/units.js";
import type { Environment } from "../../handler/handler-input.js";
import { runLimits, ScriptRun } from "../../handler/handler-runner.js";

/** A pipe holds so much on Linux; more is given as the agent does, and nobody can tell then what was read. */
const pipeBytes = 60_000;

export interface TrialInput {
  readonly script: string;
  readonly stdin: Bytes;
  readonly environment: Environment;
  readonly timeout: Millis;
}

/** What came of one run. */
export interface Trial {
  readonly output: string;
  readonly exitStatus: number | null;
  readonly failure: string | null;
  readonly tookMillis: Millis;
  readonly isTimedOut: boolean;
  /** Of that time, how long something else held its output open after it had exited. */
  readonly heldMillis: Millis;
  /** How much of its input it left; null if that is not known. */
  readonly unreadBytes: number | null;
  /** What it left running, by process id; they were ended afterwards. */
  readonly leftBehind: readonly { readonly pid: number; readonly name: string }[];
}

/** Runs a script as the agent would, from its start to its end. */
export async function tryOut({ environment, script, stdin, timeout }: TrialInput): Promise<Trial> {
  const pipe = stdin.length <= pipeBytes ? openPipe(stdin) : undefined;
  try {
    let isTimedOut = false;
    const begun = performance.now();
    let exited: number | undefined;
    const run = new ScriptRun({
      script,
      stdin: pipe?.forScript ?? stdin,
      environment,
      limits: { ...runLimits, timeout },
      onSlow: () => {},
      onTimeout: () => {
        isTimedOut = true;
      },
      onExit: () => {
        exited = performance.now();
      },
    });
    const { exitStatus, failure = null, output } = await run.result;
    const ended = performance.now();
    const tookMillis = Math.round(ended - begun);
    const heldMillis = Math.round(ended - (exited ?? ended));
    const unreadBytes = pipe === undefined ? null : leftIn(pipe.forUs);
    const leftBehind = endSession(run.pid);
    const text = Buffer.from(output).toString("utf8");
    const times = { tookMillis, isTimedOut, heldMillis };
    return { output: text, exitStatus, failure, ...times, unreadBytes, leftBehind };
  } finally {
    if (pipe !== undefined) for (const file of Object.values(pipe)) closeSync(file);
  }
}

/** A pipe with `stdin` in it and nobody who writes any more. Undefined where there are no named pipes. */
function openPipe(
  stdin: Bytes,
): { readonly forScript: number; readonly forUs: number } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-stdin-"));
  try {
    const path = join(folder, "stdin");
    if (spawnSync("mkfifo", [path]).status !== 0) return undefined;
    const forUs = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, "w");
    const forScript = openSync(path, "r");
    writeSync(writer, stdin);
    closeSync(writer);
    return { forScript, forUs };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function leftIn(file: number): number {
  const buffer = Buffer.alloc(pipeBytes);
  try {
    return readSync(file, buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}

/** Ends what is left of the session that the script led; none is found where there is no /proc. */
function endSession(leader: number | undefined): Trial["leftBehind"] {
  if (leader === undefined) return [];
  const left = processes().filter(({ session }) => session === leader);
  for (const { pid } of left) {
    try {
      process.kill(pid, "SIGTERM");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ESRCH" && code !== "EPERM") throw error;
    }
  }
  return left.map(({ name, pid }) => ({ pid, name }));
}

function processes(): { pid: number; name: string; session: number }[] {
  let entries: string[];
  try {
    entries = readdirSync("/proc");
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      // pid (name) state ppid pgrp session; the name may hold anything.
      const stat = readFileSync(`/proc/${entry}/stat`, "latin1");
      const [, name, state, session] = /^\d+ \((.*)\) (\S) \d+ \d+ (\d+) /s.exec(stat) ?? [];
      if (name === undefined || state === "Z") return [];
      return [{ pid: Number(entry), name, session: Number(session) }];
    } catch {
      return [];
    }
  });
}
