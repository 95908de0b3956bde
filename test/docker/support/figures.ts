import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** A line of the table in docker/README.md: what was broken, and what became of it. */
export interface Figure {
  readonly stack: string;
  /** What breaks: "a web container is stopped". */
  readonly breaks: string;
  /** What happens: "drained, then stopped". */
  readonly happens: string;
  /** Until then; milliseconds, undefined if there is no such time. */
  readonly took: number | undefined;
  /** Requests lost of those sent meanwhile; undefined if none were sent. */
  readonly lost: number | undefined;
  readonly of: number | undefined;
}

const file = process.env.DOCKER_FIGURES;

/** Keeps a figure for the table that `npm run test:docker` prints at its end. */
export function note(figure: Figure): void {
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(figure)}\n`);
}

/** All figures so far as a Markdown table. */
export function figureTable(path: string): string {
  if (!existsSync(path)) return "no figures";
  const figures = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Figure);
  const rows = figures.map(({ stack, breaks, happens, took, lost, of }) =>
    [stack, breaks, happens, timeText(took), lossText(lost, of)].join(" | "),
  );
  return [
    "| stack | what breaks | what happens | how fast | requests lost |",
    "|---|---|---|---|---|",
    ...rows.map((row) => `| ${row} |`),
  ].join("\n");
}

function timeText(millis: number | undefined): string {
  if (millis === undefined) return "–";
  return millis < 1_000 ? `${Math.round(millis)} ms` : `${(millis / 1_000).toFixed(1)} s`;
}

function lossText(lost: number | undefined, of: number | undefined): string {
  if (lost === undefined) return "–";
  return of === undefined ? String(lost) : `${lost} of ${of}`;
}
