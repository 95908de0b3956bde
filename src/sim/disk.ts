import { intBelow, type Random } from "../base/random.js";
import type { Instant, Millis } from "../base/units.js";
import {
  compactionBytes,
  compactSnapshot,
  formatRecord,
  type Replay,
  replaySnapshot,
  type SnapshotRecord,
} from "../serf/snapshot.js";

/** As the agent's snapshot file: lines wait so long at most. */
const flushInterval: Millis = 500;

/**
 * What the end of a process leaves of its disk: all that was written (`kept`), without the end of the
 * last write (`torn`, the power failed), or nothing (`lost`).
 */
export type DiskFate = "kept" | "torn" | "lost";

/** The snapshot of one node, as the agent's snapshot file writes it. */
export class VirtualDisk {
  #text = "";
  /** Where the last write began. */
  #lastWrite = 0;
  #writtenAt: Instant = Number.NEGATIVE_INFINITY;
  #waiting = "";
  #rejoinsAfterLeave = false;

  /** Takes a line; returns when it is to be written, undefined if it is or a write is due already. */
  append(now: Instant, record: SnapshotRecord): Instant | undefined {
    const wasWaiting = this.#waiting !== "";
    this.#waiting += formatRecord(record) ?? "";
    if (record.kind === "leave" || now - this.#writtenAt >= flushInterval) {
      this.flush(now);
      return undefined;
    }
    return wasWaiting ? undefined : this.#writtenAt + flushInterval;
  }

  /** Writes what waits. */
  flush(now: Instant): void {
    if (this.#waiting === "") return;
    this.#lastWrite = this.#text.length;
    this.#text += this.#waiting;
    this.#waiting = "";
    this.#writtenAt = now;
    if (this.#text.length < compactionBytes(0)) return;
    const replay = replaySnapshot(this.#text, this.#rejoinsAfterLeave);
    if (this.#text.length < compactionBytes(replay.alive.size)) return;
    this.#text = compactSnapshot(replay);
    this.#lastWrite = this.#text.length;
  }

  /** The process ended: what it had not written is gone. */
  end(fate: DiskFate, random: Random): void {
    this.#waiting = "";
    const written = this.#text.length - this.#lastWrite;
    if (fate === "lost") this.#text = "";
    if (fate === "torn") {
      this.#text = this.#text.slice(0, this.#lastWrite + intBelow(random, written + 1));
    }
    this.#lastWrite = this.#text.length;
  }

  /** What the next start finds; a torn line is cut off, as the agent does. */
  recover(rejoinsAfterLeave = false): Replay {
    this.#rejoinsAfterLeave = rejoinsAfterLeave;
    this.#text = this.#text.slice(0, this.#text.lastIndexOf("\n") + 1);
    this.#lastWrite = this.#text.length;
    this.#writtenAt = Number.NEGATIVE_INFINITY;
    return replaySnapshot(this.#text, rejoinsAfterLeave);
  }
}
