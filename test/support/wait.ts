/**
 * Milliseconds. Among real agents a claim that gossip happened to miss comes with the next
 * push/pull, up to 30 s later.
 */
const patience = Number(process.env.TEST_PATIENCE_MS ?? 15_000);

/** Waits until `probe` gives something other than undefined or false; fails with what was last seen. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limits: { timeout?: number; every?: number; last?: () => unknown } = {},
): Promise<T> {
  const { timeout = patience, every = 50, last } = limits;
  const end = performance.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) {
      const seen = last === undefined ? "" : `; last seen: ${JSON.stringify(last())}`;
      throw new Error(`waited ${timeout} ms in vain: ${what}${seen}`);
    }
    await pause(every);
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
