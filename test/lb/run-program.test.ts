import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programFailure, runProgram } from "../../src/lb/run-program.js";
import { tempDir } from "../agent/temp-dir.js";
import { until } from "../support/wait.js";

const patience = { timeout: 20_000 };
const sh = (script: string, ...args: string[]): string[] => ["sh", "-c", script, "sh", ...args];

test("arguments reach the program as they are", async () => {
  const hostile = ["$(id)", "a b", "`id`", ";", "\n", "*", ""];
  const result = await runProgram(["printf", "<%s>", ...hostile], patience);
  expect(result).toEqual({
    code: 0,
    signal: undefined,
    timedOut: false,
    output: "<$(id)><a b><`id`><;><\n><*><>",
    missing: false,
  });
});

test("the status and both outputs are told, and standard input is empty", async () => {
  const argv = sh("cat; echo '[emerg] no such thing' >&2; echo more; exit 3");
  const result = await runProgram(argv, patience);
  expect(result.code).toBe(3);
  expect(programFailure(argv, patience, result)).toBe(
    "sh ended with status 3: [emerg] no such thing",
  );
});

test("environment and folder are those that are given", async () => {
  const cwd = tempDir();
  const env = { PATH: process.env.PATH, ONLY: "this" };
  const result = await runProgram(sh('echo "$ONLY$HOME"; pwd'), { ...patience, cwd, env });
  expect(result.output).toBe(`this\n${cwd}\n`);
});

test.for([
  [["/no/such/program"], true, "there is no program /no/such/program"],
  [["/etc/passwd"], false, "passwd could not be started: permission denied"],
  [["printf", "a\0b"], false, "printf could not be started"],
] as const)("%j does not start", async ([argv, missing, words]) => {
  const result = await runProgram(argv, patience);
  expect(result).toMatchObject({ code: undefined, missing });
  expect(programFailure(argv, patience, result)).toContain(words);
});

test("a program that hangs is killed with all that it started", async () => {
  const pidFile = join(tempDir(), "pid");
  const argv = sh('trap "" TERM; sleep 60 & echo $! >"$1"; echo begun; wait', pidFile);
  const running = runProgram(argv, { timeout: 1_500 });
  const result = await running;
  expect(result).toMatchObject({ timedOut: true, signal: "SIGKILL", output: "begun\n" });
  expect(programFailure(argv, { timeout: 1_500 }, result)).toBe(
    "sh did not end within 1500 ms and was killed: begun",
  );
  const child = readFileSync(pidFile, "utf8").trim();
  await until("the child is gone", () => isGone(child));
});

/** Nobody may have collected its exit status yet. */
function isGone(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return true;
  return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

test("what a program leaves behind on purpose goes on and is not waited for", async () => {
  const pidFile = join(tempDir(), "pid");
  const result = await runProgram(sh('sleep 60 & echo $! >"$1"; echo done', pidFile), patience);
  expect(result).toMatchObject({ code: 0, timedOut: false, output: "done\n" });
  const child = Number(readFileSync(pidFile, "utf8"));
  expect(process.kill(child, 0)).toBe(true);
  process.kill(child, "SIGKILL");
});

test("of a long output the beginning and the end are kept", async () => {
  const script = "echo first; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo last";
  const { output } = await runProgram(sh(script), { ...patience, maxOutput: 100 });
  expect(output).toMatch(/^first\nx{44}\n\[\d+ bytes left out\]\nx+\nlast\n$/);
  expect(output.length).toBeLessThan(140);
});
