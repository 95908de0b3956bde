import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The programs that are compared. */
export const kinds = ["serf", "gossipd"] as const;
export type Kind = (typeof kinds)[number];

/** Who a value was measured on: a program, or what Node.js costs at least. */
export type Candidate = Kind | "floor";

const bin = fileURLToPath(new URL("../../../bin/gossipd.js", import.meta.url));

/** The program and what precedes its arguments. */
export const commands: Readonly<Record<Kind, readonly [string, ...string[]]>> = {
  serf: ["serf"],
  gossipd: [process.execPath, bin],
};

/** The first line of what `kind` says of its version. */
export function versionOf(kind: Kind): string {
  const [program, ...before] = commands[kind];
  const { stdout, error } = spawnSync(program, [...before, "version"], { encoding: "utf8" });
  if (error !== undefined) throw error;
  return stdout.split("\n")[0] ?? "";
}
