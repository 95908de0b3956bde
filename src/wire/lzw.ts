import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";

/*
 * LZW as Go's compress/lzw writes it with least significant bit first and 8-bit literals: codes of 9
 * to 12 bits, the width grows when the next code reaches the power of two (protocol.md section 1.5).
 */

const clearCode = 256;
const endCode = 257;
const firstWidth = 9;
const lastWidth = 12;
const firstLimit = 1 << firstWidth;
const lastCode = 4_095;

/** Four slots for each code that can be in use, so that a search is short. */
const hashSlots = 16_384;
const hashMask = hashSlots - 1;

/** From (code, next byte) to code: the key in the upper 20 bits, the code in the lower 12; 0 is free. */
const dictionary = new Uint32Array(hashSlots);

/** Where in the output what a code stands for was first written, and how long it is. */
const starts = new Uint32Array(lastCode + 1);
const sizes = new Uint16Array(lastCode + 1);

/** The bytes Go would write for `plain`; no bytes become `00 03 02`. */
export function compress(plain: Bytes): Bytes {
  const output = new BitWriter(plain.length);
  let width = firstWidth;
  let high = endCode;
  let limit = firstLimit;
  dictionary.fill(0);
  output.write(clearCode, width);
  if (plain.length === 0) {
    output.write(endCode, width);
    return output.finish();
  }
  let code = plain[0] as number;
  for (let index = 1; index < plain.length; index += 1) {
    const byte = plain[index] as number;
    const key = (code << 8) | byte;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 18) & hashMask;
    let entry = dictionary[slot] as number;
    while (entry !== 0 && entry >>> 12 !== key) {
      slot = (slot + 1) & hashMask;
      entry = dictionary[slot] as number;
    }
    if (entry !== 0) {
      code = entry & 0xfff;
      continue;
    }
    output.write(code, width);
    code = byte;
    high += 1;
    if (high === limit) {
      width += 1;
      limit *= 2;
    }
    if (high === lastCode) {
      output.write(clearCode, lastWidth);
      width = firstWidth;
      high = endCode;
      limit = firstLimit;
      dictionary.fill(0);
    } else dictionary[slot] = ((key << 12) | high) >>> 0;
  }
  output.write(code, width);
  // The last code makes the table grow too, and the end code is written at the width after it.
  high += 1;
  if (high === limit) width += 1;
  if (high === lastCode) {
    output.write(clearCode, lastWidth);
    width = firstWidth;
  }
  output.write(endCode, width);
  return output.finish();
}

/** Packs codes, lowest bit first. */
class BitWriter {
  readonly #bytes: Bytes;
  #length = 0;
  #held = 0;
  #heldBits = 0;

  /** At worst every byte of the input becomes a code of 12 bits. */
  constructor(inputBytes: number) {
    this.#bytes = new Uint8Array(Math.ceil(inputBytes * 1.5) + 16);
  }

  write(code: number, width: number): void {
    this.#held |= code << this.#heldBits;
    this.#heldBits += width;
    while (this.#heldBits >= 8) {
      this.#bytes[this.#length] = this.#held;
      this.#length += 1;
      this.#held >>>= 8;
      this.#heldBits -= 8;
    }
  }

  finish(): Bytes {
    if (this.#heldBits > 0) {
      this.#bytes[this.#length] = this.#held;
      this.#length += 1;
    }
    return this.#bytes.slice(0, this.#length);
  }
}

/**
 * Undoes {@link compress}, whoever did it. Throws {@link DecodeError} as soon as the result would have
 * more than `limit` bytes; takes time and memory in proportion to what is read and written.
 *
 * A new code always stands for what the last code did and the byte after it. Both stand side by side
 * in the output, so a code is remembered as a place there and copied from it, byte by byte: a code
 * that is used while it is being made then reads what it has just written.
 */
export function decompress(lzw: Bytes, limit: number): Bytes {
  let output: Bytes = new Uint8Array(Math.min(limit, 4 * lzw.length + 16));
  let length = 0;
  let width = firstWidth;
  let high = endCode;
  let growAt = firstLimit;
  let lastStart = -1;
  let held = 0;
  let heldBits = 0;
  let position = 0;
  for (;;) {
    while (heldBits < width) {
      if (position === lzw.length) throw new DecodeError("compression", "LZW ends without its end");
      held |= (lzw[position] as number) << heldBits;
      position += 1;
      heldBits += 8;
    }
    const code = held & ((1 << width) - 1);
    held >>>= width;
    heldBits -= width;
    if (code === endCode) return output.slice(0, length);
    if (code === clearCode) {
      width = firstWidth;
      high = endCode;
      growAt = firstLimit;
      lastStart = -1;
      continue;
    }
    if (code > high) throw new DecodeError("compression", "LZW has a code that was not made yet");
    if (lastStart >= 0) {
      starts[high] = lastStart;
      sizes[high] = length - lastStart + 1;
    }
    const size = code < clearCode ? 1 : (sizes[code] as number);
    if (length + size > output.length) output = grow(output, length + size, limit);
    if (code < clearCode) output[length] = code;
    else copyWithin(output, starts[code] as number, length, size);
    lastStart = length;
    length += size;
    high += 1;
    if (high < growAt) continue;
    if (width < lastWidth) {
      width += 1;
      growAt *= 2;
    } else {
      high -= 1;
      lastStart = -1;
    }
  }
}

function copyWithin(bytes: Bytes, from: number, to: number, size: number): void {
  for (let index = 0; index < size; index += 1) bytes[to + index] = bytes[from + index] as number;
}

function grow(output: Bytes, needed: number, limit: number): Bytes {
  if (needed > limit) {
    throw new DecodeError("limit", `Decompressed frame is larger than limit (${limit})`);
  }
  const grown = new Uint8Array(Math.min(limit, Math.max(needed, 2 * output.length)));
  grown.set(output);
  return grown;
}
