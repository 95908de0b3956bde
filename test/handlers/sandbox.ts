import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { toJson } from "../../src/cli/output.js";
import { findProgram } from "../support/programs.js";

export const handlersDir = fileURLToPath(new URL("../../handlers/", import.meta.url));

export interface ListedMember {
  readonly name: string;
  readonly ip?: string;
  readonly status?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** What `gossipd members -format=json` prints of these. */
function membersJson(members: readonly ListedMember[]): string {
  const listed = members.map(({ name, ip = "10.0.0.1", status = "alive", tags }) => ({
    name,
    addr: `${ip}:7946`,
    port: 7946,
    tags: tags ?? { role: "web" },
    status,
    protocol: { max: 5, min: 2, version: 5 },
  }));
  return `${toJson({ members: listed.length === 0 ? null : listed })}\n`;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A shell and the tools beside it. */
export interface Shell {
  readonly name: string;
  readonly command: readonly string[];
  /** The tools are busybox's own. */
  readonly busybox: boolean;
}

const busyboxTools = [
  "awk",
  "cat",
  "cmp",
  "cp",
  "cut",
  "date",
  "dirname",
  "find",
  "ln",
  "mkdir",
  "mv",
];
busyboxTools.push("readlink", "rm", "rmdir", "sh", "sleep", "sort", "tr", "pgrep");

/** Those of the machine. In CI all but bash have to be there. */
export const shells: readonly Shell[] = [
  { name: "sh", command: ["sh"], busybox: false },
  ...(findProgram("bash") ? [{ name: "bash", command: ["bash", "--posix"], busybox: false }] : []),
  ...(findProgram("busybox")
    ? [{ name: "busybox", command: ["busybox", "sh"], busybox: true }]
    : []),
];

/** A folder with a `gossipd` that lists what the test says, for handlers to work in. */
export class Sandbox {
  readonly dir = mkdtempSync(join(tmpdir(), "gossipd scripts-"));
  readonly #shell: Shell;

  constructor(shell: Shell = shells[0] as Shell) {
    this.#shell = shell;
    mkdirSync(this.path("bin"));
    this.script(
      "bin/gossipd",
      'echo "$*" >>"$DIR/asked"; cat "$DIR/members"; [ ! -e "$DIR/unable" ]',
    );
    if (shell.busybox) {
      for (const tool of busyboxTools) {
        symlinkSync(findProgram("busybox") as string, this.path(`bin/${tool}`));
      }
    }
    this.members([]);
    onTestFinished(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  members(members: readonly ListedMember[]): void {
    this.write("members", membersJson(members));
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  script(name: string, text: string): void {
    // It may be a link to busybox, which is not to be written to.
    rmSync(this.path(name), { force: true });
    this.write(name, `#!/bin/sh\n${text}\n`);
    chmodSync(this.path(name), 0o755);
  }

  /** The file's text; empty if there is none. */
  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), "latin1") : "";
  }

  /** The names in the folder that begin with `prefix`. */
  files(prefix: string): string[] {
    return readdirSync(this.dir)
      .filter((name) => name.startsWith(prefix))
      .sort();
  }

  /** Runs one of our handlers to its end. */
  run(handler: string, environment: Record<string, string> = {}, stdin = ""): Promise<Ran> {
    const [command = "sh", ...args] = this.#shell.command;
    const child = spawn(command, [...args, join(handlersDir, handler)], {
      cwd: this.dir,
      env: {
        PATH: `${this.path("bin")}:${process.env.PATH}:/usr/sbin:/sbin`,
        DIR: this.dir,
        ...environment,
      },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("latin1").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(Buffer.from(stdin, "latin1"));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve({ status, stdout, stderr }));
    });
  }
}
