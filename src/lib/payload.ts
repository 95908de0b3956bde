/**
 * What events, queries and answers carry: bytes as they are, a string as UTF-8. Bytes must not change
 * until the call that took them has resolved.
 */
export type Payload = Uint8Array | string;

/** The bytes that go on the wire. */
export function bytesOf(payload: Payload): Uint8Array {
  return typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
}
