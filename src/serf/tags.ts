import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "../wire/errors.js";
import { maxMetaBytes } from "../wire/limits.js";
import { decodeTags, encodeTags } from "../wire/serf-messages.js";

/** Our own tags as alive claims carry them. Throws {@link OperatorError} if they are too long. */
export function encodeOwnTags(tags: ReadonlyMap<string, string>, delegateVersion: number): Bytes {
  const meta = encodeTags(tags, delegateVersion);
  if (meta.length > maxMetaBytes) {
    throw new OperatorError(`Encoded length of tags exceeds limit of ${maxMetaBytes} bytes`);
  }
  return meta;
}

/** Of all members without: an empty map takes more than the rest of a member. */
const noTags: ReadonlyMap<string, string> = new Map();

/** The tags of a member; none if what it announces is no tag map. */
export function decodeMemberTags(meta: Bytes): ReadonlyMap<string, string> {
  try {
    const tags = decodeTags(meta);
    return tags.size === 0 ? noTags : tags;
  } catch (thrown) {
    if (thrown instanceof DecodeError) return noTags;
    throw thrown;
  }
}

/** True if both hold the same tags, in whatever order. */
export function sameTags(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): boolean {
  if (one.size !== other.size) return false;
  for (const [name, value] of one) if (other.get(name) !== value) return false;
  return true;
}
