import { readFileSync } from "node:fs";
import { OperatorError, reasonOf } from "../base/errors.js";
import { parseFirstJson } from "../base/json-value.js";
import { replaceFile } from "./replace-file.js";
import { systemCode, systemReason } from "./system-errors.js";

/**
 * The tags kept in a file, undefined if there is none yet. Throws {@link OperatorError} if it cannot
 * be read or is not an object of strings.
 */
export function readTagsFile(path: string): ReadonlyMap<string, string> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    const reason = `open ${path}: ${systemReason(error)}`;
    throw new OperatorError(`Failed to read tags file: ${reason}`, { cause: error });
  }
  try {
    return decodeTags(parseFirstJson(text));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Failed to decode tags file: ${reasonOf(error)}`, { cause: error });
  }
}

function decodeTags(value: unknown): ReadonlyMap<string, string> {
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new OperatorError("expected an object of strings");
  }
  const tags = Object.entries(value ?? {});
  const odd = tags.find(([, text]) => typeof text !== "string");
  if (odd !== undefined)
    throw new OperatorError(`the value of ${JSON.stringify(odd[0])} is no string`);
  return new Map(tags);
}

/**
 * Replaces the file: sorted, indented by two, no newline at the end, readable by the owner alone.
 * A crash leaves the old file or the new one. Throws {@link OperatorError}.
 */
export function writeTagsFile(path: string, tags: ReadonlyMap<string, string>): void {
  const sorted = [...tags].sort(([one], [other]) => (one < other ? -1 : 1));
  const text = JSON.stringify(Object.fromEntries(sorted), undefined, 2);
  try {
    replaceFile(path, text, "owner");
  } catch (error) {
    const reason = `open ${path}: ${systemReason(error)}`;
    throw new OperatorError(`Failed to write tags file: ${reason}`, { cause: error });
  }
}
