import type { Bytes } from "../base/units.js";
import { hashOf, matchesAt } from "./byte-hash.js";
import type { Alive } from "./swim-messages.js";

interface Entry {
  readonly frame: Bytes;
  readonly claim: Alive;
}

/** Claims of so many members are remembered; beyond, all are forgotten and the latest come again. */
const maxEntries = 4_096;

/** No real claim is longer than a packet. */
const maxFrameBytes = 1_500;

/**
 * Alive claims and how they lie in bytes, as they were read last. Whoever joins is told of to each member
 * a dozen times in the same bytes: all but the first time they need not be taken apart again.
 */
class RecentClaims {
  /** By a hash of the frame: at most {@link maxEntries}. */
  readonly #entries = new Map<number, Entry>();

  /** What was read when the bytes from `start` to `end` were read before; undefined if that is not known. */
  find(bytes: Bytes, start: number, end: number): Alive | undefined {
    const entry = this.#entries.get(hashOf(bytes, start, end));
    return entry !== undefined && matchesAt(entry.frame, bytes, start, end)
      ? entry.claim
      : undefined;
  }

  /** The same bytes as `frame`, kept once if they were read: every member that passes a claim on has them. */
  shared(frame: Bytes): Bytes {
    const entry = this.#entries.get(hashOf(frame, 0, frame.length));
    return entry !== undefined && matchesAt(entry.frame, frame, 0, frame.length)
      ? entry.frame
      : frame;
  }

  /** The bytes are copied; the claim, once it is handed out, must never be written to. */
  note(frame: Bytes, claim: Alive): void {
    if (frame.length > maxFrameBytes) return;
    if (this.#entries.size >= maxEntries) this.#entries.clear();
    this.#entries.set(hashOf(frame, 0, frame.length), { frame: Uint8Array.from(frame), claim });
  }
}

/** Of all members in the process: the simulator has thousands, and they hear of the same claims. */
export const recentClaims = new RecentClaims();
