import { runProgram } from "../../src/cli/main.js";
import type { Finding } from "../../src/examine/finding.js";
import { FakeTerminal } from "../cli/fake-terminal.js";

export interface Diagnosed {
  readonly code: number;
  readonly verdict: string;
  readonly findings: readonly Finding[];
}

export const path = `${process.env.PATH}:/usr/sbin:/sbin`;

/** What `gossipd doctor` says in this process, for programs. */
export async function diagnose(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Diagnosed> {
  const terminal = new FakeTerminal({ PATH: path, ...env });
  const code = await runProgram(["doctor", "-format=json", ...args], terminal);
  const said = JSON.parse(terminal.stdout) as Omit<Diagnosed, "code">;
  return { code, ...said };
}

/** ... and for people. */
export async function diagnosis(args: readonly string[]): Promise<string> {
  const terminal = new FakeTerminal({ PATH: path });
  await runProgram(["doctor", ...args], terminal);
  return terminal.stdout;
}

/** `check: about: found` of each fault, the likeliest root first. */
export function faultsOf({ findings }: Diagnosed): readonly string[] {
  return findings
    .filter(({ result }) => result === "fail")
    .map(({ about, check, found }) => `${check}: ${about}: ${found}`);
}

/** All that is said of faults and of what is to be looked at. */
export function wordsOf({ findings }: Diagnosed): string {
  return findings
    .filter(({ result }) => result === "fail" || result === "warn")
    .map(({ about, cause, found, remedy }) => [about, found, cause, ...remedy].join("\n"))
    .join("\n\n");
}
