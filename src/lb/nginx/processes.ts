import { readdir, readFile } from "node:fs/promises";
import type { Millis } from "../../base/units.js";

/** A process of nginx, told apart from a later one with the same number by {@link id}. */
export interface Worker {
  readonly pid: number;
  readonly id: string;
  /** A configuration that was replaced: it only finishes what it began. */
  readonly finishes: boolean;
}

/** The processes of an nginx that runs. */
export interface NginxProcesses {
  readonly master: Pick<Worker, "pid" | "id">;
  readonly workers: readonly Worker[];
}

/** The master and its workers; undefined if there is no such process, or it is no nginx. */
export async function nginxProcesses(master: number): Promise<NginxProcesses | undefined> {
  const [title, id] = await Promise.all([titleOf(master), idOf(master)]);
  // Its number may be another one's by now.
  if (id === undefined || !title?.includes("nginx")) return undefined;
  const workers: Worker[] = [];
  for (const pid of await childrenOf(master)) {
    const [childTitle, childId] = await Promise.all([titleOf(pid), idOf(pid)]);
    // Others are the keepers of caches, a new master, and children that have no title yet.
    if (childId === undefined || !childTitle?.startsWith("nginx: worker process")) continue;
    workers.push({ pid, id: childId, finishes: childTitle.includes("shutting down") });
  }
  return { master: { pid: master, id }, workers };
}

/** When a process began, as wall-clock time. Exact to a few hundredths of a second, unless the clock is set. */
export async function startedAt(pid: number): Promise<Millis | undefined> {
  const [fields, uptime] = await Promise.all([statOf(pid), textOf("/proc/uptime")]);
  const ticks = Number(fields?.[19] ?? Number.NaN);
  const up = Number(uptime?.split(" ")[0] ?? Number.NaN);
  const started = Date.now() - up * 1_000 + ticks * (1_000 / ticksPerSecond);
  return Number.isFinite(started) ? started : undefined;
}

/** What Linux tells programs, on all machines that Node.js runs on. */
const ticksPerSecond = 100;

async function idOf(pid: number): Promise<string | undefined> {
  const fields = await statOf(pid);
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  return `${pid}-${fields[19] ?? ""}`;
}

async function titleOf(pid: number): Promise<string | undefined> {
  return (await textOf(`/proc/${pid}/cmdline`))?.replaceAll("\0", " ");
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const listed = await textOf(`/proc/${pid}/task/${pid}/children`);
  if (listed !== undefined) return numbers(listed.split(" "));
  // Not all kernels have that list.
  const all = numbers(await readdir("/proc").catch(() => []));
  const parents = await Promise.all(all.map(async (one) => (await statOf(one))?.[1]));
  return all.filter((_, index) => parents[index] === String(pid));
}

function numbers(words: readonly string[]): readonly number[] {
  return words.filter((word) => /^\d+$/.test(word)).map(Number);
}

/** The fields of proc(5)'s stat from `state` on: the name before may have anything in it. */
async function statOf(pid: number): Promise<readonly string[] | undefined> {
  const text = await textOf(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
