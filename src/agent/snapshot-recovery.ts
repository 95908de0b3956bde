import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import type { Bytes } from "../base/units.js";
import {
  compactSnapshot,
  type Replay,
  replaySnapshot,
  type SnapshotState,
} from "../serf/snapshot.js";
import { SnapshotTally } from "../serf/snapshot-tally.js";
import { decodeText, encodeText } from "../wire/text.js";
import { now } from "./driver.js";
import type { Settings } from "./settings.js";
import { type SnapshotDisk, systemDisk } from "./snapshot-disk.js";
import { compactPath, SnapshotFile, type SnapshotSurroundings, writeAll } from "./snapshot-file.js";
import { systemCode, systemReason } from "./system-errors.js";
import { schedule } from "./timers.js";

/** Serf's: everybody may read where members are. */
const defaultMode = 0o644;

/** A file that is longer is none of ours: members by the hundred thousand fit into a tenth of it. */
const maxSnapshotBytes = 256 * 1_048_576;

/** Files that are kept aside because they could not be read as a whole. */
const maxKept = 16;

const lineFeed = 0x0a;

/** What the log shows of a line that means nothing: enough to see what the file may be instead. */
const shownCharacters = 200;

/** What a start finds. */
export interface RecoveredSnapshot {
  readonly state: SnapshotState;
  /** Undefined if nothing is to be written while this agent runs. */
  readonly file: SnapshotFile | undefined;
}

/** The snapshot that the settings ask for, undefined if none. Throws {@link OperatorError}. */
export function recoverSnapshot(
  settings: Settings,
  log: Log,
  meter: Meter,
): RecoveredSnapshot | undefined {
  const { rejoinAfterLeave, snapshotPath } = settings;
  if (snapshotPath === "") return undefined;
  const surroundings = { disk: systemDisk, log, meter, now, schedule };
  return openSnapshot(snapshotPath, rejoinAfterLeave, surroundings);
}

/**
 * Reads the snapshot at `path` and opens it to be continued.
 *
 * Whatever the file holds, the agent starts with what could be read of it, and says what could not. A
 * file that cannot be read, or holds lines that mean nothing, is kept as `PATH.unreadable-1` and so on
 * before another takes its place; if that fails as well, nothing is written. Throws
 * {@link OperatorError} if `path` can be no snapshot, or none can be made there.
 */
export function openSnapshot(
  path: string,
  rejoinAfterLeave: boolean,
  surroundings: SnapshotSurroundings,
): RecoveredSnapshot {
  return new Recovery(path, rejoinAfterLeave, surroundings).run();
}

class Recovery {
  readonly #path: string;
  readonly #rejoinAfterLeave: boolean;
  readonly #surroundings: SnapshotSurroundings;
  readonly #disk: SnapshotDisk;
  readonly #log: Log;

  constructor(path: string, rejoinAfterLeave: boolean, surroundings: SnapshotSurroundings) {
    this.#path = path;
    this.#rejoinAfterLeave = rejoinAfterLeave;
    this.#surroundings = surroundings;
    this.#disk = surroundings.disk;
    this.#log = surroundings.log;
  }

