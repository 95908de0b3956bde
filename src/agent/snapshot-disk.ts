import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import { systemCode } from "./system-errors.js";

/** An open file, as a system calls it. */
export type Handle = number;

/**
 * All that a snapshot file needs of the file system. Calls throw the system's errors; tests put a disk
 * in its place that fails when they want it to.
 */
export interface SnapshotDisk {
  /** What is at `path`, links followed. */
  kindOf(path: string): "nothing" | "file" | "directory" | "other";
  /** All of a file. Throws as well if that is more than `limit` bytes. */
  read(path: string, limit: number): Bytes;
  /** `path` without links. */
  realPath(path: string): string;
  /** Opens a file to write at its end; makes it with `mode` if there is none. */
  open(path: string, mode: number): Handle;
  /** Makes a file, in place of one that may be there. */
  create(path: string, mode: number): Handle;
  modeOf(path: string): number;
  /** Writes at the end; returns how many of the bytes were written, at least one. */
  write(file: Handle, bytes: Bytes): number;
  truncate(file: Handle, length: number): void;
  /** Returns when all that was written is safe from a loss of power. */
  syncNow(file: Handle): void;
  /** The same, without holding up anything else. */
  sync(file: Handle): Promise<void>;
  close(file: Handle): void;
  rename(from: string, to: string): void;
  /** Gives the file at `from` a second name, or copies it; `to` must not exist. */
  duplicate(from: string, to: string): void;
  /** No error if there is nothing. */
  remove(path: string): void;
}

export const systemDisk: SnapshotDisk = {
  kindOf(path) {
    const stats = statSync(path, { throwIfNoEntry: false });
    // A link that leads nowhere: opening it makes the file.
    if (stats === undefined) return "nothing";
    if (stats.isFile()) return "file";
    return stats.isDirectory() ? "directory" : "other";
  },
  read(path, limit) {
    const { size } = statSync(path);
    if (size > limit) throw new OperatorError(`${size} bytes are too many for a snapshot`);
    return readFileSync(path);
  },
  realPath: (path) => realpathSync(path),
  open: (path, mode) => openSync(path, "a", mode),
  create(path, mode) {
    rmSync(path, { force: true });
    const file = openSync(path, "ax", mode);
    // The mode of the file that it is to replace, whatever the umask.
    fchmodSync(file, mode);
    return file;
  },
  modeOf: (path) => statSync(path).mode & 0o777,
  write: (file, bytes) => writeSync(file, bytes),
  truncate: (file, length) => ftruncateSync(file, length),
  syncNow: (file) => fsyncSync(file),
  sync: (file) =>
    new Promise((resolve, reject) => {
      fsync(file, (error) => (error === null ? resolve() : reject(error)));
    }),
  close: (file) => closeSync(file),
  rename(from, to) {
    renameSync(from, to);
  },
  duplicate(from, to) {
    try {
      linkSync(from, to);
    } catch (error) {
      if (systemCode(error) === "EEXIST" || lstatSync(to, { throwIfNoEntry: false })) throw error;
      copyFileSync(from, to, constants.COPYFILE_EXCL);
    }
  },
  remove: (path) => rmSync(path, { force: true }),
};
