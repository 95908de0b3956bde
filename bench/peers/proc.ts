import { readdirSync, readFileSync } from "node:fs";

/** In MB of 2^20 bytes. */
export interface Memory {
  readonly rss: number;
  /** What no other process shares. */
  readonly own: number;
  /** What is shared counts in part. */
  readonly pss: number;
}

/** Of what /proc/PID/smaps_rollup says. */
export function parseMemory(text: string): Memory {
  const megabytes = (field: string): number => {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
    if (kilobytes === undefined) throw new Error(`no ${field} in smaps_rollup`);
    return Number(kilobytes) / 1_024;
  };
  return {
    rss: megabytes("Rss"),
    own: megabytes("Private_Clean") + megabytes("Private_Dirty"),
    pss: megabytes("Pss"),
  };
}

export function memoryOf(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
}

/**
 * Milliseconds of CPU that the threads of a process have used so far. The scheduler's own account: ticks
 * of 10 ms say nothing of a process that runs for 2 ms in a second.
 */
export function cpuOf(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    nanos += Number(text.split(" ")[0]);
  }
  return nanos / 1e6;
}
