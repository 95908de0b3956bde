import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";

/**
 * Finds the end of one MessagePack value whose bytes may come in pieces, and however deep it is:
 * without recursion, and never looking at a byte twice.
 */
export class Scanner {
  /** The end of what is known of the value so far; may lie beyond the bytes that are there. */
  position: number;
  /** Values still to come. Items of all open arrays and maps together, so depth costs nothing. */
  #pending = 1;

  constructor(position: number) {
    this.position = position;
  }

  /** The least number of bytes that the value can still take beyond {@link position}. */
  get pending(): number {
    return this.#pending;
  }

  /** True when the value ends within the first `end` of `bytes`; else to be called again with more. */
  scan(bytes: Bytes, end: number): boolean {
    while (this.#pending > 0) {
      if (this.position >= end) return false;
      const tag = bytes[this.position] as number;
      const size = lengthBytes(tag);
      const body = this.position + 1 + size;
      if (body > end) return false;
      this.position = body;
      this.#pending -= 1;
      this.#enter(tag, readLength(bytes, body - size, size));
    }
    return this.position <= end;
  }

  /** `length` is what the bytes after the tag say. */
  #enter(tag: number, length: number): void {
    if (tag <= 0x7f || tag >= 0xe0) return;
    if (tag <= 0x8f) this.#pending += 2 * (tag & 0x0f);
    else if (tag <= 0x9f) this.#pending += tag & 0x0f;
    else if (tag <= 0xbf) this.position += tag & 0x1f;
    else if (tag === 0xc1) throw new DecodeError("malformed", "type byte c1 is not in use");
    else if (tag <= 0xc6) this.position += length;
    else if (tag <= 0xc9) this.position += 1 + length;
    else if (tag <= 0xd3) this.position += scalarBytes[tag - 0xca] as number;
    else if (tag <= 0xd8) this.position += 1 + (1 << (tag - 0xd4));
    else if (tag <= 0xdb) this.position += length;
    else if (tag <= 0xdd) this.#pending += length;
    else this.#pending += 2 * length;
  }
}

/** Body of the tags ca to d3: floats, unsigned and signed integers. */
const scalarBytes = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/** How many bytes after `tag` hold a length: bin, ext, str, array and map with a header of their own. */
function lengthBytes(tag: number): 0 | 1 | 2 | 4 {
  switch (tag) {
    case 0xc4:
    case 0xc7:
    case 0xd9:
      return 1;
    case 0xc5:
    case 0xc8:
    case 0xda:
    case 0xdc:
    case 0xde:
      return 2;
    case 0xc6:
    case 0xc9:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return 4;
    default:
      return 0;
  }
}

function readLength(bytes: Bytes, start: number, size: number): number {
  let length = 0;
  for (let index = start; index < start + size; index += 1) {
    length = length * 0x100 + (bytes[index] as number);
  }
  return length;
}
