import { appendFile, rename, stat } from "node:fs/promises";
import { reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Millis } from "../base/units.js";

/** A bigger one becomes `audit.jsonl.1`, the one before that is gone: two such files at most. */
const rotateBytes = 1_000_000;

/** One apply, or one try. */
export interface AuditEntry {
  readonly time: string;
  readonly balancer: string;
  readonly cause: string;
  readonly version: string;
  /** What was done, in the words of the steps; at most {@link maxSummary} of them. */
  readonly summary: readonly string[];
  readonly way: "none" | "runtime" | "reload";
  readonly wrote: boolean;
  /** Milliseconds by phase. */
  readonly durations: Readonly<Record<string, Millis>>;
  readonly result: "confirmed" | "waiting" | "failed";
  readonly error?: string;
  /** What became of the roll-back, if there was one. */
  readonly rollback?: string;
}

export const maxSummary = 20;

/** While the disk hangs; more are lost. */
const maxWaiting = 100;

/** What was done to the proxies, a line of JSON each, for those who ask later. */
export class Audit {
  readonly #path: string;
  readonly #log: Log;
  /** Lines that are still to be written; at most {@link maxWaiting}. */
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #isComplaining = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Never throws: that lines are lost is said once, until they can be written again. */
  add(entry: AuditEntry): void {
    if (this.#waiting.length < maxWaiting) this.#waiting.push(`${JSON.stringify(entry)}\n`);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async written(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.join("");
      this.#waiting = [];
      try {
        await this.#rotate();
        await appendFile(this.#path, lines, { mode: 0o600 });
        this.#isComplaining = false;
      } catch (error) {
        const fields = { file: this.#path, error: reasonOf(error) };
        if (!this.#isComplaining) this.#log.warn(fields, "audit lines not written");
        this.#isComplaining = true;
      }
    }
  }

  async #rotate(): Promise<void> {
    const size = await stat(this.#path).then(
      (found) => found.size,
      () => 0,
    );
    if (size > rotateBytes) await rename(this.#path, `${this.#path}.1`);
  }
}
