import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { OperatorError } from "../base/errors.js";

/** Where this package is, whose handlers and agent the demo runs. */
export const packageRoot = fileURLToPath(new URL("../..", import.meta.url));

/** What to run for the demo's own kinds of process. */
export const demoProgram = join(packageRoot, "dist", "demo", "main.js");

/** Where system programs are that a user's PATH may lack. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"];

/**
 * The demo's temporary directory, and the PATH of all that it starts: the first thing on it is a
 * `gossipd`, as a handler expects it on a machine where the package is installed.
 */
export class Workshop {
  readonly folder: string;
  /** The program that is agent and client. */
  readonly gossipd: string;
  readonly path: string;

  /** `agent` replaces this package's own program. Throws OperatorError if there is none. */
  constructor(agent: string | undefined) {
    const own = join(packageRoot, "bin", "gossipd.js");
    const searched = [process.env.PATH ?? "", ...systemFolders].join(delimiter);
    const other = agent === undefined ? undefined : findProgram(agent, searched);
    if (agent !== undefined && other === undefined) {
      throw new OperatorError(`--agent ${agent}: no such program`);
    }
    if (agent === undefined && !existsSync(own)) {
      throw new OperatorError(`${own}: not there; run npm run build first`);
    }
    this.folder = mkdtempSync(join(tmpdir(), "gossipd-demo-"));
    mkdirSync(join(this.folder, "bin"));
    this.gossipd = join(this.folder, "bin", "gossipd");
    const words = other === undefined ? [process.execPath, own] : [other];
    const command = words.map(quote).join(" ");
    writeFileSync(this.gossipd, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    this.path = `${join(this.folder, "bin")}${delimiter}${searched}`;
  }

  /** The path of `program`, or undefined if it is not installed. */
  find(program: string): string | undefined {
    return findProgram(program, this.path);
  }

  /** A file of the demo's own. */
  file(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** `text` as one word of a shell command. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function findProgram(program: string, path: string): string | undefined {
  if (program.includes("/")) return isExecutable(program) ? program : undefined;
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
