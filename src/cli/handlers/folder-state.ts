import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { OperatorError } from "../../base/errors.js";

/** Files of one folder that are watched; in one with more no change can be told. */
const maxFiles = 5_000;

/** A larger file is only known by its size and time. */
const maxFileBytes = 1_048_576;

/** Folders in which nobody's configuration is. */
const skipped: ReadonlySet<string> = new Set([".git", "node_modules"]);

interface FileState {
  readonly mode: number;
  readonly size: number;
  readonly changedAt: number;
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

/** Makes the files what they were, as far as their content is known. */
export function restore(before: FolderState, after: FolderState): void {
  for (const { change, path } of changesBetween(before, after)) {
    const old = before.get(path);
    if (change === "created") rmSync(path, { force: true });
    if (old === undefined) continue;
    if (change !== "mode changed" && old.content !== undefined) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, old.content);
    }
    chmodSync(path, old.mode & 0o7777);
  }
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
    const { mode, mtimeMs: changedAt, size } = lstatSync(path);
    const content = size <= maxFileBytes ? readFileSync(path) : undefined;
    return { mode, size, changedAt, content };
  } catch {
    return { mode: 0, size: 0, changedAt: 0, content: undefined };
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
