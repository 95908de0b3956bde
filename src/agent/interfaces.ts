import { networkInterfaces } from "node:os";
import { parseIp, sameBytes } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import { isLinkLocal, isLoopback, isPrivate } from "./ip-ranges.js";

/** The addresses of one network interface. Throws {@link OperatorError} if there is none of that name. */
export function interfaceAddresses(name: string): readonly Bytes[] {
  const addresses = hostAddresses().filter((one) => one.interface === name);
  if (addresses.length === 0) {
    throw new OperatorError(
      `Invalid network interface: route ip+net: no such network interface: '${name}'`,
    );
  }
  return addresses.map(({ ip }) => ip);
}

/** The address of the interface to bind to if none is given. Throws {@link OperatorError}. */
export function usableAddress(name: string): Bytes {
  const ip = interfaceAddresses(name).find((one) => !isLinkLocal(one));
  if (ip !== undefined) return ip;
  throw new OperatorError(`Failed to find usable address for interface '${name}'`);
}

export function interfaceOwns(name: string, ip: Bytes): boolean {
  return interfaceAddresses(name).some((one) => sameBytes(one, ip));
}

interface HostAddress {
  readonly interface: string;
  readonly ip: Bytes;
}

/** All addresses of this host, those of loopback included. */
export function ownAddresses(): readonly Bytes[] {
  return hostAddresses().map(({ ip }) => ip);
}

/** All addresses of interfaces that are up, in the system's order. */
function hostAddresses(): HostAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).flatMap(({ address }) => {
      const ip = parseIp(address.replace(/%.*$/, ""));
      return ip === undefined ? [] : [{ interface: name, ip }];
    }),
  );
}

/**
 * The address to advertise when all are listened on: a private one, IPv4 before IPv6, else any other
 * that is not confined to this host or link. Undefined if there is none.
 *
 * Serf insists on a private one and gives up without (and may prefer IPv6).
 */
export function addressToAdvertise(
  candidates: readonly Bytes[] = ownAddresses(),
): Bytes | undefined {
  const usable = candidates.filter((ip) => !isLoopback(ip) && !isLinkLocal(ip));
  const ranked = [...usable.filter(isPrivate), ...usable.filter((ip) => !isPrivate(ip))];
  const best = ranked.find((ip) => isPrivate(ip) && ip.length === 4) ?? ranked.find(isPrivate);
  return best ?? ranked.find((ip) => ip.length === 4) ?? ranked[0];
}
