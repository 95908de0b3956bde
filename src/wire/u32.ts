import type { Bytes } from "../base/units.js";

/** The big-endian u32 at `at`; the four bytes must be there. */
export function readU32(bytes: Bytes, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index += 1) value = value * 0x100 + (bytes[index] as number);
  return value;
}

export function writeU32(bytes: Bytes, at: number, value: number): void {
  for (let index = 0; index < 4; index += 1) bytes[at + index] = value >>> (24 - 8 * index);
}
