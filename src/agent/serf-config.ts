import type { Address } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import { type SerfConfig, serfDefaults } from "../serf/config.js";
import { nodeNameFault } from "../swim/node-name.js";
import type { AgentFiles } from "./agent-files.js";
import type { AgentPlan } from "./plan.js";
import type { Settings } from "./settings.js";

/** Serf's protocol versions that we speak. */
const protocols = { min: 2, max: 5 };

/** What the member is built from. Throws {@link OperatorError} if that cannot be a member. */
export function serfConfig(
  plan: AgentPlan,
  files: AgentFiles,
  advertise: Address,
  bindPort: number,
  tags = files.tags,
): SerfConfig {
  const { settings } = plan.config;
  checkProtocol(settings);
  checkNodeName(settings);
  return {
    ...serfDefaults,
    name: settings.nodeName,
    tags,
    advertise,
    bindPort,
    timing: plan.timing,
    keyring: files.keyring,
    compression: settings.compression,
    refusals: settings.refusalDetection,
    isolation: settings.isolationCheck,
    delegateVersion: settings.protocol,
    broadcastTimeout: settings.broadcastTimeout,
    reconnectInterval: settings.reconnectInterval,
    reconnectTimeout: settings.reconnectTimeout,
    tombstoneTimeout: settings.tombstoneTimeout,
    userEventSizeLimit: settings.userEventSizeLimit,
    querySizeLimit: settings.querySizeLimit,
    queryResponseSizeLimit: settings.queryResponseSizeLimit,
    coordinates: !settings.disableCoordinates,
    nameResolution: !settings.disableNameResolution,
    validateNames: settings.validateNodeNames,
  };
}

/** Refuses a version that we do not speak. Throws {@link OperatorError}. */
export function checkProtocol({ protocol }: Pick<Settings, "protocol">): void {
  if (protocol >= protocols.min && protocol <= protocols.max) return;
  const fault = protocol < protocols.min ? "low" : "high";
  const range = `[${protocols.min}, ${protocols.max}]`;
  throw new OperatorError(
    `Protocol version '${protocol}' too ${fault}. Must be in range: ${range}`,
  );
}

/** Refuses a name that is to be checked and is not valid. Throws {@link OperatorError}. */
export function checkNodeName(settings: Pick<Settings, "nodeName" | "validateNodeNames">): void {
  const fault = settings.validateNodeNames ? nodeNameFault(settings.nodeName) : undefined;
  if (fault !== undefined) throw new OperatorError(fault);
}
