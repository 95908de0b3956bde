import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { OperatorError } from "../base/errors.js";
import { encodeOwnTags } from "../serf/tags.js";
import { checkUserEventLimit } from "../serf/user-events.js";
import { parseChecks } from "../supervise/checks.js";
import { parseRestartPolicy } from "../supervise/restart-policy.js";
import { parseStopSignal } from "../supervise/stop-signal.js";
import { advertisedAddress, resolveAdvertise, resolveBind, splitRpcAddress } from "./addresses.js";
import { refuseTagsBesideFile } from "./agent-files.js";
import { type Config, type Given, loadConfig } from "./config.js";
import { attempt } from "./faults.js";
import { parseHttpAddress } from "./http-addresses.js";
import { parseTarget } from "./join-targets.js";
import { loadKeyring } from "./keyring-file.js";
import { lbConfigOf } from "./lb-config.js";
import { parseLevel } from "./log-levels.js";
import { metricServers } from "./metric-servers.js";
import { timingOf } from "./plan.js";
import { checkNodeName, checkProtocol } from "./serf-config.js";
import type { Settings } from "./settings.js";
import { describeSource, type Source, sourcesOf } from "./sources.js";
import { facilityCode } from "./syslog-priority.js";
import { systemReason } from "./system-errors.js";
import { readTagsFile } from "./tags-file.js";

/** What can be said of a configuration before an agent starts with it. */
export interface ConfigReport {
  readonly config: Config;
  /** One line each, without repeats; empty if the agent would start. */
  readonly faults: readonly string[];
}

/** One thing that an agent's start asks of its settings. */
interface Check {
  /** The settings that are at fault if it fails. */
  readonly fields: readonly (keyof Settings)[];
  /** Throws {@link OperatorError}. */
  readonly run: (settings: Settings) => unknown;
}

const checks: readonly Check[] = [
  { fields: ["logLevel"], run: ({ logLevel }) => parseLevel(logLevel) },
  { fields: ["bind", "interface"], run: resolveBind },
  { fields: ["advertise"], run: ({ advertise }) => resolveAdvertise(advertise) },
  { fields: ["bind", "interface", "advertise"], run: findAdvertised },
  { fields: ["encryptKey", "keyringFile"], run: loadKeyring },
  { fields: ["profile"], run: timingOf },
  { fields: ["protocol"], run: checkProtocol },
  { fields: ["nodeName", "validateNodeNames"], run: checkNodeName },
  { fields: ["tags", "tagsFile"], run: refuseTagsBesideFile },
  { fields: ["tagsFile"], run: ({ tagsFile }) => keptTags(tagsFile) },
  { fields: ["tags", "tagsFile"], run: measureTags },
  { fields: ["rpcAddr"], run: ({ rpcAddr }) => splitRpcAddress(rpcAddr) },
  { fields: ["httpAddr"], run: ({ httpAddr }) => httpAddr.map(parseHttpAddress) },
  {
    fields: ["statsdAddr"],
    run: ({ statsdAddr }) => metricServers({ statsdAddr, statsiteAddr: "" }),
  },
  {
    fields: ["statsiteAddr"],
    run: ({ statsiteAddr }) => metricServers({ statsdAddr: "", statsiteAddr }),
  },
  { fields: ["syslogFacility"], run: checkFacility },
  { fields: ["checkTcp", "checkHttp", "checkExec"], run: parseChecks },
  { fields: ["restart"], run: ({ restart }) => parseRestartPolicy(restart) },
  { fields: ["stopSignal"], run: ({ stopSignal }) => parseStopSignal(stopSignal) },
  { fields: ["snapshotPath"], run: ({ snapshotPath }) => checkSnapshotPath(snapshotPath) },
  {
    fields: ["userEventSizeLimit"],
    run: ({ userEventSizeLimit }) => checkUserEventLimit(userEventSizeLimit),
  },
];

/**
 * Checks all that a start would refuse, but what has to be opened or joined for that. Where a fault
 * came from is in its line. Host names of `bind` and `advertise` are looked up, those to join are not:
 * they may be absent until the agent needs them.
 */
export async function checkConfig(given: Given): Promise<ConfigReport> {
  const faults = new Map<string, string>();
  const refuse = ({ message }: OperatorError, from: readonly Source[] = []): void => {
    if (faults.has(message)) return;
    const named = from.filter(({ kind }) => kind !== "default").map(describeSource);
    faults.set(message, named.length === 0 ? message : `${message} (${named.join(", ")})`);
  };
  const config = loadConfig(given, refuse);
  for (const { fields, run } of checks) {
    try {
      await run(config.settings);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      refuse(
        error,
        fields.flatMap((field) => sourcesOf(config.origins[field])),
      );
    }
  }
  try {
    await lbConfigOf(config);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    // Its lines say where they come from.
    for (const line of error.message.split("\n")) refuse(new OperatorError(line));
  }
  for (const field of ["startJoin", "retryJoin"] as const) {
    for (const [index, text] of config.settings[field].entries()) {
      attempt(
        refuse,
        () => checkTarget(text),
        () => config.origins[field].slice(index, index + 1),
      );
    }
  }
  return { config, faults: [...faults.values()] };
}

async function findAdvertised(settings: Settings): Promise<void> {
  const { address } = await resolveBind(settings);
  advertisedAddress(await resolveAdvertise(settings.advertise), address);
}

function keptTags(path: string): ReadonlyMap<string, string> | undefined {
  return path === "" ? undefined : readTagsFile(path);
}

function measureTags({ protocol, tags, tagsFile }: Settings): void {
  encodeOwnTags(keptTags(tagsFile) ?? tags, protocol);
}

function checkFacility({ enableSyslog, syslogFacility }: Settings): void {
  if (enableSyslog) facilityCode(syslogFacility);
}

/** A snapshot need not be there, but its folder does, and both have to be ours to write. */
function checkSnapshotPath(path: string): void {
  if (path === "") return;
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new OperatorError("is a directory");
    if (found?.isFile() === false) throw new OperatorError("is not a regular file");
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    if (found !== undefined) accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const reason = `open ${path}: ${systemReason(error)}`;
    throw new OperatorError(`failed to open snapshot: ${reason}`, { cause: error });
  }
}

function checkTarget(text: string): void {
  try {
    parseTarget(text, 0);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Failed to resolve ${text}: ${error.message}`, { cause: error });
  }
}
