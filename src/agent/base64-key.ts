import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";

/**
 * A key in the standard alphabet, padded; line ends inside are skipped. Throws {@link OperatorError}
 * in the words of Go's decoder, down to the byte that it stops at.
 */
export function decodeKey(text: string): Bytes {
  const bytes = Buffer.from(text);
  const fault = faultOf(bytes);
  if (fault !== undefined) throw new OperatorError(`illegal base64 data at input byte ${fault}`);
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Where Go's decoder, which takes four digits at a time, finds the first fault. */
function faultOf(bytes: Bytes): number | undefined {
  const places = [...bytes.keys()].filter((place) => !isLineEnd(bytes[place] as number));
  const ends = places.findIndex((place) => !isDigit(bytes[place] as number));
  const digits = ends < 0 ? places.length : ends;
  const inLast = digits % 4;
  // Go counts back from the end of the text, line ends included.
  if (ends < 0) return inLast === 0 ? undefined : bytes.length - inLast;
  const at = places[digits] as number;
  if (bytes[at] !== padding || inLast < 2) return at;
  let next = digits + 1;
  if (inLast === 2) {
    const second = places[next];
    if (second === undefined) return bytes.length;
    if (bytes[second] !== padding) return second - 1;
    next += 1;
  }
  return places[next];
}

const padding = "=".charCodeAt(0);

function isDigit(byte: number): boolean {
  return /[A-Za-z0-9+/]/.test(String.fromCharCode(byte));
}

function isLineEnd(byte: number): boolean {
  return byte === 10 || byte === 13;
}
