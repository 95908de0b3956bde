import { compareTexts } from "../base/compare-texts.js";
import { OperatorError } from "../base/errors.js";
import type { Arguments, OptionSpec } from "./command.js";

export const formatOption: OptionSpec = {
  flag: "format",
  kind: "text",
  placeholder: "FORMAT",
  value: ["text", "json"],
  help: "text (the default) or json.",
};

/** The output format that was asked for. Throws OperatorError if there is no such format. */
export function outputFormat(args: Arguments): "text" | "json" {
  const format = args.text("format") ?? "text";
  if (format === "text" || format === "json") return format;
  throw new OperatorError(`Encoding error: Invalid output format ${JSON.stringify(format)}`);
}

/** What would break a row, or what a terminal would act upon. */
const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const controlsAndBlanks = /[\p{Cc}\p{Z}\p{Bidi_Control}]/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** `text` on one line, whatever is in it. */
export function escapeControls(text: string): string {
  return text.replace(controls, escapeOne);
}

/** `text` as one word on one line: a name with blanks in it could otherwise forge the columns after it. */
export function escapeWord(text: string): string {
  return text.replace(controlsAndBlanks, escapeOne);
}

function escapeOne(character: string): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return (
    shortEscapes[character] ??
    (code < 0x80 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`)
  );
}

/**
 * Rows as Serf lays them out: cells padded to the widest of their column, but in the last one, two
 * spaces between them, and no blanks at the very end.
 */
export function layOut(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    }
  }
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column] ?? 0)))
      .join("  "),
  );
  return lines.join("\n").trimEnd();
}

/** Code points, as Go counts them. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** JSON as Go's encoder indents and escapes it. */
export function toJson(value: unknown): string {
  const escapes: Readonly<Record<string, string>> = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
  };
  return JSON.stringify(value, undefined, 2).replace(
    /[<>&\u2028\u2029]/g,
    (character) => escapes[character] ?? `\\u${character.charCodeAt(0).toString(16)}`,
  );
}

/** `pairs` as an object for {@link toJson}, keys sorted. */
export function toObject(pairs: ReadonlyMap<string, unknown>): object {
  return Object.fromEntries(sortedPairs(pairs));
}

/** The entries of `pairs`, keys sorted. */
export function sortedPairs<V>(pairs: ReadonlyMap<string, V>): [string, V][] {
  return [...pairs].sort(([one], [other]) => compareTexts(one, other));
}
