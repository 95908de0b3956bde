import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Our own program, as a user starts it. */
export const gossipdBin = fileURLToPath(new URL("../../bin/gossipd.js", import.meta.url));

/** The path of a program, or undefined if the machine does not have it (also looked for in sbin). */
export function findProgram(name: string): string | undefined {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/**
 * The programs among `names` that are missing, told loudly. In CI nothing may be missing: there a
 * suite must not pass by being skipped.
 */
export function missingPrograms(...names: string[]): string[] {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) {
    const text = `not installed: ${missing.join(", ")}`;
    if (process.env.CI === "true") throw new Error(`${text}; CI skips nothing`);
    process.stderr.write(`SKIPPED: ${text}\n`);
  }
  return missing;
}
