import { setTimeout as sleep } from "node:timers/promises";

/** For what must come, on a machine that has other things to do, ms. */
const patience = Number(process.env.TEST_PATIENCE_MS ?? 60_000);

/** Waits until `probe` gives true; fails with what was last seen. Resolves with how long it took, ms. */
export async function waitUntil(
  what: string,
  probe: () => boolean | Promise<boolean>,
  { timeout = patience, every = 10, last }: WaitOptions = {},
): Promise<number> {
  const began = performance.now();
  while (!(await probe())) {
    if (performance.now() - began > timeout) {
      const seen = last === undefined ? "" : `; last seen: ${shown(last())}`;
      throw new Error(`waited ${timeout} ms in vain: ${what}${seen}`);
    }
    await sleep(every);
  }
  return performance.now() - began;
}

export interface WaitOptions {
  readonly timeout?: number;
  readonly every?: number;
  /** What to show if it was in vain. */
  readonly last?: () => unknown;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
