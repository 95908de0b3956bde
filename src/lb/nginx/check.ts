import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";
import { behindLinks, readBytes, realDisk } from "../disk.js";
import { programFailure, runProgram } from "../run-program.js";
import { exchanged } from "./includes.js";

export interface CheckQuestion {
  readonly binary: string;
  /** The file that is to be replaced, and the one that is to replace it. */
  readonly file: string;
  readonly staged: string;
  readonly mainFile: string;
  readonly timeout: Millis;
}

/**
 * Has nginx test the whole configuration with the staged file in the place of the live one, which is
 * not touched. A staged main file beside the live one is tested as it is. Otherwise a private folder
 * gets a main file whose includes lead to the staged one, and links to all that lies beside the live
 * main file, for what is named relative to it. Throws OperatorError with nginx's words.
 */
export async function checkNginx(question: CheckQuestion): Promise<void> {
  const file = await behindLinks(realDisk, question.file);
  const mainFile = await behindLinks(realDisk, question.mainFile);
  if (file === mainFile && dirname(question.staged) === dirname(mainFile)) {
    await test(question, question.staged);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "gossipd-nginx-check-"));
  try {
    await test(question, await privateMain(question, folder, file, mainFile));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function privateMain(
  { staged, mainFile: named }: CheckQuestion,
  folder: string,
  file: string,
  mainFile: string,
): Promise<string> {
  const root = dirname(mainFile);
  for (const name of await readdir(root)) {
    if (name !== basename(mainFile)) await symlink(join(root, name), join(folder, name));
  }
  let copies = 0;
  const copy = async (text: string): Promise<string> => {
    copies += 1;
    const path = join(folder, `.gossipd-copy-${copies}`);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const bytes = await readBytes(realDisk, file === mainFile ? staged : mainFile);
  if (bytes === undefined) throw new OperatorError(`there is no file ${named}`);
  const text = bytes.toString("utf8");
  if (file === mainFile) return copy(text);
  const main = await exchanged(text, { file, by: staged, copy, root });
  if (main === undefined) {
    throw new OperatorError(
      `${named} does not include ${file}, so nginx would never load it: add an include, or set main_file`,
    );
  }
  return copy(main);
}

async function test(question: CheckQuestion, mainFile: string): Promise<void> {
  const { binary, timeout, staged, file } = question;
  const argv = [binary, "-t", "-q", "-c", mainFile];
  const failure = programFailure(argv, { timeout }, await runProgram(argv, { timeout }));
  if (failure === undefined) return;
  // The staged file will be gone when somebody reads this.
  const words = failure.replaceAll(staged, file).replace(/\d\S+ \S+ (\[\w+\]) \d+#\d+: /g, "$1 ");
  throw new OperatorError(`nginx refuses the file: ${words}`);
}
