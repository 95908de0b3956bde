import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError, reasonOf } from "../../base/errors.js";
import type { Instant, Millis } from "../../base/units.js";
import { faults } from "./check.js";
import type { MasterSocket, MasterState } from "./master-socket.js";
import { observeHaproxy } from "./observe.js";
import { familyOf, masterOf } from "./process-table.js";
import type { RuntimeSocket } from "./runtime-socket.js";

/** Ways to an HAProxy process, as many as there are. */
export interface ReloadPaths {
  /** Named in errors. */
  readonly file: string;
  readonly master: MasterSocket | undefined;
  readonly pidFile: string | undefined;
  /** The one of the new file. */
  readonly stats: RuntimeSocket | undefined;
  readonly timeout: Millis;
  readonly now: () => Instant;
}

/** How often it is looked whether a reload is through. */
const pollInterval: Millis = 20;

/** How long a master may be away before it counts as gone. */
const masterGrace: Millis = 500;

/** A master that loads a file answers nobody: one question must not take all of the time. */
const questionTimeout: Millis = 500;

/**
 * Has HAProxy load its file and makes sure that another process serves now. Throws OperatorError if
 * none does, and that must not be left so: a master whose last reload failed ends with its worker
 * (loadbalancer.md 1.2), so another file has to be loaded at once.
 */
export async function reloadHaproxy(paths: ReloadPaths): Promise<void> {
  const end = paths.now() + paths.timeout;
  if (paths.master !== undefined) {
    const worker = await reloadByMaster(paths, paths.master, end);
    await answers(paths, worker, end);
  } else if (paths.pidFile !== undefined) {
    await reloadBySignal(paths, paths.pidFile, end);
  } else {
    throw new OperatorError(
      `${paths.file} has to be loaded, and there is no way to tell HAProxy: start it with -W -S PATH and give that as "master_socket", or give the file of -p as "pid_file"`,
    );
  }
}

async function reloadByMaster(
  paths: ReloadPaths,
  master: MasterSocket,
  end: Instant,
): Promise<number> {
  const before = await stateOf(master, Math.min(end, paths.now() + masterGrace), paths.now);
  // Before 2.7 nothing is answered, and the connection may well break: what counts is what follows.
  const answer = await master.ask("reload", paths.timeout).catch(() => "");
  if (/^Success=0/m.test(answer)) throw refused(paths, faults(answer, paths.file, paths.file));
  let seen: MasterState | undefined;
  let trouble = "";
  do {
    const state = await master
      .state(Math.min(questionTimeout, paths.timeout))
      .catch((error: unknown) => reasonOf(error));
    if (typeof state === "string") trouble = state;
    else {
      seen = state;
      if (state.reloads !== before.reloads || state.master !== before.master) {
        if (state.failed > 0) throw refused(paths, waitMode(state));
        if (state.worker !== undefined && state.worker !== before.worker) return state.worker;
      }
    }
    await sleep(pollInterval);
  } while (paths.now() < end);
  const what = seen === undefined ? trouble : `process ${seen.worker ?? "?"} still serves`;
  throw refused(paths, `no new process within ${paths.timeout} ms: ${what}`);
}

/** A master is not there for a moment after each reload, whoever asked for that. */
async function stateOf(
  master: MasterSocket,
  end: Instant,
  now: () => Instant,
): Promise<MasterState> {
  for (;;) {
    try {
      return await master.state();
    } catch (error) {
      if (now() >= end) throw error;
    }
    await sleep(pollInterval);
  }
}

/** The new process must be reached by its own socket as well: that of the old one may linger for a moment. */
async function answers(paths: ReloadPaths, worker: number, end: Instant): Promise<void> {
  const { stats, now } = paths;
  if (stats === undefined) return;
  for (;;) {
    const { process, trouble } = await observeHaproxy(stats, now, []);
    if (process.startsWith(`${worker}@`)) return;
    if (now() >= end) {
      const what = trouble ?? `process ${process} answers there`;
      throw refused(paths, `the new process ${worker} is not reached at ${stats.path}: ${what}`);
    }
    await sleep(pollInterval);
  }
}

async function reloadBySignal(paths: ReloadPaths, pidFile: string, end: Instant): Promise<void> {
  const master = await masterOf(pidFile);
  const serving = async (): Promise<string | undefined> => {
    if (paths.stats === undefined) return (await familyOf(master))?.workers[0]?.toString();
    const { process } = await observeHaproxy(paths.stats, paths.now, []);
    return process === "" ? undefined : process;
  };
  const before = await serving();
  if (before === undefined) {
    throw new OperatorError(
      `${paths.file} was not loaded: it could not be seen whether HAProxy does it; the "stats socket" of the file or, better, the master socket (-S, "master_socket") is needed`,
    );
  }
  try {
    process.kill(master, "SIGUSR2");
  } catch (error) {
    throw new OperatorError(
      `cannot tell process ${master} of ${pidFile} to load its file: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  while (paths.now() < end) {
    await sleep(pollInterval);
    const after = await serving();
    if (after !== undefined && after !== before) return;
  }
  throw refused(paths, `process ${before} still serves after ${paths.timeout} ms`);
}

function refused({ file }: ReloadPaths, what: string): OperatorError {
  return new OperatorError(`HAProxy did not load ${file}: ${what}`);
}

function waitMode({ master, worker, failed }: MasterState): string {
  return `process ${worker ?? "?"} goes on with the old one (${failed} failed in a row), and if it ended now, so would the master ${master}; HAProxy's own log says why: mostly a port that is taken, or too few file descriptors`;
}
