import { formatDuration } from "../base/duration.js";
import type {
  BalancerStatus,
  LbStatus,
  PoolStatus,
  ServerStatus,
  VirtualIpStatus,
} from "./status.js";

/** The status as a table for people; `now` as {@link LbStatus.at}, to say how long ago things were. */
export function statusText(status: LbStatus, now: string): string {
  if (status.balancers.length === 0) return "There are no balancers.\n";
  const balancers = status.balancers.map((balancer) => balancerText(balancer, now));
  // A status that an earlier version wrote says nothing of it.
  const { virtualIp } = status as Partial<LbStatus>;
  return [...(virtualIp ? [virtualIpText(virtualIp, now)] : []), ...balancers].join("\n");
}

function virtualIpText(
  {
    address,
    interface: name,
    state,
    holder,
    rivals,
    term,
    since,
    reason,
    trouble,
  }: VirtualIpStatus,
  now: string,
): string {
  const number = term === null ? "" : `, term ${term}`;
  const lines = [
    `address ${address} on ${name ?? "no interface"}: ${state} for ${ago(since, now)}`,
    ...fact("problem", trouble),
    ...fact("holder", holder === null ? "nobody" : `${shortened(holder)}${number}`),
    ...fact("also", rivals.length === 0 ? null : `${listed(rivals)}, and should not`),
    ...fact("because", reason),
  ];
  return `${lines.map(visible).join("\n")}\n`;
}

function balancerText(balancer: BalancerStatus, now: string): string {
  const { name, kind, condition, since, file, dryRun, reason, last, next, waits } = balancer;
  const lines = [
    `${name} (${kind}): ${condition} for ${ago(since, now)}${dryRun ? ", dry run" : ""}`,
    ...fact("problem", reason),
    ...fact("version", versionText(balancer, now)),
    `  file      ${file}`,
    ...fact("last", last === null ? null : lastText(last, now)),
    ...fact("error", last !== null && reason === null ? earlierError(last, now) : null),
    ...fact("next", next === null ? null : nextText(next, now)),
    ...waits.map((wait) => `  waits     ${wait}`),
    ...balancer.holds.map(
      ({ pool, kind: why, nodes, reason: text, until }) =>
        `  held      ${pool}, ${why}: ${text} [${listed(nodes)}]${until === null ? "" : `, for ${span(now, until)}`}`,
    ),
    ...balancer.damped.map(
      ({ node, penalty, until }) =>
        `  damped    ${node}: penalty ${penalty.toFixed(1)}${until === null ? "" : `, held out for ${span(now, until)}`}`,
    ),
    ...balancer.refused.map(
      ({ pool, node, reason: why }) => `  refused   ${shortened(node)} in ${pool}: ${why}`,
    ),
    ...fact("old ones", balancer.lingering === 0 ? null : `${balancer.lingering} still serve`),
    `  counts    ${countsText(balancer)}`,
  ];
  const pools = balancer.pools.flatMap(poolText);
  return `${[...lines, ...pools].map(visible).join("\n")}\n`;
}

function fact(name: string, text: string | null): readonly string[] {
  return text === null ? [] : [`  ${name.padEnd(9)} ${text}`];
}

function versionText(
  { version, applied, appliedAt, written }: BalancerStatus,
  now: string,
): string {
  if (version === null) return "none wanted yet";
  if (version === applied) {
    return `${version}, served${appliedAt === null ? "" : ` since ${ago(appliedAt, now)} ago`}`;
  }
  return `${version} wanted, ${written ?? "none"} in the file, ${applied ?? "none"} served wholly`;
}

function lastText(last: NonNullable<BalancerStatus["last"]>, now: string): string {
  const way = last.way === "none" ? "" : ` by ${last.way}`;
  const took = formatDuration(last.tookMillis);
  return `${last.cause}: ${last.result}${way} in ${took}, ${ago(last.at, now)} ago`;
}

function earlierError(last: NonNullable<BalancerStatus["last"]>, now: string): string | null {
  if (last.lastError === null || last.failedAt === null) return null;
  return `${last.lastError}, ${ago(last.failedAt, now)} ago`;
}

function nextText(next: NonNullable<BalancerStatus["next"]>, now: string): string {
  const when = next.at === null ? "" : `, in ${span(now, next.at)}`;
  return `${next.what}${when}, waits for ${next.waitsFor}`;
}

function countsText({ counters }: BalancerStatus): string {
  const { passes, changes, reloads, failures, rollbacks, drift } = counters;
  return `${passes} rounds, ${changes} changes, ${reloads} reloads, ${failures} failures, ${rollbacks} rolled back, ${drift} drifts`;
}

const columns = ["SERVER", "ADDRESS", "WEIGHT", "WANTED", "FILE", "SERVED", "IN USE", "SINCE"];

function poolText({ name, servers, free }: PoolStatus): readonly string[] {
  const title = `  pool ${name}${free === 0 ? "" : `, ${free} free slots`}`;
  if (servers.length === 0) return [title, "    no servers"];
  const rows = [columns, ...servers.map(cells)].map((row) => row.map(visible));
  const widths = columns.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [
    title,
    ...rows.map((row) =>
      `    ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
    ),
  ];
}

function cells(server: ServerStatus): string[] {
  const { node, ip, port, weight, desired, inFile, served, since } = server;
  const wanted = desired === null ? "gone" : `${desired.admission} (${desired.cause})`;
  const state = served === null ? "-" : `${served.state}${served.up ? "" : " down"} ${served.name}`;
  return [
    shortened(node === "" ? "?" : node),
    ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`,
    String(weight),
    wanted,
    inFile ? "yes" : "no",
    state,
    served === null ? "-" : String(served.inUse),
    since,
  ];
}

function listed(nodes: readonly string[]): string {
  const shown = nodes.slice(0, 10).map(shortened).join(", ");
  return nodes.length > 10 ? `${shown} and ${nodes.length - 10} more` : shown;
}

function shortened(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}...` : name;
}

/** Names and reasons come from others: no control character reaches a terminal. */
function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`,
  );
}

function ago(then: string, now: string): string {
  return span(then, now);
}

/** From one ISO time to another, as `2m3s`; never negative. */
function span(from: string, to: string): string {
  const millis = Date.parse(to) - Date.parse(from);
  if (Number.isNaN(millis)) return "?";
  const rounded =
    millis < 10_000 ? Math.round(millis / 100) * 100 : Math.round(millis / 1_000) * 1_000;
  return formatDuration(Math.max(0, rounded));
}
