import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OperatorError } from "../../base/errors.js";

/** Files of one folder that are watched; in one with more no change can be told. */
const maxFiles = 5_000;

/** A larger file is only known by its size and time. */
const maxFileBytes = 1_048_576;

/** Folders in which nobody's configuration is. */
const skipped: ReadonlySet<string> = new Set([".git", "node_modules"]);

export interface FileState {
  readonly mode: number;
  readonly size: number;
  readonly inode: number;
  readonly changedAt: number;
  /** Of the change of its content, name, mode or owner; nobody can set it. */
  readonly touchedAt: number;
  /** Undefined if it is too large or cannot be read. */
  readonly content: Buffer | undefined;
}

/** The files of some folders at one moment, by path. */
export type FolderState = ReadonlyMap<string, FileState>;

/** What happened to a file between two moments. */
export interface FileChange {
  readonly path: string;
  readonly change: "created" | "changed" | "removed" | "mode changed";
  /** Undefined where that is no text, or too large. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Throws {@link OperatorError} if a folder cannot be read or has too many files. */
export function folderState(folders: readonly string[]): FolderState {
  const files = new Map<string, FileState>();
  for (const folder of folders) {
    const before = files.size;
    const left = [folder];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      for (const entry of entriesOf(next, next === folder)) {
        const path = join(next, entry.name);
        if (entry.isDirectory() && !skipped.has(entry.name)) left.push(path);
        if (entry.isFile()) files.set(path, fileState(path));
        if (files.size - before > maxFiles) {
          throw new OperatorError(
            `${folder}: has more than ${maxFiles} files, too many to see which the script changes; run it in another folder`,
          );
        }
      }
    }
  }
  return files;
}

/** Sorted by path. */
export function changesBetween(before: FolderState, after: FolderState): readonly FileChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => changeOf(path, before.get(path), after.get(path)) ?? []);
}

/** Which file it is, and when anybody last touched it. */
export type FileStamp = Pick<FileState, "inode" | "size" | "changedAt" | "touchedAt">;

/** Undefined if there is nothing at `path`, or nothing that may be seen. */
export function stampOf(path: string): FileStamp | undefined {
  try {
    const { ctimeMs: touchedAt, ino: inode, mtimeMs: changedAt, size } = lstatSync(path);
    return { inode, size, changedAt, touchedAt };
  } catch {
    return undefined;
  }
}

/** True if nobody touched a file between two moments, or it was at neither. */
export function isSameFile(one: FileStamp | undefined, other: FileStamp | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.inode === other.inode &&
    one.size === other.size &&
    one.changedAt === other.changedAt &&
    one.touchedAt === other.touchedAt
  );
}

function entriesOf(folder: string, isGiven: boolean) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // One below may vanish at any time, or be closed to us.
    if (!isGiven) return [];
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new OperatorError(`${folder}: cannot be read (${code})`, { cause: error });
  }
}

function fileState(path: string): FileState {
  try {
    const { ctimeMs: touchedAt, ino: inode, mode, mtimeMs: changedAt, size } = lstatSync(path);
    const content = size <= maxFileBytes ? readFileSync(path) : undefined;
    return { mode, size, inode, changedAt, touchedAt, content };
  } catch {
    return { mode: 0, size: 0, inode: 0, changedAt: 0, touchedAt: 0, content: undefined };
  }
}

function changeOf(
  path: string,
  before: FileState | undefined,
  after: FileState | undefined,
): FileChange | undefined {
  const texts = { before: textOf(before), after: textOf(after) };
  if (before === undefined) return { path, change: "created", ...texts };
  if (after === undefined) return { path, change: "removed", ...texts };
  const isKnown = before.content !== undefined && after.content !== undefined;
  const isSame =
    isKnown && before.content !== undefined && after.content !== undefined
      ? before.content.equals(after.content)
      : before.size === after.size && before.changedAt === after.changedAt;
  if (!isSame) return { path, change: "changed", ...texts };
  return before.mode === after.mode ? undefined : { path, change: "mode changed", ...texts };
}

/** Undefined for what is no UTF-8. */
function textOf(file: FileState | undefined): string | undefined {
  if (file?.content === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(file.content);
  } catch {
    return undefined;
  }
}
