import { existsSync } from "node:fs";
import { expect } from "vitest";
import { agentTest as test } from "./agent-process.js";

const seen: { directory: string; atTheEnd: Promise<boolean> }[] = [];

test("a handler has its directory", async ({ directory, start }) => {
  const agent = await start();
  seen.push({ directory, atTheEnd: agent.exited.then(() => existsSync(directory)) });
  expect(existsSync(directory)).toBe(true);
});

test("until the agent has ended, and no longer", async () => {
  expect(await Promise.all(seen.map(({ atTheEnd }) => atTheEnd))).toEqual([true]);
  expect(seen.map(({ directory }) => existsSync(directory))).toEqual([false]);
});
