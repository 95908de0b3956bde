import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Bytes } from "../base/units.js";

/** What a packet that was packed may come to, bytes: far more than ours do. */
const maxUnpacked = 65_536;

/**
 * JSON in the little room of an answer to a query. `dictionary` has what such texts often have, the most
 * frequent at its end; both sides must have the same.
 */
export function packJson(json: string, dictionary: Bytes): Bytes {
  return deflateRawSync(json, { dictionary, level: 9 });
}

/** Undefined if it is not of {@link packJson}, or comes to more than 64 KiB. */
export function unpackJson(packed: Bytes, dictionary: Bytes): unknown {
  try {
    const text = inflateRawSync(packed, { dictionary, maxOutputLength: maxUnpacked });
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
