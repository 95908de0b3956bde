import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { OperatorError } from "../../src/base/errors.js";
import { StateDir } from "../../src/lb/state-dir.js";
import { tempDir } from "../agent/temp-dir.js";
import { RecordedLog } from "../support/recorded-log.js";

async function open(path: string, log = new RecordedLog()): Promise<StateDir> {
  const dir = await StateDir.open(path, log);
  onTestFinished(() => dir.close());
  return dir;
}

test("the folder is its owner's alone, and of one process at a time", async () => {
  const path = join(tempDir(), "a", "b");
  const first = await open(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  await expect(open(path)).rejects.toThrow(
    `${path} is in use by process ${process.pid}: give each process a state_dir of its own`,
  );
  await first.close();
  await open(path);
});

test("of many who take it at once, one has it", async () => {
  const path = tempDir({ "lock-7": '{"pid":1,"started":"another boot 1"}' });
  const all = await Promise.allSettled(Array.from({ length: 12 }, () => open(path)));
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("the lock of a process that is gone is taken over", async () => {
  const child = spawn("true");
  await once(child, "exit");
  await open(tempDir({ "lock-1": JSON.stringify({ pid: child.pid, started: "" }) }));
});

test("the lock of a process whose number another one has by now is taken over", async () => {
  const path = tempDir({
    "lock-1": JSON.stringify({ pid: process.ppid, started: "an earlier boot 1" }),
  });
  await open(path);
  expect(readdirSync(path)).toEqual(["lock-2"]);
});

test.for(["", "{", '{"pid":"1"}', "null"])("a lock that says %j says nothing", async (lock) => {
  await open(tempDir({ "lock-3": lock }));
});

test("what is remembered is there in the next run", async () => {
  const path = tempDir();
  const first = await open(path);
  await first.remember("policy", { penalties: { web1: 2 } });
  const notes = await first.notes("edge");
  notes.write("slots", { s01: "web1" });
  notes.write("slots", { s01: "web2" });
  expect(notes.read("slots")).toEqual({ s01: "web2" });
  await first.close();
  const second = await open(path);
  expect(await second.recall("policy")).toEqual({ penalties: { web1: 2 } });
  expect((await second.notes("edge")).read("slots")).toEqual({ s01: "web2" });
  expect((await second.notes("other")).read("slots")).toBeUndefined();
});

test.for(["", "{", "null", "7", '{"format":2,"value":1}'])(
  "what is kept as %j is as good as lost",
  async (text) => {
    const log = new RecordedLog();
    const dir = await open(tempDir({ "policy.json": text }), log);
    expect(await dir.recall("policy")).toBeUndefined();
    expect((await dir.notes("policy")).read("a")).toBeUndefined();
  },
);

test("a folder that cannot be made is named, with the reason", async () => {
  const path = join(tempDir({ file: "" }), "file", "state");
  const error = (await open(path).catch((thrown: unknown) => thrown)) as OperatorError;
  expect(error.message).toBe(`cannot use the folder ${path} (state_dir): not a directory`);
});

test("notes that cannot be kept cost nothing but a warning", async () => {
  const log = new RecordedLog();
  const path = tempDir();
  const dir = await open(path, log);
  // Something that cannot be replaced stands in their place.
  mkdirSync(join(path, "edge.json"));
  writeFileSync(join(path, "edge.json", "x"), "");
  const notes = await dir.notes("edge");
  notes.write("a", 1);
  await dir.close();
  expect(notes.read("a")).toBe(1);
  expect(JSON.stringify(log)).toContain("notes are not kept");
});

test("a text is written whole and readable for nobody else", async () => {
  const path = tempDir();
  const dir = await open(path);
  await dir.write("status.json", "{}\n");
  expect(readFileSync(join(path, "status.json"), "utf8")).toBe("{}\n");
  expect(statSync(join(path, "status.json")).mode & 0o777).toBe(0o600);
});
