import { readFileSync } from "node:fs";
import type { Millis } from "../base/units.js";

const lookEvery: Millis = 100;

/** What is new in a text, and what is gone, by lines. */
export interface LineChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The lines that one text has and the other has not, without the blanks around them. */
export function lineChanges(before: string, now: string): LineChanges {
  const old = linesOf(before);
  const fresh = linesOf(now);
  return {
    added: fresh.filter((line) => !old.includes(line)),
    removed: old.filter((line) => !fresh.includes(line)),
  };
}

/** Follows the file that a handler writes; tells of each change. Returns what ends it. */
export function followFile(file: string, onChange: (changes: LineChanges) => void): () => void {
  let before = readOrEmpty(file);
  const timer = setInterval(() => {
    const now = readOrEmpty(file);
    if (now === before) return;
    onChange(lineChanges(before, now));
    before = now;
  }, lookEvery);
  return () => clearInterval(timer);
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
