import { OperatorError } from "../base/errors.js";
import type { Millis } from "../base/units.js";

/**
 * What `work` resolves with, unless it takes longer than `limit`: then an OperatorError. For what has
 * limits of its own and must not hang everything else if they do not hold.
 */
export async function limited<T>(
  work: Promise<T>,
  limit: Millis,
  what: string,
  host: { after(delay: Millis, run: () => void): () => void },
): Promise<T> {
  let takeOff = (): void => {};
  const tooLong = new Promise<never>((_, reject) => {
    takeOff = host.after(limit, () =>
      reject(new OperatorError(`${what} took longer than ${limit} ms`)),
    );
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    takeOff();
  }
}
