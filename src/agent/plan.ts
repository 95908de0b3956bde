import { type Address, formatIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import type { HttpAddress } from "../http/server.js";
import type { LbConfig } from "../lb/config.js";
import { profiles, type Timing } from "../swim/config.js";
import { type AdvertiseChoice, resolveAdvertise, resolveBind } from "./addresses.js";
import type { Config } from "./config.js";
import { parseHttpAddress } from "./http-addresses.js";
import { isUnspecified, mapped } from "./ip-ranges.js";
import { checkEncryptKey } from "./keyring-file.js";
import { lbConfigOf } from "./lb-config.js";
import { type MetricServers, metricServers } from "./metric-servers.js";
import { addressTowards } from "./route.js";
import type { Settings } from "./settings.js";

/** What has to be known before anything is opened. */
export interface AgentPlan {
  readonly config: Config;
  readonly bind: Address;
  readonly advertise: AdvertiseChoice;
  readonly timing: Timing;
  readonly metricServers: MetricServers;
  /** Where HTTP clients are served; empty for nowhere. */
  readonly http: readonly HttpAddress[];
  /** undefined: there is nothing to balance. */
  readonly lb: LbConfig | undefined;
  /** For the operator, in order. */
  readonly notices: readonly string[];
}

/** Looks addresses up and checks what Serf checks before it starts. Throws {@link OperatorError}. */
export async function planAgent(config: Config): Promise<AgentPlan> {
  const { settings } = config;
  const { address: bind, notice } = await resolveBind(settings);
  const advertise = await resolveAdvertise(settings.advertise);
  const route = await routeOf(settings, bind, advertise);
  checkEncryptKey(settings);
  const timing = timingOf(settings);
  const servers = metricServers(settings);
  const http = settings.httpAddr.map(parseHttpAddress);
  const lb = await lbConfigOf(config);
  const notices = [notice, route?.notice].filter((one) => one !== undefined);
  return {
    config,
    bind,
    advertise: { ...advertise, ip: advertise.ip ?? route?.ip },
    timing,
    metricServers: servers,
    http,
    lb,
    notices,
  };
}

/** Where nothing else says which of this host's addresses the others are told: that on the way to them. */
async function routeOf(
  { retryJoin, startJoin }: Settings,
  bind: Address,
  advertise: AdvertiseChoice,
): Promise<{ ip: Bytes; notice: string } | undefined> {
  if (advertise.ip !== undefined || !isUnspecified(bind.ip)) return undefined;
  const ip = await addressTowards([...startJoin, ...retryJoin]);
  if (ip === undefined) return undefined;
  const notice = `Advertising '${formatIp(ip)}', the address on the way to the seeds`;
  // As every address that is chosen, see advertisedAddress.
  return { ip: mapped(ip), notice };
}

/** The timing of the profile. Throws {@link OperatorError} if there is none of that name. */
export function timingOf({ profile }: Pick<Settings, "profile">): Timing {
  if (Object.hasOwn(profiles, profile)) return profiles[profile as keyof typeof profiles];
  throw new OperatorError(`Unknown profile: ${profile}`);
}
