import type { Millis } from "../base/units.js";
import type { Phase } from "./phase.js";

/** `3.4 s`, or a dash. */
export function formatSeconds(time: Millis | undefined): string {
  return time === undefined ? "-" : `${(time / 1_000).toFixed(1)} s`;
}

/** The rows padded to columns, the first to the left and the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column)),
      )
      .join("   "),
  );
}

/** The outcome of a run, a line for each phase and a column for each web node. */
export function summary(phases: readonly Phase[]): string[] {
  const names = [...new Set(phases.flatMap((phase) => [...phase.tally.answeredBy.keys()]))].sort();
  const head = ["", "settled", "answered", ...names, "slowest", "lost"];
  const rows = phases.map((phase) => [
    phase.title,
    formatSeconds(phase.settledAfter),
    String(phase.tally.answered),
    ...names.map((name) => String(phase.tally.answeredBy.get(name) ?? "-")),
    `${Math.round(phase.tally.slowest)} ms`,
    String(phase.tally.lost),
  ]);
  return table([head, ...rows]);
}

/** How it went: what was wrong, phase by phase, or that nothing was. */
export function verdict(phases: readonly Phase[]): { right: boolean; lines: string[] } {
  const faults = phases.flatMap((phase) => phase.faults().map((text) => `${phase.title}: ${text}`));
  if (faults.length > 0) return { right: false, lines: faults };
  const crashes = phases.filter((phase) => !phase.planned);
  const lost = crashes.reduce((sum, phase) => sum + phase.tally.lost, 0);
  const lines = [
    "The balancer was right whenever it had settled; no planned change lost a request.",
  ];
  if (crashes.length > 0)
    lines.push(`Requests lost to kill -9: ${lost}, none once the balancer was rewired.`);
  return { right: true, lines };
}
