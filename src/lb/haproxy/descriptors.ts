import { readFile } from "node:fs/promises";
import { OperatorError } from "../../base/errors.js";
import { serversOf } from "./config-servers.js";
import { type ConfigText, settingOf } from "./config-text.js";

/** File descriptors of the process that runs now, as `show info` tells them. */
export interface Descriptors {
  /** `Ulimit-n`: what HAProxy found it needs, and what it set its limit to. */
  readonly used: number;
  /** `Maxconn`. */
  readonly maxconn: number;
}

/** From `show info`; undefined if it does not say. */
export function readDescriptors(info: string): Descriptors | undefined {
  const number = (name: string): number =>
    Number(new RegExp(`^${name}: (\\d+)`, "m").exec(info)?.[1]);
  const used = number("Ulimit-n");
  const maxconn = number("Maxconn");
  return Number.isNaN(used) || Number.isNaN(maxconn) ? undefined : { used, maxconn };
}

/**
 * How many file descriptors the new text needs: what the running process found for its own, and the
 * difference. A connection needs two (the client's and the server's), a check and a listener one each.
 * undefined: HAProxy fits itself into what it may have.
 */
export function neededDescriptors(
  running: Descriptors,
  live: ConfigText,
  next: ConfigText,
): number | undefined {
  const { maxconn } = next;
  const isStrict = !next.sections.some(
    (section) =>
      section.keyword === "global" && settingOf(section, "no", "strict-limits") !== undefined,
  );
  if (maxconn === undefined || maxconn === 0 || !isStrict) return undefined;
  return running.used + 2 * (maxconn - running.maxconn) + fixedPart(next) - fixedPart(live);
}

function fixedPart(text: ConfigText): number {
  const checks = serversOf(text).map(
    ({ checked, agentChecked }) => Number(checked) + Number(agentChecked),
  );
  return checks.reduce((sum, count) => sum + count, text.binds.length);
}

/** CAP_SYS_RESOURCE: with it the limit can be raised, up to what the kernel has at all. */
const raiseLimits = 1n << 24n;

/** How many files the process may open if it wants to; undefined if that is not known (another system, another container). */
export async function descriptorLimit(pid: number): Promise<number | undefined> {
  try {
    const [limits, status] = await Promise.all([
      readFile(`/proc/${pid}/limits`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
    ]);
    if (!/^Name:\s+haproxy/m.test(status)) return undefined;
    const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1];
    if (capabilities !== undefined && (BigInt(`0x${capabilities}`) & raiseLimits) !== 0n) {
      return Number(await readFile("/proc/sys/fs/nr_open", "utf8"));
    }
    const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1];
    return hard === undefined ? undefined : Number(hard);
  } catch {
    // No /proc, or not ours to read: HAProxy will tell by itself, later and less politely.
    return undefined;
  }
}

/** Throws OperatorError if so many are not to be had: HAProxy would not start with that file. */
export function checkDescriptors(
  needed: number | undefined,
  limit: number | undefined,
  file: string,
): void {
  if (needed === undefined || limit === undefined || needed <= limit) return;
  throw new OperatorError(
    `${file} needs about ${needed} file descriptors (2 for each of maxconn, 1 for each server that is checked), and HAProxy may have ${limit}: lower maxconn, or raise the limit (LimitNOFILE, ulimit -Hn) and restart it`,
  );
}
