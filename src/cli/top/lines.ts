import { formatDuration } from "../../base/duration.js";
import type { Millis } from "../../base/units.js";
import type { BalancerStatus } from "../../lb/status.js";
import type { HandlerRun, HandlerState } from "../../observe/handler-run.js";
import { type Paint, type Style, statusStyle } from "../colours.js";
import { type Cell, cut, tableLines } from "../live/table.js";
import { escapeControls, escapeWord } from "../output.js";
import { type Order, shownStatus, sorted } from "./order.js";
import type { MemberReading, Reading } from "./reading.js";

const mebibyte = 1024 * 1024;

/**
 * What stands above the table: the agent, the members in numbers, and `most` of the load balancers and
 * handlers.
 */
export function headLines(
  reading: Reading,
  now: Date,
  width: number,
  paint: Paint,
  most: number,
): string[] {
  const { balancers, handlers } = reading;
  const parts = [
    ...(balancers ?? []).map((one) => balancerCells(one)),
    ...(handlers ?? []).map((one) => handlerCells(one, now)),
  ];
  const rows = tableLines(partColumns, parts.slice(0, most), width, paint).slice(1);
  const more = parts.length - most;
  return [
    paint(cut(agentLine(reading, now), width), "bold"),
    cut(healthLine(reading), width),
    ...rows,
    ...(more > 0 ? [paint(`and ${more} more`, "dim")] : []),
    "",
  ];
}

const partColumns = ["", "", "", ""].map((title) => ({ title }));

/** The table, its titles first. */
export function memberLines(
  members: readonly MemberReading[],
  order: Order,
  now: Date,
  width: number,
  paint: Paint,
): string[] {
  const rows = sorted(members, order).map((member): Cell[] => {
    const status = shownStatus(member);
    const { lostProbes, suspectedBy } = member;
    const tags = Object.entries(member.tags).map(([key, value]) => `${key}=${value}`);
    return [
      { text: escapeWord(member.name) },
      { text: member.address },
      { text: status, styles: statusStyle(status) },
      { text: millis(member.rttMillis) },
      { text: millis(member.lastRttMillis) },
      { text: lostProbes === null ? "-" : String(lostProbes), styles: styleOf(lostProbes ?? 0) },
      { text: suspectedBy.length === 0 ? "" : suspicionOf(member, now), styles: ["yellow"] },
      { text: escapeControls(tags.join(",")), styles: ["dim"] },
    ];
  });
  return tableLines(columns, rows, width, paint);
}

const columns = [
  { title: "NAME" },
  { title: "ADDRESS" },
  { title: "STATUS" },
  { title: "RTT", right: true },
  { title: "PING", right: true },
  { title: "LOST", right: true },
  { title: "SUSPECTED BY" },
  { title: "TAGS" },
];

function styleOf(lost: number): readonly Style[] {
  return lost > 0 ? ["yellow"] : [];
}

function suspicionOf({ suspectedBy, suspectedSince }: MemberReading, now: Date): string {
  const [first = "", ...others] = suspectedBy.map(escapeWord);
  const more = others.length === 0 ? "" : ` +${others.length}`;
  return `${first}${more}${suspectedSince === null ? "" : ` ${ageOf(suspectedSince, now)}`}`;
}

function agentLine({ encrypted, node, self }: Reading, now: Date): string {
  const secret = encrypted ? "encrypted" : "not encrypted";
  if (self === null) return [escapeWord(node), secret, "an agent of Serf tells no more"].join("  ");
  const state = self.joined ? (self.settled ? "settled" : "not settled") : "not joined";
  return [
    escapeWord(node),
    self.address,
    `gossipd ${escapeControls(self.version)}`,
    `up ${ageOf(self.startedAt, now)}`,
    escapeControls(self.profile),
    secret,
    self.isolated ? "hears nobody" : state,
  ].join("  ");
}

function healthLine({ health, members, self }: Reading): string {
  const counts = new Map<string, number>();
  for (const member of members) {
    const status = shownStatus(member);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  const parts = [...counts].sort().map(([status, count]) => `${count} ${status}`);
  const noun = members.length === 1 ? "member" : "members";
  const line = [`${members.length} ${noun}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`];
  if (health !== null) line.push(`health ${health}${health === 0 ? " (well)" : ""}`);
  if (self !== null) {
    const { p50, p99 } = self.loopDelayMillis;
    line.push(`loop delay ${millis(p50)} (p99 ${millis(p99)})`);
    line.push(`${Math.round(self.rssBytes / mebibyte)} MiB`);
  }
  return line.join("  ");
}

function balancerCells({ condition, name, ok, pools, reason }: BalancerStatus): Cell[] {
  const wanted = pools
    .flatMap((pool) => pool.servers)
    .filter(({ desired }) => desired?.admission === "ready");
  const up = wanted.filter(({ served }) => served?.state === "ready" && served.up).length;
  return [
    { text: `balancer ${escapeWord(name)}` },
    { text: condition, styles: ok ? ["green"] : ["red"] },
    { text: `${up} of ${wanted.length} up` },
    { text: escapeControls(reason ?? ""), styles: ["red"] },
  ];
}

function handlerCells(state: HandlerState, now: Date): Cell[] {
  const { counts, lastRun, resting, running, script, waiting } = state;
  const doing =
    running === null
      ? resting === null
        ? "idle"
        : `retry ${resting.attempt}`
      : `runs for ${ageOf(running.startedAt, now)}`;
  const queue = waiting === 0 ? "" : `, ${waiting} waiting`;
  const failed = counts.failures === 0 ? "" : `, ${counts.failures} failed`;
  return [
    { text: `handler ${escapeControls(script)}` },
    { text: `${doing}${queue}`, styles: resting === null ? [] : ["yellow"] },
    { text: `${counts.runs} runs${failed}` },
    lastCell(lastRun, now),
  ];
}

function lastCell(run: HandlerRun | null, now: Date): Cell {
  if (run === null) return { text: "" };
  const words = `last ${run.result} ${ageOf(run.startedAt, now)} ago`;
  if (run.failure === null) return { text: words };
  return { text: `${words}: ${escapeControls(run.failure)}`, styles: ["red"] };
}

/** In whole seconds; clocks that differ give no time below 0. */
function ageOf(at: string, now: Date): string {
  const age = Math.round((now.getTime() - Date.parse(at)) / 1_000) * 1_000;
  return formatDuration(Math.max(0, age || 0));
}

function millis(time: Millis | null): string {
  if (time === null) return "-";
  return `${time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : Math.round(time)}ms`;
}
