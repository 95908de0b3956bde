import { readFileSync } from "node:fs";
import { join } from "node:path";
import { formatDuration } from "../../base/duration.js";
import { OperatorError, reasonOf } from "../../base/errors.js";
import { systemText } from "../../base/system-texts.js";
import type { BalancerStatus, LbStatus } from "../../lb/status.js";
import type { Stats } from "../../rpc/api.js";

/** Where the status is kept below a state folder. */
export function statusFileIn(stateDir: string): string {
  return join(stateDir, "status.json");
}

/** Where an agent with balancers keeps their status; undefined if it has none. */
export function statusFileOf(stats: Stats): string | undefined {
  return stats.get("load_balancer")?.get("status_file");
}

/** Throws OperatorError if it cannot be read, or is no status. */
export function readStatus(path: string): LbStatus {
  const wrong = (what: string, cause?: unknown): OperatorError =>
    new OperatorError(`No status of a load balancer in ${path}: ${what}`, { cause });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    throw wrong(systemText(String(code)) ?? reasonOf(thrown), thrown);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw wrong("it is no JSON", thrown);
  }
  // Only the load balancer writes it, in a folder that is its own.
  const status = value as Partial<LbStatus> | null;
  if (!Array.isArray(status?.balancers)) throw wrong("it is none");
  return status as LbStatus;
}

/** Why a status says nothing about now, in one line; undefined if it does. */
export function staleness(
  { at, keeper }: LbStatus,
  now: Date,
  runs: (pid: number) => boolean,
): string | undefined {
  if (keeper === null) return undefined;
  const age = formatDuration(Math.max(0, now.getTime() - Date.parse(at)));
  if (!runs(keeper.pid)) return `process ${keeper.pid} that kept it is gone; this is ${age} old`;
  if (now.getTime() > Date.parse(keeper.renewedBy)) {
    return `process ${keeper.pid} runs, but has said nothing for ${age}`;
  }
  return undefined;
}

/** Whether a process runs on this machine, also if it is somebody else's. */
export function processRuns(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as { code?: unknown }).code === "EPERM";
  }
}

/** Whether a balancer is what its members say, or on its way there without anything in the way. */
export function isWell({ ok, condition, holds }: BalancerStatus): boolean {
  return (
    ok &&
    holds.length === 0 &&
    condition !== "paused" &&
    condition !== "failed" &&
    condition !== "warming up"
  );
}
