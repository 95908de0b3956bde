import type { Stats } from "node:fs";
import * as promises from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { OperatorError, reasonOf } from "../base/errors.js";
import { systemText } from "../base/system-texts.js";

/**
 * What is used of a disk. Not its blocking functions: a disk that takes a second to sync must not keep
 * the agent from answering probes. Tests make each of them fail.
 */
export type Disk = Pick<
  typeof promises,
  "lstat" | "mkdir" | "open" | "readdir" | "readlink" | "realpath" | "rename" | "rm" | "stat"
>;

export const realDisk: Disk = promises;

/** No file that is read here is larger, however it came there. */
const maxFileBytes = 16 * 1024 * 1024;

/** `ENOENT` and the like; undefined if `thrown` is no error of the system. */
export function codeOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** An error of the disk in the operator's words: `cannot write FILE: no space left on device`. */
export function diskError(what: string, thrown: unknown, more = ""): OperatorError {
  if (thrown instanceof OperatorError) return thrown;
  const code = codeOf(thrown);
  if (code === undefined) throw thrown;
  const reason = systemText(code) ?? reasonOf(thrown);
  return new OperatorError(`${what}: ${reason}${more}`, { cause: thrown });
}

/** What a file holds, undefined if there is none. Throws for what is no ordinary file. */
export async function readBytes(disk: Disk, path: string): Promise<Buffer | undefined> {
  try {
    // A pipe would be waited for.
    const stats = await disk.stat(path);
    if (!stats.isFile()) throw new OperatorError(`${path} is not an ordinary file`);
    if (stats.size > maxFileBytes) throw new OperatorError(`${path} is larger than 16 MiB`);
    const file = await disk.open(path, "r");
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The file behind a link, so that the link stays, even if that file is not there. */
export async function behindLinks(disk: Disk, path: string): Promise<string> {
  try {
    return await disk.realpath(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    const link = await disk.readlink(path).catch(() => undefined);
    return link === undefined ? resolve(path) : resolve(dirname(path), link);
  }
}

/**
 * Writes a new file and makes sure that it is on the disk; whatever had the name is gone before. Gives
 * false if it could not be made `owner`'s.
 */
export async function writeNew(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  mode: number,
  owner: Pick<Stats, "uid" | "gid"> | undefined,
): Promise<boolean> {
  await disk.rm(path, { force: true });
  const file = await disk.open(path, "wx", 0o600);
  let owned = true;
  try {
    await file.writeFile(bytes);
    const own = await file.stat();
    if (owner !== undefined && (owner.uid !== own.uid || owner.gid !== own.gid)) {
      owned = await file.chown(owner.uid, owner.gid).then(
        () => true,
        (error) => {
          if (codeOf(error) !== "EPERM") throw error;
          return false;
        },
      );
    }
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
  return owned;
}

/** Replaces a file of our own, mode 0600: a crash leaves the old one or the new one. */
export async function replaceOwn(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    await writeNew(disk, temporary, bytes, 0o600, undefined);
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(disk, dirname(path));
}

/** Where {@link replaceOwn} writes first; what lies there after a crash means nothing. */
export function temporaryOf(path: string): string {
  return resolve(dirname(path), `.${basename(path)}.tmp`);
}

/** So that a new name outlasts a crash; where folders cannot be opened or synced, it may not. */
export async function syncFolder(disk: Disk, path: string): Promise<void> {
  try {
    const folder = await disk.open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}
