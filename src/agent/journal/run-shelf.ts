import type { RunRecord } from "./run-record.js";

/** Runs on record. With the longest outputs these are a megabyte; most scripts write nothing. */
const maxRuns = 512;

/**
 * The runs that are remembered. When there is no room, the oldest run of the script with most of them goes,
 * so that one that is run every second leaves the others their past.
 */
export class RunShelf {
  readonly #capacity: number;
  /** By id, in the order of their ids. At most {@link maxRuns}. */
  readonly #runs = new Map<number, RunRecord>();

  constructor(capacity = maxRuns) {
    this.#capacity = capacity;
  }

  /** Oldest first. */
  all(): readonly RunRecord[] {
    return [...this.#runs.values()];
  }

  get(id: number): RunRecord | undefined {
    return this.#runs.get(id);
  }

  /** Adds a run, or replaces what was known of it. */
  put(record: RunRecord): void {
    this.#runs.set(record.id, record);
    if (this.#runs.size > this.#capacity) this.#forgetOne();
  }

  /** The last that `isMeant`. */
  last(isMeant: (record: RunRecord) => boolean): RunRecord | undefined {
    return this.all().findLast(isMeant);
  }

  #forgetOne(): void {
    const oldest = new Map<string, { id: number; count: number }>();
    for (const { end, id, script } of this.#runs.values()) {
      if (end === undefined) continue;
      const known = oldest.get(script);
      if (known === undefined) oldest.set(script, { id, count: 1 });
      else known.count += 1;
    }
    const [most] = [...oldest.values()].sort((one, other) => other.count - one.count);
    if (most !== undefined) this.#runs.delete(most.id);
  }
}
