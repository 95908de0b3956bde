import { parseIp } from "../../base/address.js";

/** A network of IPv4: its lowest address as a number. */
export interface Ipv4Network {
  readonly base: number;
  readonly prefix: number;
}

/** Reads `172.31.72.100/24` as the network around that address; undefined if it is none of IPv4. */
export function parseNetwork(text: string): Ipv4Network | undefined {
  const [ip = "", length = "", ...more] = text.split("/");
  const number = numberOf(ip);
  if (number === undefined || more.length > 0 || !/^\d{1,2}$/.test(length)) return undefined;
  const prefix = Number(length);
  if (prefix < 1 || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  return { base: number - (number % size), prefix };
}

export function isInNetwork(ip: string, { base, prefix }: Ipv4Network): boolean {
  const number = numberOf(ip);
  return number !== undefined && number >= base && number < base + 2 ** (32 - prefix);
}

/** One of the hosts of a network: the one at `share`, 0 to below 1, between the first and the last. */
export function hostIn({ base, prefix }: Ipv4Network, share: number): string {
  const size = 2 ** (32 - prefix);
  const hosts = Math.max(1, size - 2);
  const number = base + (size > 2 ? 1 : 0) + Math.floor(hosts * share);
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}

/** An address of IPv4 as a number. */
function numberOf(text: string): number | undefined {
  const ip = parseIp(text);
  return ip?.length === 4 ? ip.reduce((sum, byte) => sum * 256 + byte, 0) : undefined;
}