  run(): RecoveredSnapshot {
    const isNew = this.#explained(() => this.#prepare());
    const bytes = isNew ? new Uint8Array() : this.#read();
    const end = bytes === undefined ? 0 : bytes.lastIndexOf(lineFeed) + 1;
    const whole = bytes?.subarray(0, end) ?? new Uint8Array();
    const replay = replaySnapshot(decodeText(whole), this.#rejoinAfterLeave);
    const isTorn = bytes !== undefined && bytes.length > end;
    this.#report(replay, isTorn);
    if (bytes === undefined && !this.#setAside()) return { state: replay, file: undefined };
    try {
      return { state: replay, file: this.#open(replay, end, isTorn) };
    } catch (error) {
      const reason = reasonOfRefusal(error);
      if (isNew) throw this.#failure(error);
      this.#log.error(
        { path: this.#path, reason },
        "snapshot cannot be continued, nothing is recorded until the next start",
      );
      return { state: replay, file: undefined };
    }
  }

  /** True if there is no snapshot yet. */
  #prepare(): boolean {
    const compact = compactPath(this.#path);
    switch (this.#disk.kindOf(this.#path)) {
      case "directory":
        throw new OperatorError("is a directory");
      case "other":
        throw new OperatorError("is not a regular file");
      case "nothing":
        // Serf may have ended between removing the old file and renaming the new one.
        if (this.#disk.kindOf(compact) !== "file") return true;
        this.#disk.rename(compact, this.#path);
        this.#log.warn(
          { path: this.#path },
          "snapshot was missing, a compacted one takes its place",
        );
        return false;
      case "file":
        return false;
    }
  }

  #read(): Bytes | undefined {
    try {
      return this.#disk.read(this.#path, maxSnapshotBytes);
    } catch (error) {
      const reason = reasonOfRefusal(error);
      this.#log.error({ path: this.#path, reason }, "snapshot could not be read");
      return undefined;
    }
  }

  #report({ unknown }: Replay, isTorn: boolean): void {
    for (const line of unknown) {
      const shown = line.length > shownCharacters ? `${line.slice(0, shownCharacters)}...` : line;
      this.#log.warn({}, `Unrecognized snapshot line: ${shown}`);
    }
    const fields = { path: this.#path };
    if (isTorn) this.#log.warn(fields, "last snapshot line was not written to its end, left out");
  }

  /** Gives way to a new file; false if the old one cannot be moved. */
  #setAside(): boolean {
    const path = this.#path;
    try {
      const kept = this.#freeName();
      this.#disk.rename(path, kept);
      this.#log.warn({ path, kept }, "snapshot kept aside, a new one is begun");
      return true;
    } catch (error) {
      const reason = reasonOfRefusal(error);
      this.#log.error({ path, reason }, "snapshot could not be kept aside, nothing is recorded");
      return false;
    }
  }

  #open(replay: Replay, end: number, isTorn: boolean): SnapshotFile {
    const disk = this.#disk;
    const isDamaged = replay.unknown.length > 0;
    const length = isDamaged ? this.#replaceDamaged(replay) : end;
    const file = disk.open(this.#path, defaultMode);
    const path = disk.realPath(this.#path);
    // Of a compaction that did not come to its end.
    disk.remove(compactPath(path));
    const tally = new SnapshotTally(this.#rejoinAfterLeave, replay);
    const opened = {
      path,
      mode: disk.modeOf(path),
      file,
      length,
      torn: isTorn && !isDamaged,
      tally,
    };
    return new SnapshotFile(opened, this.#surroundings);
  }

  /**
   * Keeps the file under another name and puts one in its place that says what could be read; returns
   * how long that is.
   */
  #replaceDamaged(replay: Replay): number {
    const disk = this.#disk;
    const path = disk.realPath(this.#path);
    const kept = this.#freeName();
    disk.duplicate(path, kept);
    const file = disk.create(compactPath(path), disk.modeOf(path));
    let length: number;
    try {
      length = writeAll(disk, file, encodeText(compactSnapshot(replay)));
      disk.syncNow(file);
    } finally {
      disk.close(file);
    }
    disk.rename(compactPath(path), path);
    this.#log.warn({ path, kept }, "damaged snapshot kept aside");
    return length;
  }

  #freeName(): string {
    for (let number = 1; number <= maxKept; number += 1) {
      const name = `${this.#path}.unreadable-${number}`;
      if (this.#disk.kindOf(name) === "nothing") return name;
    }
    throw new OperatorError(`there are ${maxKept} files ${this.#path}.unreadable-* already`);
  }

  #explained<Result>(step: () => Result): Result {
    try {
      return step();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): OperatorError {
    const reason = `open ${this.#path}: ${reasonOfRefusal(error)}`;
    const message = `Error creating Serf: Failed to setup snapshot: failed to open snapshot: ${reason}`;
    return new OperatorError(message, { cause: error });
  }
}

/** Why the system, or we, refused something; any other error is thrown on. */
function reasonOfRefusal(error: unknown): string {
  if (error instanceof OperatorError || systemCode(error) !== undefined) return systemReason(error);
  throw error;
}
