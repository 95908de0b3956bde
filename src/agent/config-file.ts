import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseDuration } from "../base/duration.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import { parseFirstJson } from "./json-value.js";
import { mergeLayers } from "./merge.js";
import { type Option, options } from "./options.js";
import type { Layer, Settings } from "./settings.js";
import { systemReason } from "./system-errors.js";

/**
 * Reads configuration files in the order given; of a directory every `*.json` in it, sorted by
 * bytes, but no sub-directories (compat.md section 4.1).
 *
 * Throws {@link OperatorError} naming the file.
 */
export function readConfigPaths(paths: readonly string[]): Layer {
  return paths.flatMap(configFiles).map(readConfigFile).reduce(mergeLayers, {});
}

function configFiles(path: string): string[] {
  return reading(path, "open", () => {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => name.endsWith(".json"));
    names.sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    return names.map((name) => join(path, name)).filter((file) => !statSync(file).isDirectory());
  });
}

function readConfigFile(path: string): Layer {
  const text = reading(path, "open", () => readFileSync(path, "utf8"));
  try {
    return decodeLayer(parseFirstJson(text));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Error decoding '${path}': ${reasonOf(error)}`, { cause: error });
  }
}

function reading<T>(path: string, call: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = `${call} ${path}: ${systemReason(error)}`;
    throw new OperatorError(`Error reading '${path}': ${reason}`, { cause: error });
  }
}

/**
 * The settings of one configuration object. Keys match in any case, types are strict, `null` counts
 * as absent, unknown keys are refused; all faults are named at once.
 */
export function decodeLayer(value: unknown): Layer {
  const decoding: Decoding = { layer: {}, faults: [] };
  if (value !== null) decodeObject(decoding, "", value);
  if (decoding.faults.length > 0) throw new OperatorError(decoding.faults.sort().join("; "));
  return decoding.layer as Layer;
}

interface Decoding {
  readonly layer: Partial<Record<keyof Settings, unknown>>;
  readonly faults: string[];
}

function decodeObject(decoding: Decoding, path: string, value: unknown): void {
  if (!isObject(value)) {
    decoding.faults.push(`'${path}' expected a map, got '${goKind(value)}'`);
    return;
  }
  const unused = new Set(Object.keys(value));
  for (const name of knownNames(path)) {
    const key = unused.has(name) ? name : findFolded(unused, name);
    if (key === undefined) continue;
    unused.delete(key);
    if (value[key] === null) continue;
    const full = path === "" ? name : `${path}.${name}`;
    const option = options.find((one) => one.key === full);
    if (option === undefined) decodeObject(decoding, full, value[key]);
    else decodeValue(decoding, option, value[key]);
  }
  if (unused.size > 0) {
    decoding.faults.push(`'${path}' has invalid keys: ${[...unused].sort().join(", ")}`);
  }
}

/** The keys that may stand in the object at `path`, leaves and objects alike. */
function knownNames(path: string): Set<string> {
  const prefix = path === "" ? "" : `${path}.`;
  const keys = options.flatMap(({ key }) => (key?.startsWith(prefix) ? [key] : []));
  return new Set(keys.map((key) => key.slice(prefix.length).split(".")[0] as string));
}

function findFolded(keys: Iterable<string>, name: string): string | undefined {
  for (const key of keys) if (key.toLowerCase() === name.toLowerCase()) return key;
  return undefined;
}

function decodeValue(decoding: Decoding, option: Option, value: unknown): void {
  const { layer, faults } = decoding;
  const key = option.key as string;
  switch (option.kind) {
    case "text":
      if (typeof value === "string") layer[option.field] = value;
      else faults.push(wrongType(key, "string", value));
      return;
    case "integer":
      if (Number.isSafeInteger(value)) layer[option.field] = value;
      else faults.push(wrongType(key, "int", value));
      return;
    case "switch":
    case "toggle":
      if (typeof value === "boolean") layer[option.field] = value;
      else faults.push(wrongType(key, "bool", value));
      return;
    case "duration":
    case "limit":
      if (typeof value !== "string") faults.push(wrongType(key, "string", value));
      else if (value !== "") layer[option.field] = decodeDuration(key, value, faults);
      return;
    case "list":
      if (!Array.isArray(value)) {
        faults.push(`'${key}': source data must be an array or slice, got ${goKind(value)}`);
        return;
      }
      for (const [index, item] of value.entries()) {
        if (typeof item !== "string") faults.push(wrongType(`${key}[${index}]`, "string", item));
      }
      layer[option.field] = value;
      return;
    case "tags":
      if (!isObject(value)) {
        faults.push(`'${key}' expected a map, got '${goKind(value)}'`);
        return;
      }
      for (const [name, item] of Object.entries(value)) {
        if (typeof item !== "string") faults.push(wrongType(`${key}[${name}]`, "string", item));
      }
      layer[option.field] = new Map(Object.entries(value));
  }
}

function decodeDuration(key: string, text: string, faults: string[]): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    faults.push(`'${key}': ${error.message}`);
    return 0;
  }
}

function wrongType(key: string, expected: string, value: unknown): string {
  const [kind, shown] = [goType(value), typeof value === "string" ? value : JSON.stringify(value)];
  return `'${key}' expected type '${expected}', got unconvertible type '${kind}', value: '${shown}'`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "slice";
  return typeof value === "object" ? "map" : goType(value);
}

/** The type that Go's decoder gives a JSON value, as users know it from Serf's messages. */
function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    default:
      return "map[string]interface {}";
  }
}
