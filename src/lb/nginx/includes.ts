import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OperatorError } from "../../base/errors.js";
import { behindLinks, readBytes, realDisk } from "../disk.js";

/** Nobody includes more deeply; also ends circles. */
const maxDepth = 10;

/** A file and all that it includes, as far as that leads to the one that is to be exchanged. */
export interface Exchange {
  /** The file that is included somewhere. */
  readonly file: string;
  /** What is to be read in its place. */
  readonly by: string;
  /** Writes a private copy and gives its path. */
  copy(text: string): Promise<string>;
  /** What relative paths are relative to: the folder of the main file, wherever they stand. */
  readonly root: string;
}

/**
 * The text of a configuration with each `include` that leads to `file` written out, so that it leads to
 * the other one; undefined if none does. Files on the way there are copied, all else is read where it is.
 */
export async function exchanged(
  text: string,
  exchange: Exchange,
  depth = 0,
): Promise<string | undefined> {
  if (depth > maxDepth) throw new OperatorError("files include each other more than 10 deep");
  let changed = false;
  const parts: string[] = [];
  let kept = 0;
  for (const found of text.matchAll(/^([ \t]*(?:[^#\n]*[{};])?[ \t]*)include\s+([^\s;]+)\s*;/gm)) {
    const [whole, before = "", pattern = ""] = found;
    const files = await expand(resolve(exchange.root, pattern.replace(/^["']|["']$/g, "")));
    const replaced = await Promise.all(files.map((path) => replacement(path, exchange, depth)));
    if (replaced.every((path) => path === undefined)) continue;
    changed = true;
    const includes = files.map((path, index) => `include "${replaced[index] ?? path}";`);
    parts.push(text.slice(kept, found.index), before, includes.join(" "));
    kept = found.index + whole.length;
  }
  return changed ? [...parts, text.slice(kept)].join("") : undefined;
}

async function replacement(
  path: string,
  exchange: Exchange,
  depth: number,
): Promise<string | undefined> {
  const real = await behindLinks(realDisk, path);
  if (real === exchange.file) return exchange.by;
  const bytes = await readBytes(realDisk, real);
  const text = bytes?.toString("utf8");
  const copy = text?.includes("include") ? await exchanged(text, exchange, depth + 1) : undefined;
  return copy === undefined ? undefined : exchange.copy(copy);
}

/** The files that a pattern stands for, as glob(7) has it: sorted, none with a dot in front. */
async function expand(pattern: string): Promise<readonly string[]> {
  if (!/[*?[]/.test(pattern)) return [pattern];
  let folders = [dirname(pattern)];
  if (/[*?[]/.test(dirname(pattern))) folders = [...(await expand(dirname(pattern)))];
  const matches = globPattern(basename(pattern));
  const found = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => matches.test(name)).map((name) => join(folder, name));
    }),
  );
  return found.flat().sort();
}

function globPattern(glob: string): RegExp {
  const body = glob.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.length > 1) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return part.replace(/[\\^$.|+(){}[\]]/g, "\\$&");
  });
  return new RegExp(`^${glob.startsWith(".") ? "" : "(?!\\.)"}${body}$`);
}
