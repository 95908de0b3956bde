import { readFile } from "node:fs/promises";
import { OperatorError } from "../../base/errors.js";

/** A process as `/proc` shows it. */
interface ProcessEntry {
  readonly name: string;
  readonly parent: number;
}

/** The processes of one HAProxy, as the system tells them: for those without a master socket. */
export interface ProcessFamily {
  readonly master: number;
  /** The newest first: that is the one that serves, unless a reload is just failing. */
  readonly workers: readonly number[];
}

/** The family of a worker or of a master; undefined if the system does not tell, or it has no master. */
export async function familyOf(pid: number): Promise<ProcessFamily | undefined> {
  const own = await entryOf(pid);
  if (own === undefined || !isHaproxy(own)) return undefined;
  const parent = await entryOf(own.parent);
  const master = parent !== undefined && isHaproxy(parent) ? own.parent : pid;
  const workers = await workersOf(master);
  return workers === undefined || workers.length === 0 ? undefined : { master, workers };
}

/**
 * The master process named by a pid file. Throws OperatorError if that is not a master of HAProxy: the
 * signal that has a master load its file ends any other process.
 */
export async function masterOf(pidFile: string): Promise<number> {
  const text = await readFile(pidFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new OperatorError(
      `cannot read the process id of HAProxy from ${pidFile}: ${error.code === "ENOENT" ? "there is no such file; start HAProxy with -W -p and this path" : error.message}`,
      { cause: error },
    );
  });
  const pid = /^\s*([1-9]\d{0,9})\s*$/.exec(text)?.[1];
  if (pid === undefined) {
    throw new OperatorError(
      `${pidFile} must hold one process id, that of the master of haproxy -W -p: ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
  const found = Number(pid);
  const own = await entryOf(found);
  if (own !== undefined && !isHaproxy(own)) {
    throw new OperatorError(
      `${pidFile} names process ${pid}, which is no HAProxy but ${JSON.stringify(own.name)}: it is an old file, start HAProxy with -W -p and this path`,
    );
  }
  const workers = own === undefined ? [] : await workersOf(found);
  if (own === undefined || workers?.length === 0) {
    throw new OperatorError(
      `${pidFile} names process ${pid}, which is no master with workers: start HAProxy with -W -p and this path`,
    );
  }
  return found;
}

async function workersOf(master: number): Promise<readonly number[] | undefined> {
  const text = await readFile(`/proc/${master}/task/${master}/children`, "utf8").catch(
    () => undefined,
  );
  if (text === undefined) return undefined;
  const children = text.split(/\s+/).filter(Boolean).map(Number);
  const entries = await Promise.all(
    children.map(async (pid) => ({ pid, entry: await entryOf(pid) })),
  );
  // Children come in the order of their birth.
  return entries
    .flatMap(({ pid, entry }) => (entry !== undefined && isHaproxy(entry) ? [pid] : []))
    .reverse();
}

/** Also `haproxy-2.8` and the like. */
function isHaproxy({ name }: ProcessEntry): boolean {
  return name.startsWith("haproxy");
}

async function entryOf(pid: number): Promise<ProcessEntry | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+) /s.exec(text ?? "") ?? [];
  if (name === undefined || state === "Z") return undefined;
  return { name, parent: Number(parent) };
}
