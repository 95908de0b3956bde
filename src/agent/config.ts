import { hostname } from "node:os";
import { formatDuration, parseDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import { readConfigPaths } from "./config-file.js";
import { type HandlerSpec, parseHandlerSpec } from "./handler-spec.js";
import { interfaceAddresses } from "./interfaces.js";
import { defaults, mergeLayers } from "./merge.js";
import { type Option, options } from "./options.js";
import type { Layer, Settings } from "./settings.js";

/** One flag as it was given; `value` is `true` or `false` for a switch. */
export interface GivenFlag {
  readonly flag: string;
  readonly value: string;
}

export interface Config {
  readonly settings: Settings;
  readonly handlers: readonly HandlerSpec[];
  /** For the operator, in order. */
  readonly warnings: readonly string[];
}

/** Serf's floor for the two intervals that would otherwise flood the network. */
const shortest = 1_000;

/**
 * The agent's configuration: defaults, then files, then flags; checked.
 *
 * Throws {@link OperatorError}. Called again with the same flags for a reload.
 */
export function loadConfig(given: readonly GivenFlag[]): Config {
  const flags = flagLayer(given);
  const files = readConfigPaths(flags.configPaths ?? []);
  return checked(mergeLayers(mergeLayers(defaults, files), flags));
}

/** What the flags say. Throws {@link OperatorError} on a duration or tag that cannot be read. */
export function flagLayer(given: readonly GivenFlag[]): Layer {
  const layer: Partial<Record<keyof Settings, unknown>> = {};
  for (const { flag, value } of given) {
    const option = options.find((one) => one.flag === flag || one.alias?.flag === flag);
    if (option === undefined) throw new OperatorError(`flag provided but not defined: -${flag}`);
    layer[option.field] = flagValue(option, flag, value, layer[option.field]);
  }
  return layer as Layer;
}

function flagValue(option: Option, flag: string, value: string, before: unknown): unknown {
  switch (option.kind) {
    case "text":
      return value;
    case "integer":
      return Number(value);
    case "switch":
    case "toggle":
      return (value === "true") !== (option.negated === true);
    case "duration":
      return value === "" ? 0 : flagDuration(flag, value);
    case "limit":
      return value === "" ? before : flagDuration(flag, value);
    case "list":
      return [...((before as readonly string[] | undefined) ?? []), value];
    case "tags": {
      const at = value.indexOf("=");
      if (at < 1) throw new OperatorError(`Error: Invalid tag: '${value}'`);
      const tags = new Map(before as ReadonlyMap<string, string> | undefined);
      return tags.set(value.slice(0, at), value.slice(at + 1));
    }
  }
}

function flagDuration(flag: string, value: string): number {
  try {
    return parseDuration(value);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Error: -${flag}: ${error.message}`, { cause: error });
  }
}

/** The checks and corrections after merging, in Serf's order. */
function checked(merged: Settings): Config {
  const warnings: string[] = [];
  let settings = merged;
  refuseWhatComesLater(settings);
  refuseNegative(settings);
  if (settings.nodeName === "") settings = { ...settings, nodeName: hostname() };
  const handlers = settings.eventHandlers.flatMap(parseHandlerSpec);
  if (settings.interface !== "") interfaceAddresses(settings.interface);
  if (settings.role !== "") {
    warnings.push("Deprecation warning: 'Role' has been replaced with 'Tags'");
    settings = { ...settings, tags: new Map([...settings.tags, ["role", settings.role]]) };
  }
  if (settings.retryInterval < shortest) {
    warnings.push(tooLow("RetryInterval"));
    settings = { ...settings, retryInterval: shortest };
  }
  if (settings.broadcastTimeout < shortest) {
    warnings.push(tooLow("BroadcastTimeout"));
    settings = { ...settings, broadcastTimeout: shortest };
  }
  return { settings, handlers, warnings };
}

function tooLow(name: string): string {
  return `Warning: '${name}' is too low. Setting to ${formatDuration(shortest)}`;
}

function refuseWhatComesLater(settings: Settings): void {
  for (const option of options) {
    if (option.later !== undefined && settings[option.field] !== option.default) {
      throw new OperatorError(`${spelled(option)}: ${option.later}`);
    }
  }
}

function refuseNegative(settings: Settings): void {
  for (const option of options) {
    const value = settings[option.field];
    if (typeof value === "number" && value < 0 && option.field !== "protocol") {
      throw new OperatorError(`${spelled(option)}: must not be negative`);
    }
  }
}

/** An option as the operator may have given it: `-snapshot (snapshot_path)`. */
function spelled({ flag, key }: Option): string {
  if (flag === undefined) return `${key}`;
  return key === undefined ? `-${flag}` : `-${flag} (${key})`;
}
