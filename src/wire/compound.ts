import { assert } from "../base/assert.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";
import { maxCompoundParts } from "./limits.js";
import { messageTypes } from "./message-types.js";

/** What a compound costs besides its parts. */
export const compoundOverheadBytes = 2;

/** What each part costs besides its own bytes. */
export const compoundPartBytes = 2;

/**
 * Puts `frames` (at least one, none empty: memberlist 0.2.2 dies of an empty part) into one frame; a
 * single one stays bare. More than {@link maxCompoundParts} become compounds in a compound.
 */
export function packCompound(frames: readonly Bytes[]): Bytes {
  assert(frames.length > 0, "a compound needs a part");
  if (frames.length === 1) return frames[0] as Bytes;
  if (frames.length <= maxCompoundParts) return join(frames);
  const groups: Bytes[] = [];
  for (let first = 0; first < frames.length; first += maxCompoundParts) {
    groups.push(packCompound(frames.slice(first, first + maxCompoundParts)));
  }
  return packCompound(groups);
}

function join(frames: readonly Bytes[]): Bytes {
  let length = compoundOverheadBytes;
  for (const frame of frames) length += compoundPartBytes + frame.length;
  const compound = new Uint8Array(length);
  compound[0] = messageTypes.compound;
  compound[1] = frames.length;
  let position = compoundOverheadBytes;
  for (const frame of frames) {
    assert(frame.length > 0 && frame.length <= 0xffff, "a compound part has 1 to 65535 bytes");
    compound[position] = frame.length >> 8;
    compound[position + 1] = frame.length & 0xff;
    position += compoundPartBytes;
  }
  for (const frame of frames) {
    compound.set(frame, position);
    position += frame.length;
  }
  return compound;
}

/** Where a part of a compound is in its frame. */
export interface CompoundPart {
  readonly start: number;
  readonly end: number;
}

/**
 * The parts of a compound frame (type byte included); empty parts are handed out as they
 * are. If the bytes run out inside the parts the complete ones count and `cut` is true. Bytes after
 * the last part are ignored.
 */
export function unpackCompound(frame: Bytes): { parts: CompoundPart[]; cut: boolean } {
  const count = frame[1];
  if (count === undefined) throw new DecodeError("truncated", "compound without a count");
  let start = compoundOverheadBytes + compoundPartBytes * count;
  if (frame.length < start) throw new DecodeError("truncated", "compound without its lengths");
  const parts: CompoundPart[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = compoundOverheadBytes + compoundPartBytes * index;
    const end = start + (((frame[at] as number) << 8) | (frame[at + 1] as number));
    if (end > frame.length) return { parts, cut: true };
    parts.push({ start, end });
    start = end;
  }
  return { parts, cut: false };
}
