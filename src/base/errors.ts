/** Ours to mend: an assumption of the program did not hold. The agent stops, a simulation fails. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * The operator's to mend: one line that names the option, file or address, what was found there
 * and what would be right. Shown without a stack; the exit code is 1.
 */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
}

/** What a caught value says, for a log line or an error text. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
