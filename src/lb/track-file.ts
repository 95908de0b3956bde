import { writeFileSync } from "node:fs";
import { reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { BalancerStatus } from "./status.js";

/**
 * What keepalived adds to its priority, by a `track_file` of weight 1 (handlers/lb/keepalived.conf):
 * `unfit` is FAULT, `preferred` takes the address from a holder of the same priority, and one that is
 * `unwilling` leaves it to any other that could have it.
 */
export const trackValues = { unfit: -254, unwilling: -20, normal: 0, preferred: 20 } as const;

/**
 * What this balancer's node is worth as the holder of a shared address. Only a proxy that cannot be asked
 * makes it unfit: one that still serves its last good state is better than none.
 */
export function trackValue(
  balancers: readonly BalancerStatus[],
  preferred: boolean,
  unwilling = false,
): number {
  if (!canServe(balancers)) return trackValues.unfit;
  if (unwilling) return trackValues.unwilling;
  return preferred ? trackValues.preferred : trackValues.normal;
}

/** Whether the proxies of this node can be asked, as far as that is known. */
export function canServe(balancers: readonly BalancerStatus[]): boolean {
  return balancers.every(
    ({ condition, process }) => condition === "warming up" || process !== null,
  );
}

/** The file that keepalived watches. */
export class TrackFile {
  readonly #path: string;
  readonly #log: Log;
  #written: number | undefined;
  #isComplaining = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Writes the value if it is another one. Never throws: a failure is logged once, and tried again next time. */
  set(value: number): void {
    if (value === this.#written) return;
    try {
      // In place, in one call: a file that is replaced is gone for a moment to those who watch it.
      writeFileSync(this.#path, `${value}\n`);
    } catch (error) {
      if (!this.#isComplaining) {
        this.#log.error(
          { file: this.#path, reason: reasonOf(error) },
          "track file cannot be written",
        );
      }
      this.#isComplaining = true;
      return;
    }
    this.#log.info({ file: this.#path, value }, "track file written");
    this.#isComplaining = false;
    this.#written = value;
  }
}
