import { formatIp, parseIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { splitHostPort } from "./addresses.js";
import type { MetricSink } from "./metrics.js";
import type { Settings } from "./settings.js";
import { StatsdSink } from "./statsd.js";
import { StatsiteSink } from "./statsite.js";

/** Where metrics are sent. */
export interface ServerAddress {
  readonly host: string;
  /** Undefined if `host` is a name. */
  readonly ip: string | undefined;
  readonly port: number;
}

/** The servers that an operator named. */
export interface MetricServers {
  readonly statsd: ServerAddress | undefined;
  readonly statsite: ServerAddress | undefined;
}

/**
 * Takes the addresses apart. Throws {@link OperatorError}, where Serf starts and never sends anything.
 * A name that nobody knows yet is no error: it is looked up again later.
 */
export function metricServers(
  settings: Pick<Settings, "statsdAddr" | "statsiteAddr">,
): MetricServers {
  return {
    statsd: parseServer("statsd_addr", settings.statsdAddr),
    statsite: parseServer("statsite_addr", settings.statsiteAddr),
  };
}

export function openSinks({ statsd, statsite }: MetricServers, log: Log): MetricSink[] {
  const sinks: MetricSink[] = [];
  if (statsite !== undefined) sinks.push(new StatsiteSink(statsite, log));
  if (statsd !== undefined) sinks.push(new StatsdSink(statsd, log));
  return sinks;
}

function parseServer(key: string, text: string): ServerAddress | undefined {
  if (text === "") return undefined;
  try {
    const { host, port } = splitHostPort(text);
    if (port === undefined) throw new OperatorError(`address ${text}: missing port in address`);
    if (port === 0) throw new OperatorError(`address ${text}: invalid port`);
    // Go takes an empty host for this one.
    const name = host === "" ? "localhost" : host;
    const ip = parseIp(name);
    return { host: name, ip: ip && formatIp(ip), port };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Invalid ${key}: ${error.message}`, { cause: error });
  }
}
