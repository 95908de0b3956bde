import { formatDuration } from "../../base/duration.js";
import type { Millis } from "../../base/units.js";
import type { WallTime } from "../../observe/chronicle.js";
import { type Explained, type Explanation, explain } from "../../observe/why/explain.js";
import { sayRow } from "../../observe/why/saying.js";
import { type Style, Words } from "../../observe/why/verdict.js";
import { escapeControls, escapeWord, layOut, toJson } from "../output.js";
import type { Hearing } from "./inquiry.js";

export interface WhyReport {
  readonly node: string;
  /** As the agent shows it; undefined if it does not know it. */
  readonly status: string | undefined;
  readonly address: string | undefined;
  readonly since: Millis;
  readonly now: WallTime;
  readonly hearing: Hearing;
}

/** Rows of the time line that are shown unless all are wanted; the newest. */
const shownRows = 60;

/** Names of a row in the text form. */
const rowNames = 3;

export function textReport(report: WhyReport, all: boolean): string {
  const style: Style = { name: escapeWord, clock: (at) => clockText(at, report.now) };
  const words = new Words(style);
  const explanation = explain(report.node, report.hearing.accounts, words);
  const parts = [
    headline(report, words),
    ...causes(report, explanation, words),
    ...timeline(explanation, words, all),
    whoAnswered(report, words),
  ];
  return parts.map((part) => `${part}\n`).join("\n");
}

export function jsonReport(report: WhyReport): string {
  const { address, hearing, node, now, since, status } = report;
  const iso = (at: WallTime): string => new Date(at).toISOString();
  const words = new Words({ name: (name) => name, clock: iso });
  const { episodes, rows } = explain(node, hearing.accounts, words);
  const whole = {
    node,
    status: status ?? null,
    address: address ?? null,
    now: iso(now),
    since: iso(now - since),
    causes: episodes.map(({ episode, verdict }) => ({
      ...verdict,
      advice: verdict.advice ?? null,
      begin: iso(episode.begin),
      end: episode.over ? iso(episode.end) : null,
    })),
    timeline: rows.map((row) => ({
      at: iso(row.at),
      until: iso(row.until),
      who: row.who,
      times: row.times,
      text: sayRow(row, words),
      deed: row.deed,
    })),
    answered: hearing.accounts.map(({ from, reach, whole: complete }) => ({
      name: from,
      reach: iso(reach),
      whole: complete,
    })),
    recordless: hearing.recordless,
    silent: hearing.silent,
  };
  return `${toJson(whole)}\n`;
}

/** True if the last thing that was the matter can be named, or nothing was. */
export function isExplained({ hearing, node }: WhyReport): boolean {
  const words = new Words({ name: String, clock: String });
  const [newest] = explain(node, hearing.accounts, words).episodes;
  return hearing.accounts.length > 0 && newest?.verdict.cause !== "unknown";
}

function headline({ address, node, status }: WhyReport, words: Words): string {
  const name = words.name(node);
  if (status === undefined) return `${name} is no member that the agent knows (any more).`;
  return `${name} is ${escapeControls(status)}, at ${address ?? "an unknown address"}.`;
}

function causes(report: WhyReport, { episodes }: Explanation, words: Words): string[] {
  const [newest, ...before] = episodes;
  if (newest === undefined) return [nothingSeen(report)];
  const { advice, because, confidence, summary } = newest.verdict;
  const lines = [
    `Why: ${summary} (${confidence})`,
    `  ${when(newest, words)}`,
    ...because.map((reason) => `  - ${reason}`),
    ...(advice === undefined ? [] : [`  To do: ${advice}`]),
  ];
  if (before.length > 0) {
    lines.push("", "Before that:");
    for (const one of before.slice(0, 10)) {
      const { confidence: sure, summary: said } = one.verdict;
      lines.push(`  ${when(one, words)}: ${said} (${sure})`);
    }
  }
  return [lines.map(escapeControls).join("\n")];
}

function nothingSeen({ hearing, since, status }: WhyReport): string {
  if (hearing.accounts.length === 0) return "Nobody who keeps records answered.";
  if (status === "alive" || status === undefined) {
    return `Nothing was the matter with it in the last ${formatDuration(since)}, as far as is on record.`;
  }
  return "That is so for longer than the records of those go back who answered.";
}

function when({ episode }: Explained, words: Words): string {
  const begin = words.clock(episode.begin);
  if (!episode.over) return `since ${begin}, and still`;
  if (episode.end - episode.begin < 1_000) return `at ${begin}`;
  return `${begin} to ${words.clock(episode.end)} (${words.span(episode.end - episode.begin)})`;
}

function timeline({ rows }: Explanation, words: Words, all: boolean): string[] {
  if (rows.length === 0) return [];
  const shown = all ? rows : rows.slice(-shownRows);
  const left = rows.length - shown.length;
  const cells = shown.map((row) => [
    `  ${words.clock(row.at)}`,
    teller(row.who, words),
    escapeControls(sayRow(row, words)),
  ]);
  const head = left === 0 ? "Time line:" : `Time line (-all shows ${left} earlier ones):`;
  return [`${head}\n${layOut(cells)}`];
}

function teller(who: readonly string[], words: Words): string {
  if (who.length <= rowNames) return who.map((name) => words.name(name)).join(",");
  const shown = who.slice(0, rowNames - 1).map((name) => words.name(name));
  return `${shown.join(",")},+${who.length - shown.length}`;
}

function whoAnswered({ hearing, since }: WhyReport, words: Words): string {
  const { accounts, recordless, silent } = hearing;
  const some = (names: readonly string[]): string => words.names(names);
  const lines = [
    `Asked for the last ${formatDuration(since)}. Answered: ${some(accounts.map(({ from }) => from))}.`,
  ];
  if (recordless.length > 0) {
    lines.push(`Keep no records (Serf, or an older gossipd): ${some(recordless)}.`);
  }
  if (silent.length > 0) lines.push(`Did not answer: ${some(silent)}.`);
  const partial = accounts.filter(({ whole }) => !whole).map(({ from }) => from);
  if (partial.length > 0) lines.push(`Had more to tell than was asked for: ${some(partial)}.`);
  return lines.join("\n");
}

/** Of this machine's clock; the day only if it was another one. */
function clockText(at: WallTime, now: WallTime): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  const text = `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  if (date.toDateString() === new Date(now).toDateString()) return text;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${text}`;
}
