import { wrongType } from "./arguments.js";

/**
 * What events, queries and answers carry: bytes as they are, a string as UTF-8. Bytes must not change
 * until the call that took them has resolved.
 */
export type Payload = Uint8Array | string;

/** The bytes that go on the wire. Throws {@link OperatorError} if `payload` is neither. */
export function bytesOf(payload: Payload): Uint8Array {
  if (typeof payload === "string") return new TextEncoder().encode(payload);
  if (payload instanceof Uint8Array) return payload;
  throw wrongType("payload", "a string or bytes in a Uint8Array");
}
