import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import { parseFirstJson } from "../base/json-value.js";
import { suggest } from "../base/suggest.js";
import { attempt, type Refuse } from "./faults.js";
import type { Layer } from "./merge.js";
import { type Option, options } from "./options.js";
import type { Settings, Values } from "./settings.js";
import { systemReason } from "./system-errors.js";

/**
 * Reads configuration files in the order given; of a directory every `*.json` in it, sorted by
 * bytes, but no sub-directories (compat.md section 4.1). Faults name the file.
 */
export function readConfigPaths(paths: readonly string[], refuse: Refuse): Layer[] {
  const files = paths.flatMap((path) => attempt(refuse, () => configFiles(path)) ?? []);
  return files.flatMap((path) => attempt(refuse, () => readConfigFile(path, refuse)) ?? []);
}

function configFiles(path: string): string[] {
  if (!isDirectory(path)) return [path];
  const names = reading(path, "open", () => readdirSync(path));
  return names
    .filter((name) => name.endsWith(".json"))
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    .map((name) => join(path, name))
    .filter((file) => !isDirectory(file));
}

function isDirectory(path: string): boolean {
  return reading(path, "open", () => statSync(path).isDirectory());
}

function readConfigFile(path: string, refuse: Refuse): Layer {
  const text = reading(path, "open", () => readFileSync(path, "utf8"));
  const refuseContent: Refuse = (fault) => {
    refuse(new OperatorError(`Error decoding '${path}': ${fault.message}`, { cause: fault }));
  };
  const object = attempt(refuseContent, () => parseFirstJson(text)) ?? null;
  const { values, faults } = decodeValues(object);
  if (faults.length > 0) refuseContent(new OperatorError(faults.join("; ")));
  return { values, sourceOf: () => ({ kind: "file", name: path }) };
}

function reading<T>(path: string, call: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = `${call} ${path}: ${systemReason(error)}`;
    throw new OperatorError(`Error reading '${path}': ${reason}`, { cause: error });
  }
}

/** What one configuration object says, and what is wrong with it, sorted. */
export interface DecodedValues {
  readonly values: Values;
  readonly faults: readonly string[];
}

/**
 * The settings of one configuration object. Keys match in any case, types are strict, `null` counts
 * as absent, unknown keys are faults; all faults are named at once.
 */
export function decodeValues(value: unknown): DecodedValues {
  const decoding: Decoding = { values: {}, faults: [] };
  if (value !== null) decodeObject(decoding, "", value);
  return { values: decoding.values as Values, faults: decoding.faults.sort() };
}

interface Decoding {
  readonly values: Partial<Record<keyof Settings, unknown>>;
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
  if (unused.size > 0) decoding.faults.push(invalidKeys(path, [...unused].sort()));
}

/** Serf's text, and what may have been meant. */
function invalidKeys(path: string, keys: readonly string[]): string {
  // A known one is left over if the object has it twice, spelt in two ways.
  const unknown = keys.filter((key) => findFolded(knownNames(path), key) === undefined);
  const near = unknown.flatMap((key) => suggest(key, knownNames(path)) ?? []);
  const hint = near.map((key) => `"${key}"`).join(", ");
  const text = `'${path}' has invalid keys: ${keys.join(", ")}`;
  return hint === "" ? text : `${text}, did you mean ${hint}?`;
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

/** Sets what is right and notes what is wrong. */
function decodeValue({ values, faults }: Decoding, option: Option, value: unknown): void {
  const before = faults.length;
  const decoded = decodedValue(option, value, faults);
  if (faults.length === before && decoded !== undefined) values[option.field] = decoded;
}

function decodedValue(option: Option, value: unknown, faults: string[]): unknown {
  const key = option.key as string;
  const expect = (type: string, isRight: boolean): unknown => {
    if (isRight) return value;
    faults.push(wrongType(key, type, option.secret === true ? undefined : value, goType(value)));
    return undefined;
  };
  switch (option.kind) {
    case "text":
      return expect("string", typeof value === "string");
    case "integer":
      return expect("int", Number.isSafeInteger(value));
    case "switch":
    case "toggle":
      return expect("bool", typeof value === "boolean");
    case "duration":
    case "limit":
      if (typeof value !== "string") return expect("string", false);
      return value === "" ? undefined : decodeDuration(key, value, faults);
    case "list":
      if (!Array.isArray(value)) {
        faults.push(`'${key}': source data must be an array or slice, got ${goKind(value)}`);
        return undefined;
      }
      for (const [index, item] of value.entries()) expectString(`${key}[${index}]`, item, faults);
      return value;
    case "tags":
      if (!isObject(value)) {
        faults.push(`'${key}' expected a map, got '${goKind(value)}'`);
        return undefined;
      }
      for (const [name, item] of Object.entries(value)) {
        expectString(`${key}[${name}]`, item, faults);
      }
      return new Map(Object.entries(value));
    case "object":
      if (isObject(value)) return value;
      faults.push(`'${key}' expected a map, got '${goKind(value)}'`);
      return undefined;
  }
}

function expectString(path: string, value: unknown, faults: string[]): void {
  if (typeof value !== "string") faults.push(wrongType(path, "string", value, goType(value)));
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

/** `value` is undefined if it may not be shown. */
function wrongType(path: string, expected: string, value: unknown, kind: string): string {
  const fault = `'${path}' expected type '${expected}', got unconvertible type '${kind}'`;
  if (value === undefined) return fault;
  return `${fault}, value: '${typeof value === "string" ? value : JSON.stringify(value)}'`;
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
