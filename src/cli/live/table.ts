import type { Paint, Style } from "../colours.js";

export interface Cell {
  /** Without anything that a terminal acts upon. */
  readonly text: string;
  readonly styles?: readonly Style[];
}

export interface Column {
  readonly title: string;
  /** Numbers stand at the right of their column. */
  readonly right?: boolean;
}

const gap = "  ";

/** Lines of a table with its titles first, each cut to `width`; the last column takes what is left. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paint: Paint,
): string[] {
  const titles = columns.map(({ title }): Cell => ({ text: title, styles: ["dim"] }));
  const all = [titles, ...rows];
  const widths = columns.map((_, index) =>
    Math.max(...all.map((row) => lengthOf(row[index]?.text ?? ""))),
  );
  return all.map((row) => {
    let left = width;
    const cells: string[] = [];
    for (const [index, { text, styles = [] }] of row.entries()) {
      if (left <= 0) break;
      const isLast = index === row.length - 1;
      const padded = isLast ? text : pad(text, widths[index] ?? 0, columns[index]?.right === true);
      const shown = cut(padded, left);
      left -= lengthOf(shown) + gap.length;
      cells.push(shown.trim() === "" ? shown : paint(shown, ...styles));
    }
    return cells.join(gap).trimEnd();
  });
}

/** At most `width` code points; an ellipsis says that there was more. */
export function cut(text: string, width: number): string {
  if (width <= 0) return "";
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

function pad(text: string, width: number, right: boolean): string {
  const blanks = " ".repeat(Math.max(0, width - lengthOf(text)));
  return right ? blanks + text : text + blanks;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
