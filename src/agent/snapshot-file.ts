import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import {
  compactionBytes,
  compactSnapshot,
  formatRecord,
  type SnapshotRecord,
} from "../serf/snapshot.js";
import type { SnapshotTally } from "../serf/snapshot-tally.js";
import { encodeText } from "../wire/text.js";
import type { Handle, SnapshotDisk } from "./snapshot-disk.js";
import { DiskTrouble } from "./snapshot-trouble.js";

/** Lines wait so long at most, so that many are written at once. */
const flushInterval: Millis = 500;

/** After a write that failed the next one is tried so much later. */
const retryInterval: Millis = seconds(5);

/** Lines that wait for a disk that takes nothing; beyond, the whole file is to be written anew. */
const maxWaitingBytes = 1_048_576;

/** Where the next file is written before it takes the place of the old one; Serf's name for it. */
export function compactPath(path: string): string {
  return `${path}.compact`;
}

/** What {@link SnapshotFile} works with. */
export interface SnapshotSurroundings {
  readonly disk: SnapshotDisk;
  readonly log: Log;
  /** Hears how long a compaction took. */
  readonly meter?: Meter;
  readonly now: () => Instant;
  /** Calls `run` after `delay`, unless the function that it returns is called before. */
  readonly schedule: (delay: Millis, run: () => void) => () => void;
}

/** An open file of which all lines are whole. */
export interface OpenSnapshot {
  /** Without links. */
  readonly path: string;
  /** Its permissions, which the next file gets as well. */
  readonly mode: number;
  readonly file: Handle;
  /** Up to here lines are whole; what follows is to be cut off. */
  readonly length: number;
  /** True if something follows that could not be cut off. */
  readonly torn: boolean;
  /** What the lines add up to. */
  readonly tally: SnapshotTally;
}

/** A new file that is not in place yet. */
interface Compaction {
  readonly file: Handle;
  readonly begunAt: Instant;
  length: number;
  /** Lines that came after it was written; at most what comes during one sync. */
  readonly later: Bytes[];
}

/**
 * The snapshot file of a running agent: lines are appended, and now and then the file is written anew
 * and shorter (compat.md section 7.5).
 *
 * A disk that fails does not disturb the agent: what it did not take is tried again later. At every
 * moment the file on disk is what was recorded up to some point, so that the next start, ours or
 * Serf's, can read it wherever this process ends. Serf removes the old file before it renames the new
 * one; here the new one replaces it.
 */
export class SnapshotFile {
  readonly #surroundings: SnapshotSurroundings;
  readonly #path: string;
  readonly #mode: number;
  readonly #tally: SnapshotTally;
  readonly #writing: DiskTrouble;
  readonly #compacting: DiskTrouble;
  #file: Handle;
  #length: number;
  #torn: boolean;
  /** At most {@link maxWaitingBytes}, if not for one line. */
  #waiting: Bytes[] = [];
  #waitingBytes = 0;
  /** True if lines were given up: only a new file says all. */
  #isBehind = false;
  /** After a compaction that failed: the size from which on the next one is tried. */
  #compactAbove = 0;
  #compaction: Compaction | undefined;
  /** Settles when no compaction is under way any more. */
  #compacted: Promise<void> = Promise.resolve();
  #lastWrite: Instant = Number.NEGATIVE_INFINITY;
  #cancelFlush: (() => void) | undefined;
  #hasLeft = false;
  #isClosed = false;

  constructor(opened: OpenSnapshot, surroundings: SnapshotSurroundings) {
    const { log } = surroundings;
    const { path } = opened;
    this.#surroundings = surroundings;
    this.#path = path;
    this.#mode = opened.mode;
    this.#tally = opened.tally;
    this.#writing = new DiskTrouble(log, path, "written");
    this.#compacting = new DiskTrouble(log, path, "compacted");
    this.#file = opened.file;
    this.#length = opened.length;
    this.#torn = opened.torn;
  }

