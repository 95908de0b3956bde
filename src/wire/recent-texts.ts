import type { Bytes } from "../base/units.js";
import { slotOf } from "./byte-hash.js";

/** A power of two. */
const slots = 4_096;

/** The texts that were read last: each hash has place for one. */
const texts: string[] = [];

/**
 * Short ASCII text, and the same string for the same bytes as long as it is remembered: names come again
 * and again, and a string that is looked up in a table for the first time has to be hashed.
 */
export function recentText(bytes: Bytes, start: number, end: number): string {
  const slot = slotOf(bytes, start, end, slots);
  while (texts.length <= slot) texts.push("");
  const known = texts[slot] as string;
  if (matches(known, bytes, start, end)) return known;
  const text = asciiText(bytes, start, end);
  texts[slot] = text;
  return text;
}

/** Without a call into the runtime. */
function asciiText(bytes: Bytes, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(
      bytes[at] as number,
      bytes[at + 1] as number,
      bytes[at + 2] as number,
      bytes[at + 3] as number,
    );
  }
  for (; at < end; at += 1) text += String.fromCharCode(bytes[at] as number);
  return text;
}

function matches(text: string, bytes: Bytes, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}
