import { runProgram } from "../../src/cli/main.js";
import type { Bench } from "../rpc/bench.js";
import { FakeTerminal } from "./fake-terminal.js";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way in this process. */
export interface Running {
  readonly terminal: FakeTerminal;
  readonly ran: Promise<Ran>;
}

/** Begins a command against `bench`; `words` are its name and arguments. */
export function begin(bench: Bench, ...words: readonly string[]): Running {
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${bench.port}` });
  const ran = runProgram(words, terminal).then((code) => {
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  });
  return { terminal, ran };
}

/** Runs a command to its end. */
export async function run(bench: Bench, ...words: readonly string[]): Promise<Ran> {
  return await begin(bench, ...words).ran;
}

export const good = (stdout: string): Ran => ({ code: 0, stdout, stderr: "" });
export const bad = (stdout: string): Ran => ({ code: 1, stdout, stderr: "" });
