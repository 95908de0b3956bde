import { parseDuration } from "../base/duration.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import { parseBoolean, parseInteger } from "../base/go-values.js";
import type { Environment } from "../handler/handler-input.js";
import { attempt, type Refuse } from "./faults.js";
import type { Layer } from "./merge.js";
import { type Option, options } from "./options.js";
import type { Settings, Values } from "./settings.js";
import { isUnknownVariable, suggestVariable, variableOf } from "./variables.js";

/**
 * What the environment says, for images, where a variable is easier to give than a flag. An empty
 * variable counts as none. What cannot be read is refused.
 *
 * Single values are written as for a flag. A list is a JSON array, or has an item on each line; commas
 * separate addresses, too. Tags are a JSON object, or `key=value` separated by commas or newlines.
 */
export function environmentLayer(environment: Environment, refuse: Refuse): Layer {
  const values: Partial<Record<keyof Settings, unknown>> = {};
  for (const option of options) {
    const name = variableOf(option);
    const text = name === undefined ? undefined : environment[name];
    if (name === undefined || text === undefined || text === "") continue;
    const value = attempt(refuse, () => readVariable(option, name, text));
    if (value !== undefined) values[option.field] = value;
  }
  return {
    values: values as Values,
    sourceOf: (option) => ({ kind: "environment", name: variableOf(option) ?? "" }),
  };
}

/** A warning for every variable that looks like one of ours and is none. */
export function unknownVariableWarnings(environment: Environment): string[] {
  const set = Object.entries(environment).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  const unknown = set.filter(([name, value = ""]) => isUnknownVariable(name, value));
  return unknown
    .map(([name]) => name)
    .sort()
    .map((name) => {
      const near = suggestVariable(name);
      const hint = near === undefined ? "" : `, did you mean ${near}?`;
      return `Warning: the environment variable ${name} is unknown${hint}`;
    });
}

function readVariable(option: Option, name: string, text: string): unknown {
  switch (option.kind) {
    case "text":
      return text;
    case "integer": {
      const value = parseInteger(text);
      if (typeof value === "number") return value;
      throw invalid(name, text, "expected a whole number");
    }
    case "switch":
    case "toggle": {
      const value = parseBoolean(text);
      if (value !== undefined) return value;
      throw invalid(name, text, "expected true or false");
    }
    case "duration":
    case "limit":
      try {
        return parseDuration(text);
      } catch (error) {
        throw invalid(name, text, `${reasonOf(error)}, expected a duration like 30s or 1m30s`);
      }
    case "list":
      return readList(option, name, text);
    case "tags":
      return readTags(name, text);
    case "object": {
      const value = parseJson(text);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
      throw invalid(name, text, "expected a JSON object");
    }
  }
}

function readList(option: Option, name: string, text: string): string[] {
  const isAddresses = option.value === "address";
  if (isAddresses ? /^\s*\[\s*["\]]/.test(text) : /^\s*\[/.test(text)) {
    const value = parseJson(text);
    if (isStrings(value)) return value;
    throw invalid(name, text, "expected a JSON array of strings, since it begins with [");
  }
  return text
    .split(isAddresses ? /[,\n]/ : "\n")
    .map((item) => item.trim())
    .filter(Boolean);
}

function readTags(name: string, text: string): Map<string, string> {
  if (/^\s*\{/.test(text)) {
    const value = parseJson(text);
    const tags = typeof value === "object" && value !== null ? Object.entries(value) : undefined;
    if (tags?.every((tag): tag is [string, string] => typeof tag[1] === "string")) {
      return new Map(tags);
    }
    throw invalid(name, text, "expected a JSON object of strings, since it begins with {");
  }
  const tags = new Map<string, string>();
  for (const item of text
    .split(/[,\n]/)
    .map((one) => one.trim())
    .filter(Boolean)) {
    const at = item.indexOf("=");
    if (at < 1) {
      throw invalid(name, item, "expected key=value; a value with a comma needs a JSON object");
    }
    tags.set(item.slice(0, at), item.slice(at + 1));
  }
  return tags;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function invalid(name: string, found: string, expected: string): OperatorError {
  return new OperatorError(`Invalid value ${JSON.stringify(found)} of ${name}: ${expected}`);
}
