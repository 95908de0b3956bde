import { link, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OperatorError } from "../base/errors.js";
import { codeOf } from "./disk.js";
import { StateInUseError } from "./state-in-use.js";

/** A process, told apart from a later one with the same number. */
interface Owner {
  readonly pid: number;
  /** When it began, as its system says it; empty where that is not known. */
  readonly started: string;
}

/** Others who take the lock at the same time as we do; each of them ends a try. */
const maxTries = 100;

/** Each lock of this process has a draft of its own. */
let drafts = 0;

/**
 * Holds a folder for one process. The lock of a process that is gone is taken over, also if another one
 * has its number by now.
 *
 * The owner is whom the file `lock-N` with the highest N names. To take the lock is to make the next
 * one; only then are the earlier ones removed, so nobody can remove one that is newer than he thinks.
 */
export class DirLock {
  readonly #path: string;
  readonly #draft: string;

  private constructor(path: string, draft: string) {
    this.#path = path;
    this.#draft = draft;
  }

  /** Throws {@link StateInUseError} if a process that runs has it. */
  static async take(folder: string): Promise<DirLock> {
    drafts += 1;
    // It gets its name with its content: an empty lock would look like that of nobody.
    const draft = join(folder, `.lock-${process.pid}-${drafts}`);
    const started = (await startOf(process.pid)) ?? "";
    await writeFile(draft, JSON.stringify({ pid: process.pid, started }), { mode: 0o600 });
    try {
      for (let tries = 0; tries < maxTries; tries += 1) {
        const number = await freeNumber(folder);
        const path = join(folder, `lock-${number}`);
        if (!(await linked(draft, path))) continue;
        const others = await numbersIn(folder);
        if (Math.max(...others) > number) {
          await rm(path, { force: true });
          continue;
        }
        for (const other of others.filter((one) => one < number)) {
          await rm(join(folder, `lock-${other}`), { force: true });
        }
        return new DirLock(path, draft);
      }
    } finally {
      await rm(draft, { force: true });
    }
    throw new OperatorError(`cannot take ${folder}: others take it all the time`);
  }

  /** Nobody has it then. Its file stays: were it removed, its number could be given twice. */
  async release(): Promise<void> {
    await writeFile(this.#draft, "{}", { mode: 0o600 });
    await rename(this.#draft, this.#path);
  }
}

/** The number after the newest lock, whose owner is gone. */
async function freeNumber(folder: string): Promise<number> {
  const newest = Math.max(0, ...(await numbersIn(folder)));
  const owner = readOwner((await textOf(join(folder, `lock-${newest}`))) ?? "");
  if (owner !== undefined && (await runs(owner))) {
    throw new StateInUseError(
      `${folder} is in use by process ${owner.pid}: give each process a state_dir of its own`,
      owner.pid,
    );
  }
  return newest + 1;
}

async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^lock-\d{1,15}$/.test(name)).map((name) => Number(name.slice(5)));
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    return false;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return undefined;
  }
}

function readOwner(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Owner>;
    const known = Number.isSafeInteger(pid) && Number(pid) > 0 && typeof started === "string";
    return known ? { pid: Number(pid), started } : undefined;
  } catch {
    return undefined;
  }
}

async function runs({ pid, started }: Owner): Promise<boolean> {
  const start = await startOf(pid);
  if (start !== undefined) return start === started;
  try {
    return process.kill(pid, 0) && started === "";
  } catch (error) {
    return codeOf(error) === "EPERM" && started === "";
  }
}

/** When a process began: of which boot, and how long after it. undefined if it is gone, or nobody tells. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name before may have anything in it, also a bracket (proc(5): state is field 3, starttime 22).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
    return `${boot.trim()} ${fields[19] ?? ""}`;
  } catch {
    return undefined;
  }
}
