import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import {
  changesBetween,
  type FileChange,
  type FileState,
  type FolderState,
  isSameFile,
  stampOf,
} from "./folder-state.js";

/** What became of the files that changed while a script ran whose changes are not to stay. */
export interface PutBack {
  readonly done: readonly string[];
  readonly left: readonly { readonly path: string; readonly reason: string }[];
  /** Folder with what stood in the place of files that others may have changed; null if there were none. */
  readonly keptIn: string | null;
}

export interface RunChanges {
  readonly before: FolderState;
  readonly after: FolderState;
  /** When the script had ended, in milliseconds since 1970. */
  readonly endedAt: number;
  /** True if the script is known to have made a change. Of the others a copy is kept. */
  readonly isOwn: (change: FileChange) => boolean;
}

/**
 * Makes files what they were before a script ran. Others write into the same folders: what changed after the
 * script's end is theirs and left. What changed during the run can be anybody's, so that nothing is lost
 * unless the script is known to write there. Files whose content is not known are left.
 */
export function putBack({ after, before, endedAt, isOwn }: RunChanges): PutBack {
  const done: string[] = [];
  const left: { path: string; reason: string }[] = [];
  let keptIn: string | null = null;
  const keep = (path: string): void => {
    keptIn ??= mkdtempSync(join(tmpdir(), "gossipd-kept-"));
    copyFileSync(path, join(keptIn, `${done.length}-${basename(path)}`));
  };
  for (const change of changesBetween(before, after)) {
    const { path } = change;
    const [old, changed] = [before.get(path), after.get(path)];
    const reason =
      obstacle(change, old, changed, endedAt) ??
      attempt(() => {
        if (changed !== undefined && change.change !== "mode changed" && !isOwn(change)) keep(path);
        replace(path, old, changed);
      });
    if (reason === undefined) done.push(path);
    else left.push({ path, reason });
  }
  return { done, left, keptIn };
}

/** Why a file cannot be put back. */
function obstacle(
  { change, path }: FileChange,
  old: FileState | undefined,
  changed: FileState | undefined,
  endedAt: number,
): string | undefined {
  const isKnown = [old, changed].every((one) => one === undefined || one.content !== undefined);
  if (!isKnown && change !== "mode changed") return "larger than 1 MiB, or cannot be read";
  const now = stampOf(path);
  const isLate = changed !== undefined && changed.touchedAt > endedAt;
  if (isLate || !isSameFile(changed, now)) return "changed after the script's end";
  return undefined;
}

function replace(path: string, old: FileState | undefined, changed: FileState | undefined): void {
  if (old === undefined) {
    rmSync(path);
    return;
  }
  if (changed === undefined) {
    mkdirSync(dirname(path), { recursive: true });
    // Nothing that took its place is written over, nor followed.
    writeFileSync(path, old.content ?? "", { flag: "wx" });
  } else if (old.content !== undefined && changed.content?.equals(old.content) === false) {
    writeFileSync(path, old.content);
  }
  if ((lstatSync(path).mode & 0o7777) !== (old.mode & 0o7777)) chmodSync(path, old.mode & 0o7777);
}

/** What went wrong. */
function attempt(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code === "EEXIST" ? "something else is in its place" : `cannot be put back (${code})`;
  }
}
