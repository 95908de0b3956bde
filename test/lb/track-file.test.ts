import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { BalancerStatus } from "../../src/lb/status.js";
import { TrackFile, trackValue } from "../../src/lb/track-file.js";
import { RecordedLog } from "../support/recorded-log.js";

const balancer = (condition: BalancerStatus["condition"], process: string | null): BalancerStatus =>
  ({ condition, process }) as BalancerStatus;

test.for([
  { what: "a proxy in step", of: [balancer("in step", "1@2")], value: 0, preferred: 20 },
  {
    what: "a proxy with its last good state",
    of: [balancer("failed", "1@2")],
    value: 0,
    preferred: 20,
  },
  {
    what: "a proxy that cannot be asked",
    of: [balancer("failed", null)],
    value: -254,
    preferred: -254,
  },
  {
    what: "one of two away",
    of: [balancer("in step", "1@2"), balancer("waiting", null)],
    value: -254,
    preferred: -254,
  },
  { what: "a start", of: [balancer("warming up", null)], value: 0, preferred: 20 },
])("$what is worth $value, and $preferred if it is preferred", ({ of, value, preferred }) => {
  expect(trackValue(of, false)).toBe(value);
  expect(trackValue(of, true)).toBe(preferred);
});

test("a node that is to be drained is worth less than any other, and more than one that cannot serve", () => {
  expect(trackValue([balancer("in step", "1@2")], true, true)).toBe(-20);
  expect(trackValue([balancer("failed", null)], false, true)).toBe(-254);
});

test("a value is written when it is another one, and again as soon as it can be", () => {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-track-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = new RecordedLog();
  const path = join(folder, "run", "address");
  const file = new TrackFile(path, log);
  for (let count = 0; count < 3; count += 1) file.set(0);
  expect(log.lines.map(({ message }) => message)).toEqual(["track file cannot be written"]);
  mkdirSync(join(folder, "run"));
  for (const value of [0, 0, -254]) file.set(value);
  expect(readFileSync(path, "utf8")).toBe("-254\n");
  expect(log.lines.filter(({ message }) => message === "track file written")).toHaveLength(2);
});
