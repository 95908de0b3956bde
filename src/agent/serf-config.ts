import type { Address } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import { type SerfConfig, serfDefaults } from "../serf/config.js";
import { nodeNameFault } from "../swim/node-name.js";
import type { AgentFiles } from "./agent-files.js";
import type { AgentPlan } from "./plan.js";

/** Serf's protocol versions that we speak. */
const protocols = { min: 2, max: 5 };

/** What the member is built from. Throws {@link OperatorError} if that cannot be a member. */
export function serfConfig(
  plan: AgentPlan,
  files: AgentFiles,
  advertise: Address,
  bindPort: number,
): SerfConfig {
  const { settings } = plan.config;
  const { protocol } = settings;
  if (protocol < protocols.min || protocol > protocols.max) {
    const fault = protocol < protocols.min ? "low" : "high";
    const range = `[${protocols.min}, ${protocols.max}]`;
    throw new OperatorError(
      `Protocol version '${protocol}' too ${fault}. Must be in range: ${range}`,
    );
  }
  const nameFault = settings.validateNodeNames ? nodeNameFault(settings.nodeName) : undefined;
  if (nameFault !== undefined) throw new OperatorError(nameFault);
  return {
    ...serfDefaults,
    name: settings.nodeName,
    tags: files.tags,
    advertise,
    bindPort,
    timing: plan.timing,
    keyring: files.keyring,
    compression: settings.compression,
    delegateVersion: protocol,
    broadcastTimeout: settings.broadcastTimeout,
    reconnectInterval: settings.reconnectInterval,
    reconnectTimeout: settings.reconnectTimeout,
    tombstoneTimeout: settings.tombstoneTimeout,
    userEventSizeLimit: settings.userEventSizeLimit,
    querySizeLimit: settings.querySizeLimit,
    queryResponseSizeLimit: settings.queryResponseSizeLimit,
    coordinates: !settings.disableCoordinates,
    validateNames: settings.validateNodeNames,
  };
}
