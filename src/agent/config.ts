import { hostname } from "node:os";
import { formatDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import type { Environment } from "../handler/handler-input.js";
import { type AnyHandlerSpec, parseHandler } from "./any-handler.js";
import { readConfigPaths } from "./config-file.js";
import { environmentLayer, unknownVariableWarnings } from "./environment-layer.js";
import { attempt, type Refuse, refuseAtOnce } from "./faults.js";
import { flagLayer, type GivenFlag } from "./flag-layer.js";
import { interfaceAddresses } from "./interfaces.js";
import { serviceName } from "./mdns-records.js";
import { type Merged, mergeLayers } from "./merge.js";
import { type Option, options } from "./options.js";
import type { Settings, Values } from "./settings.js";
import { defaultSource, type Origins, type Source, sourcesOf } from "./sources.js";

/** What was given to an agent besides its files. */
export interface Given {
  readonly flags: readonly GivenFlag[];
  readonly environment: Environment;
}

export interface Config {
  readonly settings: Settings;
  readonly origins: Origins;
  readonly handlers: readonly AnyHandlerSpec[];
  /** For the operator, in order. */
  readonly warnings: readonly string[];
}

/** Serf's floor for the two intervals that would otherwise flood the network. */
const shortest = 1_000;

/**
 * The agent's configuration: defaults, then files, then the environment, then flags; checked.
 *
 * Throws {@link OperatorError} unless `refuse` does something else. Called again with the same `given`
 * for a reload.
 */
export function loadConfig(given: Given, refuse: Refuse = refuseAtOnce): Config {
  const flags = flagLayer(given.flags, refuse);
  const environment = environmentLayer(given.environment, refuse);
  const paths = [environment, flags].flatMap(({ values }) => values.configPaths ?? []);
  const files = readConfigPaths(paths, refuse);
  const config = checked(mergeLayers([...files, environment, flags]), refuse);
  const warnings = [...unknownVariableWarnings(given.environment), ...config.warnings];
  return { ...config, warnings };
}

/** The configuration of an agent inside a program, which gives all there is. Throws {@link OperatorError}. */
export function configOf(values: Values): Config {
  return checked(mergeLayers([{ values, sourceOf: () => defaultSource }]), refuseAtOnce);
}

/** The checks and corrections after merging, in Serf's order. */
function checked({ settings: merged, origins: from }: Merged, refuse: Refuse): Config {
  const warnings: string[] = [];
  let [settings, origins] = [merged, from];
  refuseNegative(settings, origins, refuse);
  if (settings.nodeName === "") settings = { ...settings, nodeName: hostname() };
  const handlers = settings.eventHandlers.flatMap((text, index) => {
    const source = (): Source[] => [origins.eventHandlers[index] as Source];
    return attempt(refuse, () => parseHandler(text), source) ?? [];
  });
  if (settings.interface !== "") {
    attempt(
      refuse,
      () => interfaceAddresses(settings.interface),
      () => [origins.interface],
    );
  }
  refuseBadDiscovery(settings, origins, refuse);
  if (settings.role !== "") {
    warnings.push("Deprecation warning: 'Role' has been replaced with 'Tags'");
    settings = { ...settings, tags: new Map([...settings.tags, ["role", settings.role]]) };
    origins = { ...origins, tags: new Map([...origins.tags, ["role", origins.role]]) };
  }
  if (settings.retryInterval < shortest) {
    warnings.push(tooLow("RetryInterval"));
    settings = { ...settings, retryInterval: shortest };
  }
  if (settings.broadcastTimeout < shortest) {
    warnings.push(tooLow("BroadcastTimeout"));
    settings = { ...settings, broadcastTimeout: shortest };
  }
  if (settings.rejoinAfterLeave && settings.snapshotPath === "") {
    warnings.push("Warning: 'RejoinAfterLeave' enabled without snapshot file");
  }
  return { settings, origins, handlers, warnings };
}

function tooLow(name: string): string {
  return `Warning: '${name}' is too low. Setting to ${formatDuration(shortest)}`;
}

function refuseNegative(settings: Settings, origins: Origins, refuse: Refuse): void {
  for (const option of options) {
    const value = settings[option.field];
    if (typeof value !== "number" || value >= 0 || option.field === "protocol") continue;
    refuse(
      new OperatorError(`${spelled(option)}: must not be negative`),
      sourcesOf(origins[option.field]),
    );
  }
}

function refuseBadDiscovery(settings: Settings, origins: Origins, refuse: Refuse): void {
  const { discover, mdnsDisableIpv4, mdnsDisableIpv6, mdnsInterface } = settings;
  const check = (origin: keyof Settings, run: () => unknown): void => {
    attempt(refuse, run, () => sourcesOf(origins[origin]));
  };
  const fail = (text: string): never => {
    throw new OperatorError(text);
  };
  if (mdnsInterface !== "") {
    check("mdnsInterface", () => interfaceAddresses(mdnsInterface));
    if (discover === "") {
      check("mdnsInterface", () => fail("-mdns-iface (mdns.interface): needs -discover"));
    }
  }
  if (discover === "") return;
  check("discover", () => serviceName(discover));
  if (mdnsDisableIpv4 && mdnsDisableIpv6) {
    check("mdnsDisableIpv6", () => fail("-discover: both IPv4 and IPv6 are disabled for mDNS"));
  }
}

/** An option as the operator may have given it: `-snapshot (snapshot_path)`. */
function spelled({ flag, key }: Option): string {
  if (flag === undefined) return `${key}`;
  return key === undefined ? `-${flag}` : `-${flag} (${key})`;
}
