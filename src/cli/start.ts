import { basename } from "node:path";
import type { Terminal } from "./command.js";
import { runProgram } from "./main.js";

/** The process as the {@link Terminal} of its command. */
const terminal: Terminal = {
  program: basename(process.argv[1] ?? "") === "serf" ? "serf" : "gossipd",
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  onInterrupt: (run) => void process.on("SIGINT", run),
};

// Who reads our output may stop early (`members | head -1`); then there is nobody left to tell.
process.stdout.on("error", () => process.exit(1));

process.exitCode = await runProgram(process.argv.slice(2), terminal);
