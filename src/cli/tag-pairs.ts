import { OperatorError } from "../base/errors.js";

/** Reads `key=value` texts; the value may hold further `=`. Throws OperatorError. */
export function parseTagPairs(texts: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals < 1) throw new OperatorError(`Error: Invalid tag: '${text}'`);
    pairs.set(text.slice(0, equals), text.slice(equals + 1));
  }
  return pairs;
}
