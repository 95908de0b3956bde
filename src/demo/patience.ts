import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError } from "../base/errors.js";
import type { Millis } from "../base/units.js";
import type { Child } from "./children.js";

/** How often something is looked at that cannot be waited for. */
const lookEvery: Millis = 50;

/** Looks until `isSo` answers true, at most for `limit`; tells whether it did. */
export async function until(isSo: () => boolean, limit: Millis): Promise<boolean> {
  const deadline = performance.now() + limit;
  while (!isSo()) {
    if (performance.now() > deadline) return false;
    await sleep(lookEvery);
  }
  return true;
}

/**
 * Waits until `child` is ready, as `isReady` finds it. Throws OperatorError with its last words if
 * it ends before, or is not ready within `limit`.
 */
export async function untilReady(
  child: Child,
  isReady: () => boolean,
  limit: Millis,
): Promise<void> {
  let end: string | undefined;
  child.ended.then((how) => {
    end = how;
  });
  await until(() => end !== undefined || isReady(), limit);
  if (end === undefined && isReady()) return;
  const what = end === undefined ? `was not ready within ${limit} ms` : `ended with ${end}`;
  throw new OperatorError([`${child.title} ${what}`, ...child.lastLines].join("\n    "));
}
