import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { suggest } from "../base/suggest.js";

/** What a path is to whoever wants to run or read it. */
export type PathKind = "missing" | "folder" | "file" | "other";

export function kindOfPath(path: string): PathKind {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return "folder";
    return stats.isFile() ? "file" : "other";
  } catch {
    return "missing";
  }
}

export function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

export function isExecutable(path: string): boolean {
  if (kindOfPath(path) !== "file" || !isAllowed(path, constants.X_OK)) return false;
  // To root everything is allowed, but not to run a file that nobody may.
  return (statSync(path).mode & 0o111) !== 0;
}

/** The path of a program that a shell finds by its name; undefined: none. */
export function findInPath(name: string, path: string): string | undefined {
  return path
    .split(":")
    .map((folder) => join(folder === "" ? "." : folder, name))
    .find(isExecutable);
}

/** The folders of system programs, which the PATH of a plain user may lack. */
export const systemFolders = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/**
 * Why nothing is at a path: the first of its folders that is missing too, or a name that is alike; of
 * several one that `hints` name.
 */
export function whyMissing(path: string, hints: readonly string[] = []): string {
  let folder = dirname(path);
  let missing: string | undefined;
  while (folder !== dirname(folder) && kindOfPath(folder) === "missing") {
    missing = folder;
    folder = dirname(folder);
  }
  if (missing !== undefined) return `there is no folder ${missing} either`;
  if (kindOfPath(folder) !== "folder") return `${folder} is no folder`;
  const near = nearTo(path, hints);
  return near === undefined ? `the folder ${folder} is there` : `there is ${near} instead`;
}

/**
 * A path in the same folder with a name that is alike, or one with the same ending: best one that `hints`
 * name, such as `node2.yaml` for the words `--id node2`.
 */
export function nearTo(path: string, hints: readonly string[] = []): string | undefined {
  const [folder, name] = [dirname(path), basename(path)];
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const ending = /\.[^.]+$/.exec(name)?.[0];
  const alike = ending === undefined ? [] : names.filter((one) => one.endsWith(ending)).sort();
  const hinted = alike.find((one) => hints.includes(one.slice(0, -(ending ?? "").length)));
  const near = hinted ?? suggest(name, names) ?? alike[0];
  return near === undefined ? undefined : join(folder, near);
}

/** The beginning of a file; empty if it cannot be read. */
export function beginningOf(path: string, bytes = 256 * 1024): Buffer {
  try {
    const file = openSync(path, "r");
    try {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

/** The loader that a dynamically linked program asks the system for; undefined if it is none. */
export function elfLoader(program: Buffer): string | undefined {
  const isElf = program.length >= 64 && program.toString("latin1", 0, 4) === "\x7fELF";
  // Others than 64 bits, little-endian, are not looked into.
  if (!isElf || program[4] !== 2 || program[5] !== 1) {
    return undefined;
  }
  const [offset, size, count] = [
    Number(program.readBigUInt64LE(32)),
    program.readUInt16LE(54),
    program.readUInt16LE(56),
  ];
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * size;
    if (at + 40 > program.length) return undefined;
    if (program.readUInt32LE(at) !== 3) continue;
    const start = Number(program.readBigUInt64LE(at + 8));
    const length = Number(program.readBigUInt64LE(at + 32));
    return program.toString("latin1", start, start + length).replace(/\0.*$/s, "");
  }
  return undefined;
}

/** Names that are looked at before a search is given up, and folders below each other. */
const mostLooked = 5_000;
const deepest = 4;

/** A file of the same name near a path that leads nowhere; undefined if a short look finds none. */
export function findNearby(path: string): string | undefined {
  let top = dirname(path);
  while (kindOfPath(top) === "missing" && top !== dirname(top)) top = dirname(top);
  const above = dirname(top);
  // Whole systems are not searched.
  const start = above === "/" || dirname(above) === "/" ? top : above;
  if (start === "/" || start === "/tmp") return undefined;
  const name = basename(path);
  let looked = 0;
  const queue: { folder: string; depth: number }[] = [{ folder: start, depth: 0 }];
  for (const { depth, folder } of queue) {
    let entries: readonly Dirent[];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      looked += 1;
      if (looked > mostLooked) return undefined;
      if (entry.isFile() && entry.name === name) return join(folder, name);
      if (entry.isDirectory() && depth < deepest && entry.name !== "node_modules") {
        queue.push({ folder: join(folder, entry.name), depth: depth + 1 });
      }
    }
  }
  return undefined;
}
