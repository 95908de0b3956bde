import type { Table } from "./tables.js";

/** How wide a note may be. */
const width = 80;

/** Tables for a terminal: figures end at the same place in each column. */
export function toText(heading: string, tables: readonly Table[]): string {
  return [heading, ...tables.map(tableText)].join("\n\n");
}

function tableText({ columns, note, rows, title }: Table): string {
  const lines = [columns, ...rows];
  const widths = columns.map((_, column) =>
    Math.max(...lines.map((line) => Array.from(line[column] ?? "").length)),
  );
  const laidOut = lines.map((line) =>
    line.map((cell, column) => padStart(cell, widths[column] ?? 0)).join("  "),
  );
  return [title.toUpperCase(), ...wrap(note), ...laidOut].join("\n");
}

function padStart(text: string, length: number): string {
  return " ".repeat(Math.max(0, length - Array.from(text).length)) + text;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length >= width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
