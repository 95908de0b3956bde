import { assert } from "../base/assert.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";
import { maxLabelBytes } from "./limits.js";
import { messageTypes } from "./message-types.js";
import { decodeText, encodeText } from "./text.js";

const headBytes = 2;

/** `payload` behind the header for `label` (1 to 255 bytes); alone if that is empty. */
export function addLabel(label: string, payload: Bytes): Bytes {
  if (label === "") return payload;
  const text = encodeText(label);
  assert(text.length <= maxLabelBytes, "a label has at most 255 bytes");
  const labelled = new Uint8Array(headBytes + text.length + payload.length);
  labelled[0] = messageTypes.label;
  labelled[1] = text.length;
  labelled.set(text, headBytes);
  labelled.set(payload, headBytes + text.length);
  return labelled;
}

/**
 * How long the label header at the beginning of `bytes` is, 0 if there is none; undefined while the
 * bytes do not tell. Throws {@link DecodeError} if the label is not `expected` (empty for none).
 */
export function labelHeaderBytes(bytes: Bytes, expected: string): number | undefined {
  if (bytes[0] === undefined) return undefined;
  let label = "";
  let length = 0;
  if (bytes[0] === messageTypes.label) {
    if (bytes[1] === undefined) return undefined;
    if (bytes[1] === 0) throw new DecodeError("label", "label header without a label");
    length = headBytes + bytes[1];
    if (bytes.length < length) return undefined;
    label = decodeText(bytes.subarray(headBytes, length));
  }
  if (label !== expected) throw new DecodeError("label", "label is not the one of this cluster");
  return length;
}
