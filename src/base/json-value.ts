import { OperatorError } from "./errors.js";
import { findJsonFault } from "./json-fault.js";

/**
 * Parses the first JSON value of `text`; what follows it is ignored, as Serf does.
 *
 * Throws {@link OperatorError}: `EOF` for blank text, `unexpected EOF` if the value does not end,
 * otherwise where it goes wrong, but nothing of what stands there.
 */
export function parseFirstJson(text: string): unknown {
  const start = skipBlanks(text);
  if (start === text.length) throw new OperatorError("EOF");
  const end = endOfValue(text, start);
  if (end === undefined) throw new OperatorError("unexpected EOF");
  try {
    return JSON.parse(text.slice(start, end));
  } catch {
    throw new OperatorError(describeFault(text, start));
  }
}

function describeFault(text: string, start: number): string {
  const fault = findJsonFault(text, start);
  if (fault === undefined) return "invalid JSON";
  const before = text.slice(0, fault.index).split("\n");
  const column = (before.at(-1) ?? "").length + 1;
  return `invalid JSON at line ${before.length}, column ${column}: expected ${fault.expected}`;
}

function skipBlanks(text: string): number {
  return /^[ \t\r\n]*/.exec(text)?.[0].length ?? 0;
}

/** Where the value that begins at `start` ends; undefined if a bracket or quote stays open. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0;
  let index = start;
  while (index < text.length) {
    const character = text[index];
    if (character === '"') {
      const end = endOfString(text, index);
      if (end === undefined) return undefined;
      index = end;
    } else {
      if (character === "{" || character === "[") depth += 1;
      if (character === "}" || character === "]") depth -= 1;
      index += 1;
      if (depth === 0 && !"{[]}".includes(character as string)) {
        index = endOfWord(text, index);
      }
    }
    if (depth <= 0) return index;
  }
  return undefined;
}

function endOfString(text: string, start: number): number | undefined {
  for (let index = start + 1; index < text.length; index += 1) {
    if (text[index] === "\\") index += 1;
    else if (text[index] === '"') return index + 1;
  }
  return undefined;
}

/** Numbers, true, false and null end at a blank or at punctuation. */
function endOfWord(text: string, from: number): number {
  let index = from;
  while (index < text.length && !/[\s,:"{}[\]]/.test(text[index] as string)) index += 1;
  return index;
}
