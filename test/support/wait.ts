/** Waits until `probe` gives something other than undefined or false; fails with what was last seen. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limits: { timeout?: number; every?: number; last?: () => unknown } = {},
): Promise<T> {
  const { timeout = 15_000, every = 50, last } = limits;
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
