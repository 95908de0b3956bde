import { InvariantError } from "./errors.js";

/** Throws {@link InvariantError} unless `condition` holds. For what only a bug of ours can break. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
