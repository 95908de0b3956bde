import type { Bytes } from "../base/units.js";
import { matchesAt, slotOf } from "./byte-hash.js";

/** A power of two. */
const slots = 4_096;

/** More than an address, versions or the intent of a member have. */
const longest = 64;

/** The short byte strings that were read last: each hash has place for one. */
const recent: Bytes[] = [];

const none: Bytes = new Uint8Array();

/**
 * The `length` bytes from `start` on, apart from the packet they came in. They must not be written to:
 * as long as they are remembered, all who read the same bytes have them. A short array of its own would
 * take many times what is in it.
 */
export function recentBytes(bytes: Bytes, start: number, length: number): Bytes {
  if (length > longest) return copyOf(bytes, start, length);
  const end = start + length;
  const slot = slotOf(bytes, start, end, slots);
  while (recent.length <= slot) recent.push(none);
  const known = recent[slot] as Bytes;
  if (matchesAt(known, bytes, start, end)) return known;
  const own = copyOf(bytes, start, length);
  recent[slot] = own;
  return own;
}

/** Not slice(): of a Buffer that is a view. And for few bytes a loop is faster than set(). */
function copyOf(bytes: Bytes, start: number, length: number): Bytes {
  const own = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) own[index] = bytes[start + index] as number;
  return own;
}
