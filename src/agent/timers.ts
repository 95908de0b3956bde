import type { Millis } from "../base/units.js";

/** The longest time that an OS timer takes, some 25 days: a longer one would fire at once. */
export const longestTimer: Millis = 2 ** 31 - 1;

/** Calls `run` after `delay`, unless the function that is returned is called before. */
export function schedule(delay: Millis, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.ceil(delay), longestTimer));
  return () => clearTimeout(timer);
}
