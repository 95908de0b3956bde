import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";

/** Commands of one script that are recorded. */
const maxCommands = 64;

/** How much of the record is read. */
const maxRecordBytes = 4 * 1_048_576;

/**
 * Records which commands a script calls with which arguments: a folder to be put in front of PATH, with a
 * command for each word of the script that is one on PATH. Each notes its arguments and gives its place to the real
 * one. What a script calls by its full path is not seen.
 */
export class CommandRecord {
  /** For PATH. */
  readonly folder: string;
  readonly #record: string;

  /** `folder` is made. `texts`: the command line and, if that is known, what the script's file holds. */
  constructor(folder: string, texts: readonly string[], path: string) {
    this.folder = folder;
    this.#record = `${folder}.record`;
    mkdirSync(folder);
    const words = new Set(texts.flatMap((text) => text.match(/[A-Za-z][\w.+-]*/g) ?? []));
    const found = [...words].flatMap((word) => {
      const real = programOn(path, word);
      return real === undefined ? [] : [{ word, real }];
    });
    for (const { real, word } of found.slice(0, maxCommands)) {
      const file = join(folder, word);
      const note = `printf '%s\\0' ${quoted(word)} "$@" '' >>${quoted(this.#record)}`;
      writeFileSync(file, `#!/bin/sh\n${note}\nexec ${quoted(real)} "$@"\n`);
      chmodSync(file, 0o755);
    }
  }

  /** The commands so far, each with its arguments. */
  calls(): readonly (readonly string[])[] {
    if (!existsSync(this.#record)) return [];
    const text = readFileSync(this.#record).subarray(0, maxRecordBytes).toString("utf8");
    const calls: string[][] = [[]];
    for (const word of text.split("\0")) {
      if (word === "") calls.push([]);
      else calls.at(-1)?.push(word);
    }
    return calls.filter((call) => call.length > 0);
  }
}

function programOn(path: string, name: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (!folder.startsWith("/")) continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
