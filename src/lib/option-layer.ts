import { type Option, options } from "../agent/options.js";
import type { Settings, Values } from "../agent/settings.js";
import { OperatorError } from "../base/errors.js";
import { suggest } from "../base/suggest.js";
import type { AgentOptions } from "./agent-options.js";
import { isTextRecord, isTexts } from "./arguments.js";

/** Which setting each option is. */
const fields = {
  name: "nodeName",
  tags: "tags",
  tagsFile: "tagsFile",
  bind: "bind",
  interface: "interface",
  advertise: "advertise",
  profile: "profile",
  protocol: "protocol",
  compression: "compression",
  refusalDetection: "refusalDetection",
  isolationCheck: "isolationCheck",
  encryptKey: "encryptKey",
  keyringFile: "keyringFile",
  join: "startJoin",
  retryJoin: "retryJoin",
  retryInterval: "retryInterval",
  retryMaxAttempts: "retryMaxAttempts",
  replayOnJoin: "replayOnJoin",
  discover: "discover",
  mdnsInterface: "mdnsInterface",
  mdnsDisableIpv4: "mdnsDisableIpv4",
  mdnsDisableIpv6: "mdnsDisableIpv6",
  snapshotPath: "snapshotPath",
  rejoinAfterLeave: "rejoinAfterLeave",
  eventHandlers: "eventHandlers",
  handlerTimeout: "handlerTimeout",
  handlerJournal: "handlerJournal",
  lbFile: "lbFile",
  loadBalancer: "loadBalancer",
  rpcAddr: "rpcAddr",
  rpcAuth: "rpcAuth",
  httpAddr: "httpAddr",
  httpToken: "httpToken",
  logLevel: "logLevel",
  statsdAddr: "statsdAddr",
  statsiteAddr: "statsiteAddr",
  drainTimeout: "drainTimeout",
  broadcastTimeout: "broadcastTimeout",
  reconnectInterval: "reconnectInterval",
  reconnectTimeout: "reconnectTimeout",
  tombstoneTimeout: "tombstoneTimeout",
  disableNameResolution: "disableNameResolution",
  disableCoordinates: "disableCoordinates",
  validateNodeNames: "validateNodeNames",
  userEventSizeLimit: "userEventSizeLimit",
  querySizeLimit: "querySizeLimit",
  queryResponseSizeLimit: "queryResponseSizeLimit",
} as const satisfies Record<Exclude<keyof AgentOptions, "log">, keyof Settings>;

/** The settings that a program gives. Throws {@link OperatorError} that names an option of a wrong type. */
export function optionLayer({ log, ...given }: AgentOptions): Values {
  if (log !== undefined && typeof log !== "function") throw wrong("log", "a function", log);
  const values: Partial<Record<keyof Settings, unknown>> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(fields, name)) {
      const near = suggest(name, ["log", ...Object.keys(fields)]);
      const hint = near === undefined ? "" : `, did you mean ${near}?`;
      throw new OperatorError(`there is no option ${JSON.stringify(name)}${hint}`);
    }
    const field = fields[name as keyof typeof fields];
    const option = options.find((one) => one.field === field) as Option;
    if (value !== undefined) values[field] = settingOf(name, option, value);
  }
  return values as Values;
}

function settingOf(name: string, { kind }: Option, value: unknown): unknown {
  switch (kind) {
    case "text":
      if (typeof value === "string") return value;
      throw wrong(name, "a string", value);
    case "integer":
      if (Number.isSafeInteger(value) && (value as number) >= 0) return value;
      throw wrong(name, "a whole number, not negative", value);
    case "duration":
    case "limit":
      if (Number.isFinite(value) && (value as number) >= 0) return value;
      throw wrong(name, "a time in milliseconds, not negative", value);
    case "switch":
    case "toggle":
      if (typeof value === "boolean") return value;
      throw wrong(name, "a boolean", value);
    case "object":
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
      throw wrong(name, "an object", value);
    case "list":
      if (isTexts(value)) return value;
      throw wrong(name, "a list of strings", value);
    case "tags":
      if (isTextRecord(value)) return new Map(Object.entries(value));
      throw wrong(name, "an object of strings", value);
  }
}

/** Only numbers are shown: among the rest may be keys. */
function wrong(name: string, wanted: string, value: unknown): OperatorError {
  const found = typeof value === "number" ? `, not ${value}` : "";
  return new OperatorError(`the option ${JSON.stringify(name)} must be ${wanted}${found}`);
}
