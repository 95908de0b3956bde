import { assert } from "../base/assert.js";
import { InvariantError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import { encodeText } from "./text.js";

/** Gossip knows the raw family alone; the agent's RPC has str8 for texts and bin for bytes. */
export type Dialect = "raw" | "bin";

/** Small messages are cut from one slab: a buffer of its own costs each three times as much. */
const slabBytes = 8_192;

const fixRawMax = 31;
const two32 = 2 ** 32;

/**
 * Writes MessagePack as go-msgpack 0.5.5 does: smallest headers, positive integers unsigned, floats
 * always eight bytes (protocol.md section 2.2). One writer is made for many messages.
 */
export class Writer {
  readonly #bin: boolean;
  #slab = new Uint8Array(slabBytes);
  /** Of the slab, for floats. */
  #view = new DataView(this.#slab.buffer);
  /** Where in the slab the current message begins, and where it ends so far. */
  #start = 0;
  #end = 0;

  constructor(dialect: Dialect) {
    this.#bin = dialect === "bin";
  }

  /** Starts a message with its type byte; what an earlier one left behind is forgotten. */
  begin(type: number): void {
    this.#end = this.#start;
    this.byte(type);
  }

  /** Starts what has no type byte. */
  start(): void {
    this.#end = this.#start;
  }

  /** What was written since {@link begin}; the caller owns it. */
  take(): Bytes {
    const { buffer } = this.#slab;
    const written = new Uint8Array(buffer, this.#start, this.#end - this.#start);
    this.#start = this.#end;
    if (this.#slab.length > slabBytes) {
      // A big message does not share its memory with those after it.
      this.#replaceSlab(slabBytes);
      this.#start = 0;
      this.#end = 0;
    }
    return written;
  }

  nil(): void {
    this.byte(0xc0);
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  /** Any whole number from -2^63 up to 2^64; what a number cannot hold exactly is rounded. */
  int(value: number): void {
    if (value >= 0 && value <= 0x7f) this.byte(Number.isInteger(value) ? value : this.#refuse());
    else if (value < 0) this.#negative(value);
    else if (!Number.isInteger(value)) this.#refuse();
    else if (value <= 0xff) this.#sized(0xcc, value, 1);
    else if (value <= 0xffff) this.#sized(0xcd, value, 2);
    else if (value < two32) this.#sized(0xce, value, 4);
    else this.#wide(0xcf, value);
  }

  float(value: number): void {
    const at = this.#reserve(9);
    this.#slab[at] = 0xcb;
    this.#view.setFloat64(at + 1, value);
  }

  text(value: string): void {
    if (value.length > fixRawMax || !this.#ascii(value)) {
      const bytes = encodeText(value);
      this.#textHeader(bytes.length);
      this.raw(bytes);
    }
  }

  /** Undefined is nil, which a peer can tell from no bytes. */
  bytes(value: Bytes | undefined): void {
    if (value === undefined) this.nil();
    else {
      if (this.#bin) this.#binHeader(value.length);
      else this.#textHeader(value.length);
      this.raw(value);
    }
  }

  map(entries: number): void {
    if (entries <= 15) this.byte(0x80 | entries);
    else if (entries <= 0xffff) this.#sized(0xde, entries, 2);
    else this.#sized(0xdf, entries, 4);
  }

  array(items: number): void {
    if (items <= 15) this.byte(0x90 | items);
    else if (items <= 0xffff) this.#sized(0xdc, items, 2);
    else this.#sized(0xdd, items, 4);
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#slab[at] = value;
  }

  /** Bytes as they are, without a header. */
  raw(bytes: Bytes): void {
    const at = this.#reserve(bytes.length);
    this.#slab.set(bytes, at);
  }

  /** Writes a text of at most 31 characters; false, with nothing written, if it is not all ASCII. */
  #ascii(value: string): boolean {
    const length = value.length;
    const at = this.#reserve(length + 1);
    const slab = this.#slab;
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.#end = at;
        return false;
      }
      slab[at + 1 + index] = code;
    }
    slab[at] = 0xa0 | length;
    return true;
  }

  #textHeader(length: number): void {
    if (length <= fixRawMax) this.byte(0xa0 | length);
    else if (this.#bin && length <= 0xff) this.#sized(0xd9, length, 1);
    else if (length <= 0xffff) this.#sized(0xda, length, 2);
    else this.#sized(0xdb, length, 4);
  }

  #binHeader(length: number): void {
    if (length <= 0xff) this.#sized(0xc4, length, 1);
    else if (length <= 0xffff) this.#sized(0xc5, length, 2);
    else this.#sized(0xc6, length, 4);
  }

  #negative(value: number): void {
    if (!Number.isInteger(value)) this.#refuse();
    if (value >= -0x20) this.byte(value & 0xff);
    else if (value >= -0x80) this.#sized(0xd0, value, 1);
    else if (value >= -0x8000) this.#sized(0xd1, value, 2);
    else if (value >= -0x8000_0000) this.#sized(0xd2, value, 4);
    else this.#wide(0xd3, value);
  }

  /** A header byte and the low `size` (1, 2 or 4) bytes of `value`. */
  #sized(header: number, value: number, size: number): void {
    let at = this.#reserve(size + 1);
    this.#slab[at] = header;
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) {
      at += 1;
      this.#slab[at] = value >>> shift;
    }
  }

  #wide(header: number, value: number): void {
    assert(value < two32 * two32 && value >= -two32 * 0x8000_0000, "an integer has 64 bits");
    const high = Math.floor(value / two32);
    this.#sized(header, high, 4);
    const at = this.#reserve(4);
    const low = value - high * two32;
    for (let index = 0; index < 4; index += 1) {
      this.#slab[at + index] = low >>> (24 - 8 * index);
    }
  }

  #refuse(): never {
    throw new InvariantError("an integer field takes whole numbers");
  }

  /** Makes room and returns where it begins. */
  #reserve(size: number): number {
    if (this.#end + size > this.#slab.length) this.#changeSlab(size);
    const at = this.#end;
    this.#end = at + size;
    return at;
  }

  #changeSlab(size: number): void {
    const message = this.#slab.subarray(this.#start, this.#end);
    const needed = message.length + size;
    this.#replaceSlab(needed <= slabBytes / 2 ? slabBytes : 2 * needed);
    this.#slab.set(message);
    this.#start = 0;
    this.#end = message.length;
  }

  #replaceSlab(length: number): void {
    this.#slab = new Uint8Array(length);
    this.#view = new DataView(this.#slab.buffer);
  }
}
