import { longestTimer, type Millis } from "../base/units.js";

/** Calls `run` after `delay`, unless the function that is returned is called before. */
export function schedule(delay: Millis, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.ceil(delay), longestTimer));
  return () => clearTimeout(timer);
}
