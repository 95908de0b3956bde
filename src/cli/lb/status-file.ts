import { readFileSync, statSync } from "node:fs";
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

/**
 * The status of an agent's balancers; undefined if it has none. Throws OperatorError if it is not to be
 * read here: the agent may be on another machine, where the same path may be another agent's.
 */
export function statusOf(stats: Stats): LbStatus | undefined {
  const path = stats.get("load_balancer")?.get("status_file");
  if (path === undefined) return undefined;
  const status = readStatus(path);
  const name = stats.get("agent")?.get("name");
  if (status.self === "" || status.self === name) return status;
  throw new OperatorError(`${path} is of ${status.self}, not of ${name}: ask on its own machine`);
}

/** More than that no status has: it is that of 10,000 servers and more. */
const maxBytes = 64 * 1024 * 1024;

/** Throws OperatorError if it cannot be read, or is no status. */
export function readStatus(path: string): LbStatus {
  const wrong = (what: string, cause?: unknown): OperatorError =>
    new OperatorError(`No status of a load balancer in ${path}: ${what}`, { cause });
  let text: string;
  try {
    // The path may be what an agent says: a pipe would be waited for.
    const stats = statSync(path);
    if (!stats.isFile() || stats.size > maxBytes) throw wrong("it is no such file");
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof OperatorError) throw thrown;
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
  const age = ageOf(at, now);
  if (!runs(keeper.pid)) return `process ${keeper.pid} that kept it is gone; this is ${age} old`;
  if (now.getTime() > Date.parse(keeper.renewedBy)) {
    return `process ${keeper.pid} runs, but has said nothing for ${age}`;
  }
  return undefined;
}

/** How long ago something was, in whole seconds. */
export function ageOf(at: string, now: Date): string {
  const age = now.getTime() - Date.parse(at);
  return formatDuration(Math.max(0, Math.round(age / 1_000) * 1_000) || 0);
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
