import { isIP } from "node:net";
import { formatAddress, parseIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { JoinTarget } from "../swim/join.js";
import { splitHostPort } from "./addresses.js";
import { lookupHost } from "./lookup.js";

/** What the addresses to join came to: who to contact, and which could not be resolved. */
export interface ResolvedTargets {
  /** Each address once, in the order in which it is to be tried. */
  readonly targets: readonly JoinTarget[];
  /** One line each, in the form in which they are shown. */
  readonly failures: readonly string[];
}

/**
 * Resolves addresses of the form `[name/]host[:port]`, all IP addresses of each host in turn. DNS is
 * asked anew each time; the port is `defaultPort` (our own bind port) if not given.
 */
export async function resolveTargets(
  addresses: readonly string[],
  defaultPort: number,
): Promise<ResolvedTargets> {
  const results = await Promise.all(addresses.map((text) => resolveTarget(text, defaultPort)));
  return {
    targets: unique(results.flatMap((result) => (typeof result === "string" ? [] : result))),
    failures: results.filter((result) => typeof result === "string"),
  };
}

/** The targets behind one address, or why there are none. */
async function resolveTarget(text: string, defaultPort: number): Promise<JoinTarget[] | string> {
  try {
    const { name, host, port } = parseTarget(text, defaultPort);
    const ip = parseIp(host);
    const ips = ip === undefined ? await lookupHost(host) : [ip];
    return ips.map((one) => ({ address: { ip: one, port }, name }));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return `Failed to resolve ${text}: ${error.message}`;
  }
}

interface ParsedTarget {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Takes `[name/]host[:port]` apart; unlike in `-bind`, an IPv6 address needs no brackets. */
export function parseTarget(text: string, defaultPort: number): ParsedTarget {
  const slash = text.indexOf("/");
  if (slash === 0) throw new OperatorError("empty node name provided");
  const rest = text.slice(slash + 1);
  const { host, port = defaultPort } =
    isIP(rest) === 6 ? { host: rest, port: undefined } : splitHostPort(rest);
  if (host === "") throw new OperatorError("empty host name provided");
  return { name: slash < 0 ? "" : text.slice(0, slash), host, port };
}

function unique(targets: readonly JoinTarget[]): JoinTarget[] {
  const seen = new Set<string>();
  return targets.filter(({ address, name }) => {
    const key = `${name}/${formatAddress(address)}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
