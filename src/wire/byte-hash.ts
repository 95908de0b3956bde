import type { Bytes } from "../base/units.js";

/** FNV-1a of the bytes from `start` to `end`: 30 bits, which V8 keeps without an object of their own. */
export function hashOf(bytes: Bytes, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  }
  return hash & 0x3fff_ffff;
}

/** Which of `slots`, a power of two, belongs to the bytes from `start` to `end`. */
export function slotOf(bytes: Bytes, start: number, end: number, slots: number): number {
  const hash = hashOf(bytes, start, end);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}

/** True if the bytes from `start` to `end` are those of `known`. */
export function matchesAt(known: Bytes, bytes: Bytes, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let index = 0; index < known.length; index += 1) {
    if (known[index] !== bytes[start + index]) return false;
  }
  return true;
}
