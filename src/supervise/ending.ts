import { accessSync, constants, statSync } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";
import { reasonOf } from "../base/errors.js";
import { systemText } from "../base/system-texts.js";
import type { Environment } from "./launch.js";

/** How an application ended, or why it never began. */
export type Ending =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "signalled"; readonly signal: NodeJS.Signals }
  | { readonly kind: "not started"; readonly status: 126 | 127; readonly reason: string };

/** The status that a shell would have of it: 128 and the signal's number for one that was ended by a signal. */
export function statusOf(ending: Ending): number {
  return ending.kind === "signalled" ? 128 + system.signals[ending.signal] : ending.status;
}

/** As it stands in the log. */
export function endingText(ending: Ending): string {
  switch (ending.kind) {
    case "exited":
      return `exit status ${ending.status}`;
    case "signalled":
      return `ended by ${ending.signal}`;
    case "not started":
      return ending.reason;
  }
}

/** Why `program` could not be started, with a shell's status: 127 if there is none, 126 if it is none. */
export function notStarted(program: string, environment: Environment, thrown: unknown): Ending {
  const { code = "" } = thrown as NodeJS.ErrnoException;
  const found = locate(program, environment);
  const because = (status: 126 | 127, reason: string): Ending => ({
    kind: "not started",
    status,
    reason: `${JSON.stringify(program)}: ${reason}`,
  });
  if (code === "ENOENT" && found === undefined) {
    const where = program.includes("/") ? "no such file" : "no such program in PATH";
    return because(127, where);
  }
  // The system says the same of a program whose interpreter or loader is missing.
  if (code === "ENOENT") return because(126, `the interpreter that ${found} needs is missing`);
  if (code === "EACCES" && found !== undefined && isFolder(found)) {
    return because(126, "is a directory");
  }
  if (code === "EACCES") return because(126, "permission denied: it is not executable for us");
  return because(126, systemText(code) ?? reasonOf(thrown));
}

function locate(program: string, { PATH = "/usr/bin:/bin" }: Environment): string | undefined {
  const places = program.includes("/")
    ? [program]
    : PATH.split(delimiter).map((folder) => join(folder, program));
  return places.find((path) => {
    try {
      accessSync(path, constants.F_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
