import { assert } from "../base/assert.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";
import { compress, decompress } from "./lzw.js";
import { messageTypes } from "./message-types.js";
import { Fields, fieldCount, maxU8, Reader } from "./msgpack-reader.js";
import { Writer } from "./msgpack-writer.js";

const fields = new Fields("Algo", "Buf");
const writer = new Writer("raw");

/** `frame` (not empty: memberlist 0.2.2 dies of that) in a compressed frame, be it shorter or not. */
export function deflateFrame(frame: Bytes): Bytes {
  assert(frame.length > 0, "a compressed frame holds something");
  writer.begin(messageTypes.compressed);
  writer.map(2);
  writer.text("Algo");
  writer.int(0);
  writer.text("Buf");
  writer.bytes(compress(frame));
  return writer.take();
}

/** What a compressed frame (type byte included) holds: 1 to `limit` bytes. */
export function inflateFrame(frame: Bytes, limit: number): Bytes {
  const inflated = decompress(readBuffer(new Reader(frame, 1)), limit);
  if (inflated.length === 0) throw new DecodeError("compression", "Compressed frame is empty");
  return inflated;
}

/** The LZW bytes, as a view. */
function readBuffer(reader: Reader): Bytes {
  let algorithm = 0;
  let lzw: Bytes = new Uint8Array(0);
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(fields, struct, index)) {
      case "Algo":
        algorithm = reader.uint(maxU8);
        break;
      case "Buf":
        lzw = reader.bytes() ?? lzw;
        break;
      default:
        reader.skip();
    }
  }
  if (algorithm !== 0) {
    throw new DecodeError("compression", `Cannot decompress unknown algorithm ${algorithm}`);
  }
  return lzw;
}
