import { type Figure, figures } from "./figures.js";
import { type Comparison, compare, type Failure, type Row } from "./sheet.js";
import type { Summary } from "./statistics.js";

const head = ["figure", "at", "unit", "Serf", "gossipd", "x Serf", "x floor", "aim", ""];

/** For a terminal. */
export function textTable(rows: readonly Row[]): string {
  const lines = [head, ...rows.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => width(line[column]))));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** For a document. */
export function markdownTable(rows: readonly Row[]): string {
  const rule = head.map((_, column) => (column >= 3 && column <= 6 ? "---:" : "---"));
  return [head, rule, ...rows.map(cellsOf)].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

export function failureLines(failures: readonly Failure[]): string {
  return failures.map(({ what, reason }) => `FAILED ${what}: ${reason}\n`).join("");
}

function cellsOf(row: Row): string[] {
  const { title, unit }: Figure = figures[row.figure];
  const comparison = compare(row);
  const { serf, gossipd, overSerf, overFloor } = comparison;
  return [
    title,
    row.condition,
    unit,
    valueCell(serf),
    valueCell(gossipd),
    ratioCell(overSerf, serf !== undefined && gossipd !== undefined),
    ratioCell(overFloor, false),
    aimCell(row),
    verdict(comparison),
  ];
}

/** `median (least-most)`. */
function valueCell(summary: Summary | undefined): string {
  if (summary === undefined) return "-";
  const { count, least, median, most } = summary;
  if (count === 1 || least === most) return shown(median);
  return `${shown(median)} (${shown(least)}-${shown(most)})`;
}

/** Three digits, or all of a whole number that has more. */
export function shown(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(Math.max(2 - magnitude, 0), 4));
}

function ratioCell(value: number | undefined, nothingToCompareWith: boolean): string {
  if (value !== undefined) return value.toFixed(2);
  return nothingToCompareWith ? "more than 0" : "";
}

function aimCell({ figure }: Row): string {
  const { aim }: Figure = figures[figure];
  if (aim === undefined) return "";
  const sign = aim.bound === "at most" ? "≤" : "≥";
  return `${sign} ${aim.factor} x ${aim.over === "serf" ? "Serf" : "floor"}`;
}

function verdict({ reached }: Comparison): string {
  if (reached === undefined) return "";
  return reached ? "yes" : "no";
}

function width(cell: string | undefined): number {
  return cell?.length ?? 0;
}
