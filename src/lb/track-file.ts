import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { BalancerStatus } from "./status.js";

/**
 * What keepalived adds to its priority, by a `track_file` of weight 1 (handlers/lb/keepalived.conf):
 * `unfit` is FAULT, `preferred` takes the address from a holder of the same priority.
 */
export const trackValues = { unfit: -254, normal: 0, preferred: 20 } as const;

/**
 * What this balancer's node is worth as the holder of a shared address. Only a proxy that cannot be asked
 * makes it unfit: one that still serves its last good state is better than none.
 */
export function trackValue(balancers: readonly BalancerStatus[], preferred: boolean): number {
  const serves = balancers.every(({ condition, process }) =>
    condition === "warming up" ? true : process !== null,
  );
  if (!serves) return trackValues.unfit;
  return preferred ? trackValues.preferred : trackValues.normal;
}

/** The file that keepalived watches. */
export class TrackFile {
  readonly #path: string;
  #written: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes the value if it is another one. Throws the error of the system; then it is tried again next time. */
  set(value: number): void {
    if (value === this.#written) return;
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, `${value}\n`);
      renameSync(temporary, this.#path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    this.#written = value;
  }
}
