import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { systemCode } from "./system-errors.js";

/** Whose a replaced file is: the owner's alone, or whose it was before if there was one. */
export type Permissions = "owner" | "as before";

/**
 * Replaces a file, or the one behind a link: a crash leaves the old text or the new one. It keeps its
 * owner. Throws the error of the system.
 */
export function replaceFile(path: string, text: string, permissions: Permissions): void {
  const target = realPath(path);
  const before = statSync(target, { throwIfNoEntry: false });
  const mode = permissions === "owner" || before === undefined ? 0o600 : before.mode & 0o777;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { force: true });
    writeAll(temporary, text, mode, before);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (!onlyInPlace.has(systemCode(error) ?? "")) throw error;
    writeFileSync(target, text, { mode, flush: true });
    return;
  }
  syncFolder(dirname(target));
}

/**
 * A file in a folder that is not ours, that is somebody else's, or that is a mount point of its own,
 * can only be rewritten.
 */
const onlyInPlace: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EBUSY"]);

/** The file behind a link, so that the link stays, even if that file is gone. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    const entry = lstatSync(path, { throwIfNoEntry: false });
    return entry?.isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : path;
  }
}

function writeAll(path: string, text: string, mode: number, owner: Stats | undefined): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeFileSync(file, text);
    const own = fstatSync(file);
    if (owner !== undefined && (owner.uid !== own.uid || owner.gid !== own.gid)) {
      fchownSync(file, owner.uid, owner.gid);
    }
    fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** So that the new name outlasts a crash; where folders cannot be opened or synced, it may not. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}
