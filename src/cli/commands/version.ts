import { readFileSync } from "node:fs";
import type { Command } from "../command.js";

export const versionCommand: Command = {
  name: "version",
  usage: "",
  about: "Prints the version of the program, and the versions of Serf's protocol that it speaks.",
  options: [],
  run: async (_args, terminal) => {
    // Upgrade scripts grep the second line as it stands.
    terminal.out(`${packageVersion()}\nAgent Protocol: 5 (Understands back to: 2)\n`);
    return 0;
  },
};

/** The version of this program. */
export function packageVersion(): string {
  const file = new URL("../../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return version;
}
