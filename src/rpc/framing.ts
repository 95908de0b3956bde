import { Packr } from "msgpackr/pack";

/** The peer's fault: its bytes are not what the protocol allows. The connection ends. */
export class FramingError extends Error {
  override readonly name = "FramingError";
}

/** Deepest nesting of maps and arrays in one value; the protocol itself needs four levels. */
const maxDepth = 16;

/** What the buffer of a {@link ValueReader} shrinks to when nothing is left in it. */
const restingBytes = 16 * 1024;

/**
 * msgpackr as Serf's decoder needs it (protocol.md section 2.4): no records, the smallest map
 * headers, nil for undefined. Maps decode to Map, so that no key of a peer names a property, and
 * byte fields are copies, so that the reader's buffer can be used again.
 */
const codec = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  mapsAsObjects: false,
  copyBuffers: true,
});

/** A value whose bytes are at hand already. */
export class Packed {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** The bytes of `values`, one after the other. */
export function packValues(...values: readonly unknown[]): Buffer {
  return Buffer.concat(
    values.map((value) => (value instanceof Packed ? value.bytes : codec.pack(value))),
  );
}

/** What precedes so many values of an array. */
export function arrayHead(values: number): Buffer {
  if (values < 0x10) return Buffer.of(0x90 + values);
  const isShort = values < 0x1_0000;
  const head = Buffer.alloc(isShort ? 3 : 5);
  if (isShort) head.writeUInt16BE(values, 1);
  else head.writeUInt32BE(values, 1);
  head[0] = isShort ? 0xdc : 0xdd;
  return head;
}

/**
 * Cuts a stream of bytes into msgpack values.
 *
 * The values carry no length, so each is walked, once, as its bytes arrive; msgpackr sees only a
 * value that is complete and within the bounds. That way neither a length that the bytes do not
 * bear out nor a value that arrives in crumbs costs memory or time.
 */
export class ValueReader {
  readonly #maxValueBytes: number;
  /** Holds at most one unfinished value and one chunk. */
  #buffer = Buffer.alloc(0);
  /** Where the value in progress starts, up to where it was walked, and where the bytes end. */
  #start = 0;
  #walked = 0;
  #end = 0;
  /** The value in progress ends at `#walked`, which may be beyond the bytes at hand. */
  #delimited = false;
  /** For each open map or array, outermost first, how many values it still lacks. */
  readonly #open: number[] = [];

  /**
   * A value longer than `maxValueBytes` is a {@link FramingError} as soon as that is certain. After
   * an error the reader is of no use.
   */
  constructor(maxValueBytes: number) {
    this.#maxValueBytes = maxValueBytes;
  }

  /** True if a value has begun and is not complete. */
  get partial(): boolean {
    return this.#end > this.#start;
  }

  /** Copies `chunk`. */
  feed(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next complete value, or undefined if more bytes are needed. */
  next(): { readonly value: unknown } | undefined {
    while (!this.#delimited && this.#walked < this.#end) {
      if (!this.#walkToken()) return undefined;
    }
    if (!this.#delimited || this.#walked > this.#end) return undefined;
    const value: unknown = codec.unpack(this.#buffer.subarray(this.#start, this.#walked));
    this.#start = this.#walked;
    this.#delimited = false;
    if (!this.partial) this.#rest();
    return { value };
  }

  #rest(): void {
    this.#start = 0;
    this.#walked = 0;
    this.#end = 0;
    if (this.#buffer.length > restingBytes) this.#buffer = Buffer.alloc(0);
  }

  #makeRoom(more: number): void {
    if (this.#end + more <= this.#buffer.length) return;
    const kept = this.#end - this.#start;
    const fits = kept + more <= this.#buffer.length;
    const target = fits
      ? this.#buffer
      : Buffer.allocUnsafeSlow(Math.max(kept + more, restingBytes, 2 * kept));
    this.#buffer.copy(target, 0, this.#start, this.#end);
    this.#buffer = target;
    this.#walked -= this.#start;
    this.#start = 0;
    this.#end = kept;
  }

  /** False if the length of the token cannot be told yet. */
  #walkToken(): boolean {
    const type = this.#buffer[this.#walked] as number;
    const width = lengthWidth(type);
    if (this.#walked + 1 + width > this.#end) return false;
    const length = width === 0 ? 0 : this.#buffer.readUIntBE(this.#walked + 1, width);
    const values = valuesIn(type, length);
    this.#walked += 1 + width + (values === 0 ? payloadBytes(type, length) : 0);
    if (this.#walked + values - this.#start > this.#maxValueBytes) {
      throw new FramingError(`a value is longer than ${this.#maxValueBytes} bytes`);
    }
    this.#count(values);
    return true;
  }

  /** Notes that a value was walked, or the head of one that has `values` in it. */
  #count(values: number): void {
    const open = this.#open;
    if (open.length > 0) open[open.length - 1] = (open.at(-1) as number) - 1;
    if (values > 0) open.push(values);
    if (open.length > maxDepth) throw new FramingError("a value is nested too deeply");
    while (open.at(-1) === 0) open.pop();
    this.#delimited = open.length === 0;
  }
}

/** How many bytes after `type` say a length. Throws on what the protocol never has (extensions). */
function lengthWidth(type: number): number {
  if (type < 0xc4 || type >= 0xe0) {
    if (type !== 0xc1) return 0;
  } else if (type >= 0xca && type <= 0xd3) {
    return 0;
  } else if (type === 0xc4 || type === 0xd9) {
    return 1;
  } else if (type === 0xc5 || type === 0xda || type === 0xdc || type === 0xde) {
    return 2;
  } else if (type === 0xc6 || type === 0xdb || type === 0xdd || type === 0xdf) {
    return 4;
  }
  throw new FramingError(`a value of type 0x${type.toString(16)} is not allowed`);
}

/** How many values a map or an array has. */
function valuesIn(type: number, length: number): number {
  if (type >= 0x80 && type <= 0x8f) return 2 * (type & 0x0f);
  if (type >= 0x90 && type <= 0x9f) return type & 0x0f;
  if (type === 0xdc || type === 0xdd) return length;
  return type === 0xde || type === 0xdf ? 2 * length : 0;
}

/** How many bytes follow the type and the length of what is neither a map nor an array. */
function payloadBytes(type: number, length: number): number {
  if (type >= 0xa0 && type <= 0xbf) return type & 0x1f;
  if (type >= 0xca && type <= 0xd3) return numberBytes[type - 0xca] as number;
  return length;
}

/** float32, float64, then the unsigned and the signed integers. */
const numberBytes = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];
