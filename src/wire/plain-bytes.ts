import type { Bytes } from "../base/units.js";

/**
 * The same bytes as an array that is no Buffer. Sockets and ciphers give Buffers, whose slice() is a
 * view where that of all others is a copy; none of them gets past the layer that calls this.
 */
export function plainBytes(bytes: Bytes): Bytes {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
