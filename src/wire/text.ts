import type { Bytes } from "../base/units.js";
import { plainBytes } from "./plain-bytes.js";

const replacement = "\ufffd";

/**
 * The bytes of a text: UTF-8, and one byte 80..ff for each lone surrogate U+DC80..U+DCFF, so that
 * whatever {@link decodeText} gave comes back unchanged. Other lone surrogates become U+FFFD.
 */
export function encodeText(text: string): Bytes {
  if (!hasEscape(text)) return plainBytes(Buffer.from(text, "utf8"));
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (isEscape(code)) bytes.push(code - 0xdc00);
    else bytes.push(...Buffer.from(character, "utf8"));
  }
  return Uint8Array.from(bytes);
}

/**
 * The text of bytes that a peer calls a string. Go does not check its strings, so names and tags may
 * hold anything: bytes that are not valid UTF-8 become lone surrogates U+DC80..U+DCFF, one each
 * (Python's surrogateescape).
 */
export function decodeText(bytes: Bytes): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  return text.includes(replacement) ? decodeWithEscapes(bytes) : text;
}

function isEscape(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff;
}

/** May err on the side of true: the low half of a pair looks the same. */
function hasEscape(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (isEscape(text.charCodeAt(index))) return true;
  }
  return false;
}

function decodeWithEscapes(bytes: Bytes): string {
  let text = "";
  let start = 0;
  let index = 0;
  const valid = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  while (index < bytes.length) {
    const length = sequenceLength(bytes, index);
    if (length === 0) {
      text += valid.toString("utf8", start, index);
      text += String.fromCharCode(0xdc00 + (bytes[index] as number));
      index += 1;
      start = index;
    } else {
      index += length;
    }
  }
  return text + valid.toString("utf8", start);
}

/** How long the well-formed UTF-8 sequence at `index` is; 0 if there is none (Unicode, table 3-7). */
function sequenceLength(bytes: Bytes, index: number): number {
  const first = bytes[index] as number;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[index + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  if (first < 0xe0) return 2;
  if (!isContinuation(bytes[index + 2])) return 0;
  if (first < 0xf0) return 3;
  return isContinuation(bytes[index + 3]) ? 4 : 0;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte <= 0xbf;
}