  /** Adds a record. A leave is safe on disk afterwards, the others are written within half a second. */
  append(record: SnapshotRecord): void {
    const line = formatRecord(record);
    if (line === undefined || this.#isClosed) return;
    this.#tally.add(record);
    const bytes = encodeText(line);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#compaction?.later.push(bytes);
    if (this.#waitingBytes > maxWaitingBytes) this.#giveUpLines();
    if (record.kind === "leave") this.#leave();
    else this.#flushSoon();
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelFlush?.();
    this.#writeForGood();
    await this.#compacted;
    this.#surroundings.disk.close(this.#file);
  }

  /** From now on nothing may hide that we left: the file is not written anew any more. */
  #leave(): void {
    this.#hasLeft = true;
    this.#flush();
  }

  #writeForGood(): void {
    const { disk } = this.#surroundings;
    if (this.#isBehind) this.#compacting.attempt(() => this.#rewrite());
    this.#writing.attempt(() => {
      if (this.#hasLines()) this.#writeWaiting();
      disk.syncNow(this.#file);
    });
  }

  #flushSoon(): void {
    if (this.#cancelFlush !== undefined || this.#isClosed) return;
    const { now, schedule } = this.#surroundings;
    const isFailing = this.#writing.isOn || (this.#isBehind && this.#compacting.isOn);
    const wait = this.#lastWrite + (isFailing ? retryInterval : flushInterval) - now();
    if (wait <= 0) {
      this.#flush();
      return;
    }
    this.#cancelFlush = schedule(wait, () => {
      this.#cancelFlush = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    this.#lastWrite = this.#surroundings.now();
    if (this.#hasLeft) {
      this.#writeForGood();
    } else {
      if (this.#hasLines()) this.#writing.attempt(() => this.#writeWaiting());
      if (this.#isCompactionDue()) this.#compact();
    }
    if (this.#hasLines() || (this.#isBehind && this.#compaction === undefined)) this.#flushSoon();
  }

  /** True if lines wait to be appended; once some were given up, only a new file helps. */
  #hasLines(): boolean {
    return this.#waiting.length > 0 && !this.#isBehind;
  }

  #writeWaiting(): void {
    const { disk } = this.#surroundings;
    const bytes = Buffer.concat(this.#waiting);
    this.#cutOff();
    try {
      writeAll(disk, this.#file, bytes);
    } catch (error) {
      this.#torn = true;
      this.#tryCutOff();
      throw error;
    }
    this.#length += bytes.length;
    this.#dropWaiting();
  }

  /** The next line must not be glued to one that was not written to its end. */
  #cutOff(): void {
    if (!this.#torn) return;
    this.#surroundings.disk.truncate(this.#file, this.#length);
    this.#torn = false;
  }

  #tryCutOff(): void {
    try {
      this.#cutOff();
    } catch {
      // A disk that takes nothing may not give anything up either: before the next write then.
    }
  }

  #dropWaiting(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #giveUpLines(): void {
    this.#dropWaiting();
    this.#isBehind = true;
  }

  #isCompactionDue(): boolean {
    if (this.#isClosed || this.#hasLeft || this.#compaction !== undefined) return false;
    const limit = Math.max(compactionBytes(this.#tally.alive.size), this.#compactAbove);
    return this.#isBehind || this.#length > limit;
  }

  /** Writes a new file; it takes the place of the old one as soon as it is safe on disk. */
  #compact(): void {
    const isBegun = this.#compacting.attempt(() => {
      const compaction = this.#writeNew();
      this.#compaction = compaction;
      this.#compacted = this.#surroundings.disk.sync(compaction.file).then(
        () => this.#conclude(compaction, undefined),
        (error: unknown) => this.#conclude(compaction, error),
      );
    });
    if (!isBegun) this.#postpone();
  }

  #conclude(compaction: Compaction, error: unknown): void {
    this.#compaction = undefined;
    const isDone = this.#compacting.attempt(() => {
      if (error !== undefined) this.#discard(compaction, error);
      if (this.#isClosed || this.#hasLeft) this.#discard(compaction, undefined);
      else this.#putInPlace(compaction);
    });
    if (!isDone) this.#postpone();
  }

  /** The old file stays, and may become twice as long before the next try. */
  #postpone(): void {
    this.#compactAbove = 2 * this.#length;
    if (this.#isBehind) this.#flushSoon();
  }

  /** The same while everything waits. */
  #rewrite(): void {
    const compaction = this.#writeNew();
    try {
      this.#surroundings.disk.syncNow(compaction.file);
    } catch (error) {
      this.#discard(compaction, error);
    }
    this.#putInPlace(compaction);
  }

  #writeNew(): Compaction {
    const { disk, now } = this.#surroundings;
    const begunAt = now();
    const text = compactSnapshot(this.#tally) + (this.#hasLeft ? "leave\n" : "");
    const file = disk.create(compactPath(this.#path), this.#mode);
    const compaction = { file, begunAt, length: 0, later: [] };
    try {
      compaction.length = writeAll(disk, file, encodeText(text));
    } catch (error) {
      this.#discard(compaction, error);
    }
    return compaction;
  }

  #putInPlace(compaction: Compaction): void {
    const { disk, meter, now } = this.#surroundings;
    try {
      const later = Buffer.concat(compaction.later);
      compaction.length += writeAll(disk, compaction.file, later);
      disk.rename(compactPath(this.#path), this.#path);
    } catch (error) {
      this.#discard(compaction, error);
    }
    const old = this.#file;
    this.#file = compaction.file;
    this.#length = compaction.length;
    this.#torn = false;
    this.#isBehind = false;
    this.#compactAbove = 0;
    this.#dropWaiting();
    disk.close(old);
    meter?.sample("serf.snapshot.compact", now() - compaction.begunAt);
  }

  /** Throws `error` on, if there is one. */
  #discard({ file }: Compaction, error: unknown): void {
    const { disk } = this.#surroundings;
    disk.close(file);
    disk.remove(compactPath(this.#path));
    if (error !== undefined) throw error;
  }
}

/** Writes all of `bytes`, in as many steps as it takes; returns how many they are. */
export function writeAll(disk: SnapshotDisk, file: Handle, bytes: Bytes): number {
  let done = 0;
  while (done < bytes.length) done += disk.write(file, bytes.subarray(done));
  return bytes.length;
}
