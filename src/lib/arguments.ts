import { OperatorError } from "../base/errors.js";

/*
 * What a program hands over, before it goes any further: below, and on the wire, types are trusted,
 * and a program in plain JavaScript would tell the whole cluster of a tag that is a number. Each
 * throws an {@link OperatorError} that names the argument.
 */

export function textOf(name: string, value: string): string {
  if (typeof value === "string") return value;
  throw wrongType(name, "a string");
}

export function textsOf(name: string, value: readonly string[]): readonly string[] {
  if (isTexts(value)) return value;
  throw wrongType(name, "a list of strings");
}

export function pairsOf(
  name: string,
  value: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  if (isTextRecord(value)) return new Map(Object.entries(value));
  throw wrongType(name, "an object of strings");
}

export function flagOf(name: string, value: boolean): boolean {
  if (typeof value === "boolean") return value;
  throw wrongType(name, "a boolean");
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw wrongType(name, "a function");
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

export function isTextRecord(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof Map) && Object.values(value).every((item) => typeof item === "string");
}

/** The value is not shown: it may be a key. */
export function wrongType(name: string, wanted: string): OperatorError {
  return new OperatorError(`${JSON.stringify(name)} must be ${wanted}`);
}
