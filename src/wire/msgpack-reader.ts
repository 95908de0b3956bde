import type { Bytes } from "../base/units.js";
import type { KnownValues } from "./encoded-list.js";
import { DecodeError } from "./errors.js";
import { Scanner } from "./msgpack-scanner.js";
import { recentBytes } from "./recent-bytes.js";
import { recentText } from "./recent-texts.js";
import { decodeText } from "./text.js";

export const maxU8 = 0xff;
export const maxU16 = 0xffff;
export const maxU32 = 0xffff_ffff;
export const maxLtime = Number.MAX_SAFE_INTEGER;

const two32 = 2 ** 32;
const longestQuickText = 32;

/**
 * The field names of one Go struct, in the order of its declaration, which is what counts when a
 * peer sends the struct as an array.
 */
export class Fields<Name extends string> {
  readonly declared: readonly Name[];
  /** In the order in which they are written: by byte. */
  readonly #written: readonly { readonly name: Name; readonly bytes: Bytes }[];

  constructor(...declared: Name[]) {
    this.declared = declared;
    this.#written = declared
      .toSorted()
      .map((name) => ({ name, bytes: Uint8Array.from(Buffer.from(name)) }));
  }

  /** The name that the `length` bytes from `start` on spell; found at once if it is the `hint`-th one. */
  find(bytes: Bytes, start: number, length: number, hint: number): Name | undefined {
    const written = this.#written;
    let at = hint < written.length ? hint : 0;
    for (let tried = 0; tried < written.length; tried += 1) {
      const entry = written[at] as { readonly name: Name; readonly bytes: Bytes };
      if (entry.bytes.length === length && matches(bytes, start, entry.bytes)) return entry.name;
      at = at + 1 === written.length ? 0 : at + 1;
    }
    return undefined;
  }
}

function matches(bytes: Bytes, start: number, wanted: Bytes): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[start + index] !== wanted[index]) return false;
  }
  return true;
}

/** How many fields follow {@link Reader.struct}. */
export function fieldCount(struct: number): number {
  return struct < 0 ? ~struct : struct;
}

/**
 * A cursor over MessagePack values that takes all that either generation of go-msgpack takes
 * (protocol.md section 2.3): any width of integer, raw, str8 and bin for texts and bytes alike, nil
 * for any zero value, structs as maps or as arrays.
 *
 * Throws {@link DecodeError} and nothing else. Every length and count is compared with the bytes that
 * are left before anything is made of it.
 */
export class Reader {
  /** Where the next value begins. */
  position: number;
  readonly #bytes: Bytes;
  /** Of the bytes; made with the first float. */
  #view: DataView | undefined;

  constructor(bytes: Bytes, position = 0) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** All that has not been read, as a view. */
  rest(): Bytes {
    return this.#bytes.subarray(this.position);
  }

  /** Begins a struct; see {@link fieldCount} and {@link field}. */
  struct(): number {
    const tag = this.#byte();
    if (tag === 0xc0) return 0;
    const items = this.#arrayLength(tag);
    if (items >= 0) return ~items;
    return this.#mapLength(tag);
  }

