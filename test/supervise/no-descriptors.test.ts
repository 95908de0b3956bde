import { EventEmitter } from "node:events";
import { expect, test, vi } from "vitest";
import { runProgram } from "../../src/lb/run-program.js";
import { askAll } from "../../src/supervise/ask.js";

/** What Node.js itself returns where the system has no descriptor left for a pipe: a child without any. */
vi.mock("node:child_process", async (original) => ({
  ...(await original<typeof import("node:child_process")>()),
  spawn: () => {
    const child = new EventEmitter();
    const error = Object.assign(new Error("spawn /bin/sh EMFILE"), { code: "EMFILE" });
    process.nextTick(() => child.emit("error", error));
    return child;
  },
}));

test("a check has failed then, and nothing else", async () => {
  const fault = await askAll([{ kind: "exec", command: "true" }], 5_000, process.env);
  expect(fault).toBe("true: too many open files");
});

test("a program that a balancer needs could not be started then", async () => {
  expect(await runProgram(["true"], { timeout: 5_000 })).toMatchObject({
    code: undefined,
    output: "too many open files",
  });
});
