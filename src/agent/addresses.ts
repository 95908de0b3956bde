import { type Address, formatAddress, formatHostPort, formatIp, parseIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import { addressToAdvertise, interfaceOwns, usableAddress } from "./interfaces.js";
import { isUnspecified, mapped } from "./ip-ranges.js";
import { lookupHost } from "./lookup.js";
import type { Settings } from "./settings.js";

/** The port of Serf's gossip. */
const defaultPort = 7946;

export interface HostPort {
  readonly host: string;
  /** Undefined if the text has none. */
  readonly port: number | undefined;
}

/** Takes `host`, `host:port`, `[v6]` and `[v6]:port` apart. Throws {@link OperatorError}. */
export function splitHostPort(text: string): HostPort {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] as string, port: parsePort(bracketed[2]) };
  const colons = text.split(":").length - 1;
  if (colons > 1 || /[[\]]/.test(text)) {
    const fault = colons > 1 ? "too many colons in address" : "brackets do not match";
    throw new OperatorError(`address ${text}: ${fault}`);
  }
  const [host, port] = text.split(":") as [string, string | undefined];
  return { host, port: parsePort(port) };
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new OperatorError(`address tcp/${text}: unknown port`);
  if (Number(text) > 65_535) throw new OperatorError(`address ${text}: invalid port`);
  return Number(text);
}

/** Takes `-rpc-addr` apart, which needs a port. Throws {@link OperatorError} in Go's words. */
export function splitRpcAddress(text: string): { host: string; port: number } {
  const { host, port } = splitHostPort(text);
  if (port === undefined) throw new OperatorError(`address ${text}: missing port in address`);
  return { host, port };
}

/** Where the agent listens, and what it tells the operator about the choice. */
export interface BindAddress {
  readonly address: Address;
  readonly notice: string | undefined;
}

/** Resolves `-bind` and `-iface`. Throws {@link OperatorError}. */
export async function resolveBind(
  settings: Pick<Settings, "bind" | "interface">,
): Promise<BindAddress> {
  const { ip, port = defaultPort } = await resolveOne("bind", settings.bind);
  const name = settings.interface;
  if (name === "") return { address: { ip, port }, notice: undefined };
  if (isUnspecified(ip)) {
    const chosen = usableAddress(name);
    const notice = `Using interface '${name}' address '${formatIp(chosen)}'`;
    return { address: { ip: chosen, port }, notice };
  }
  if (!interfaceOwns(name, ip)) {
    throw new OperatorError(`Interface '${name}' has no '${formatIp(ip)}' address`);
  }
  return { address: { ip, port }, notice: undefined };
}

/** What `-advertise` fixes; what it leaves open is decided by {@link advertisedAddress}. */
export interface AdvertiseChoice {
  readonly ip: Bytes | undefined;
  readonly port: number | undefined;
}

/**
 * Resolves `-advertise`, which may be empty or a port alone. Throws {@link OperatorError}.
 *
 * The address of all interfaces and port 0 count as not given: Serf tells them to the others as they
 * are, and nobody is reached there.
 */
export async function resolveAdvertise(text: string): Promise<AdvertiseChoice> {
  if (text === "") return { ip: undefined, port: undefined };
  const { ip, port } = await resolveOne("advertise", text);
  return { ip: isUnspecified(ip) ? undefined : ip, port: port === 0 ? undefined : port };
}

/**
 * The address that others are told, given the one that is bound: its port by default, where Serf
 * takes 7946, and for the address of all interfaces one of them. Throws {@link OperatorError}.
 */
export function advertisedAddress(choice: AdvertiseChoice, bound: Address): Address {
  const port = choice.port ?? bound.port;
  if (choice.ip !== undefined) return { ip: choice.ip, port };
  if (!isUnspecified(bound.ip)) return { ip: bound.ip, port };
  const ip = addressToAdvertise();
  if (ip === undefined) {
    const where = formatAddress(bound);
    throw new OperatorError(
      `no address to advertise was found while bound to ${where}: give -advertise or -bind`,
    );
  }
  // The reference announces a chosen IPv4 address in its long form, and forms are different addresses.
  return { ip: mapped(ip), port };
}

interface Resolved {
  readonly ip: Bytes;
  readonly port: number | undefined;
}

async function resolveOne(option: string, text: string): Promise<Resolved> {
  try {
    const { host, port } = splitHostPort(text);
    const ip = host === "" ? new Uint8Array(4) : parseIp(host);
    return { ip: ip ?? preferred(await lookupHost(host)), port };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Invalid ${option} address: ${error.message}`, { cause: error });
  }
}

/** IPv4 if there is one, as Go chooses. `ips` is not empty. */
function preferred(ips: readonly Bytes[]): Bytes {
  return ips.find((ip) => ip.length === 4) ?? (ips[0] as Bytes);
}

/** Where a client on this host reaches what listens at `host`, which may be empty, and `port`. */
export function localAddress(host: string, port: number): string {
  const ip = parseIp(host);
  const unspecified = ip !== undefined && isUnspecified(ip);
  if (host === "" || (unspecified && ip.length === 4)) return `127.0.0.1:${port}`;
  if (unspecified) return `[::1]:${port}`;
  return formatHostPort(host, port);
}