  /**
   * The name of the `index`-th field of a struct, whose value comes next; undefined if there is no
   * such field: {@link skip} it.
   */
  field<Name extends string>(
    fields: Fields<Name>,
    struct: number,
    index: number,
  ): Name | undefined {
    if (struct < 0) return fields.declared[index];
    const length = this.#textLength(this.#byte());
    const start = this.#advance(length);
    return fields.find(this.#bytes, start, length, index);
  }

  /** How many pairs a map has; nil has none. */
  map(): number {
    const tag = this.#byte();
    return tag === 0xc0 ? 0 : this.#mapLength(tag);
  }

  /** How many items an array has; undefined for nil. */
  array(): number | undefined {
    const tag = this.#byte();
    if (tag === 0xc0) return undefined;
    const items = this.#arrayLength(tag);
    if (items < 0) throw unexpected("an array", tag);
    return items;
  }

  /** True, with nil read, if nil is what comes next. */
  nil(): boolean {
    if (this.#bytes[this.position] !== 0xc0) return false;
    this.position += 1;
    return true;
  }

  bool(): boolean {
    const tag = this.#byte();
    if (tag === 0xc3) return true;
    if (tag === 0xc2) return false;
    const value = this.#integer(tag);
    if (value !== 0 && value !== 1) throw new DecodeError("malformed", "expected a bool");
    return value === 1;
  }

  /** A whole number from 0 to `max`. */
  uint(max: number): number {
    const value = this.#integer(this.#byte());
    if (value < 0) throw new DecodeError("malformed", "negative number in an unsigned field");
    if (value > max) throw new DecodeError("limit", "number too large for its field");
    return value;
  }

  /** A whole number of 64 bits with a sign, rounded where a number cannot hold it. */
  int(): number {
    const tag = this.#byte();
    // Looked up in the bytes, for the largest int64 is rounded to one that is too large.
    if (tag === 0xcf && (this.#bytes[this.position] ?? 0) > 0x7f) {
      throw new DecodeError("limit", "number too large for its field");
    }
    return this.#integer(tag);
  }

  float(): number {
    const tag = this.#byte();
    if (tag !== 0xca && tag !== 0xcb) return this.#integer(tag);
    const size = tag === 0xca ? 4 : 8;
    const start = this.#advance(size);
    const { buffer, byteOffset, length } = this.#bytes;
    this.#view ??= new DataView(buffer, byteOffset, length);
    return tag === 0xca ? this.#view.getFloat32(start) : this.#view.getFloat64(start);
  }

  text(): string {
    const length = this.#textLength(this.#byte());
    const start = this.#advance(length);
    return length <= longestQuickText
      ? this.#quickText(start, length)
      : decodeText(this.#bytes.subarray(start, start + length));
  }

  /** A view of a byte string; undefined for nil. */
  bytes(): Bytes | undefined {
    const tag = this.#byte();
    if (tag === 0xc0) return undefined;
    const items = this.#arrayLength(tag);
    if (items >= 0) return this.#bytesFromArray(items);
    const length = this.#textLength(tag);
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** As {@link bytes}, for what is kept longer than the packet; not to be written to ({@link recentBytes}). */
  ownBytes(): Bytes | undefined {
    const tag = this.#byte();
    if (tag === 0xc0) return undefined;
    const items = this.#arrayLength(tag);
    if (items >= 0) return this.#bytesFromArray(items);
    const length = this.#textLength(tag);
    const start = this.#advance(length);
    return recentBytes(this.#bytes, start, length);
  }

  /** Passes over what comes next as far as it is `known`; how many values that were, at most `most`. */
  passKnown(known: KnownValues | undefined, most: number): number {
    if (known === undefined) return 0;
    const passed = known.find(this.#bytes, this.position, this.#bytes.length, most);
    this.position += passed;
    return known.found;
  }

  /** Passes over one value, whatever it is. */
  skip(): void {
    const scanner = new Scanner(this.position);
    if (!scanner.scan(this.#bytes, this.#bytes.length)) throw truncated();
    this.position = scanner.position;
  }

  /** Text that is probably short and ASCII, without a call into the runtime. */
  #quickText(start: number, length: number): string {
    const bytes = this.#bytes;
    const end = start + length;
    let seen = 0;
    for (let index = start; index < end; index += 1) seen |= bytes[index] as number;
    if (seen > 0x7f) return decodeText(bytes.subarray(start, end));
    return recentText(bytes, start, end);
  }

  /** Go takes an array of small numbers for bytes. */
  #bytesFromArray(items: number): Bytes {
    const bytes = new Uint8Array(items);
    for (let index = 0; index < items; index += 1) bytes[index] = this.uint(maxU8);
    return bytes;
  }

  /** The whole number that `tag` begins; 0 for nil. Floats are refused, as Go refuses them. */
  #integer(tag: number): number {
    if (tag <= 0x7f) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xc0:
        return 0;
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xcf:
        return this.#unsigned(4) * two32 + this.#unsigned(4);
      case 0xd0:
        return (this.#byte() << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xd3:
        return (this.#unsigned(4) | 0) * two32 + this.#unsigned(4);
      default:
        throw unexpected("an integer", tag);
    }
  }

  /** Length of a text or byte string of any family; 0 for nil. */
  #textLength(tag: number): number {
    if ((tag & 0xe0) === 0xa0) return tag & 0x1f;
    switch (tag) {
      case 0xc0:
        return 0;
      case 0xc4:
      case 0xd9:
        return this.#byte();
      case 0xc5:
      case 0xda:
        return this.#unsigned(2);
      case 0xc6:
      case 0xdb:
        return this.#unsigned(4);
      default:
        throw unexpected("a text", tag);
    }
  }

  /** -1 if `tag` begins no array. */
  #arrayLength(tag: number): number {
    let items = -1;
    if ((tag & 0xf0) === 0x90) items = tag & 0x0f;
    else if (tag === 0xdc) items = this.#unsigned(2);
    else if (tag === 0xdd) items = this.#unsigned(4);
    if (items > this.#bytes.length - this.position) throw truncated();
    return items;
  }

  #mapLength(tag: number): number {
    let pairs: number;
    if ((tag & 0xf0) === 0x80) pairs = tag & 0x0f;
    else if (tag === 0xde) pairs = this.#unsigned(2);
    else if (tag === 0xdf) pairs = this.#unsigned(4);
    else throw unexpected("a map", tag);
    if (2 * pairs > this.#bytes.length - this.position) throw truncated();
    return pairs;
  }

  #unsigned(size: 2 | 4): number {
    const start = this.#advance(size);
    const bytes = this.#bytes;
    const high = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
    if (size === 2) return high;
    return high * 0x1_0000 + (((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number));
  }

  #byte(): number {
    const byte = this.#bytes[this.position];
    if (byte === undefined) throw truncated();
    this.position += 1;
    return byte;
  }

  /** Moves past `size` bytes, which must be there, and returns where they begin. */
  #advance(size: number): number {
    const start = this.position;
    if (size > this.#bytes.length - start) throw truncated();
    this.position = start + size;
    return start;
  }
}

function truncated(): DecodeError {
  return new DecodeError("truncated", "value goes on after the end of the bytes");
}

function unexpected(wanted: string, tag: number): DecodeError {
  return new DecodeError("malformed", `expected ${wanted}, found type byte ${tag.toString(16)}`);
}
