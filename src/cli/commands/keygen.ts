import { randomBytes } from "node:crypto";
import type { Command } from "../command.js";

/** Serf's keys are of 32 bytes, which selects AES-256. */
const keyBytes = 32;

export const keygenCommand: Command = {
  name: "keygen",
  usage: "",
  about:
    "Prints a new random key for the agent's -encrypt flag, in the base64 form that it takes. All members of a cluster need the same key.",
  options: [],
  run: async (_args, terminal) => {
    terminal.out(`${randomBytes(keyBytes).toString("base64")}\n`);
    return 0;
  },
};
