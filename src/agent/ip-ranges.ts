import { isMappedIpv4, parseIp } from "../base/address.js";
import type { Bytes } from "../base/units.js";

interface Range {
  readonly ip: Bytes;
  readonly bits: number;
}

const loopback = ranges("127.0.0.0/8", "::1/128");
const linkLocal = ranges("169.254.0.0/16", "fe80::/10");
/** RFC 1918, RFC 6598 and RFC 4193. */
const privateUse = ranges(
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "fc00::/7",
);
/** Never routed in the Internet: documentation and benchmarks (RFC 5737, RFC 3849, RFC 2544). */
const reserved = ranges(
  "192.0.2.0/24",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "198.18.0.0/15",
  "2001:db8::/32",
);

export const isLoopback = (ip: Bytes): boolean => isIn(loopback, ip);
export const isLinkLocal = (ip: Bytes): boolean => isIn(linkLocal, ip);
export const isPrivate = (ip: Bytes): boolean => isIn(privateUse, ip);

/** True if the address can be reached from the Internet. */
export function isPublic(ip: Bytes): boolean {
  return !isIn([...loopback, ...linkLocal, ...privateUse, ...reserved], ip);
}

/** `0.0.0.0` or `::`: all addresses of the host. */
export function isUnspecified(ip: Bytes): boolean {
  return ip.every((byte) => byte === 0);
}

/** The 16-byte form of an IPv4 address (::ffff:a.b.c.d); IPv6 stays as it is. */
export function mapped(ip: Bytes): Bytes {
  if (ip.length !== 4) return ip;
  const long = new Uint8Array(16);
  long.fill(0xff, 10, 12);
  long.set(ip, 12);
  return long;
}

/** The 4-byte form if there is one. */
export function unmapped(ip: Bytes): Bytes {
  return isMappedIpv4(ip) ? ip.slice(12) : ip;
}

function ranges(...texts: string[]): Range[] {
  return texts.map((text) => {
    const [ip, bits] = text.split("/") as [string, string];
    return { ip: parseIp(ip) as Bytes, bits: Number(bits) };
  });
}

function isIn(list: readonly Range[], address: Bytes): boolean {
  const ip = unmapped(address);
  return list.some((range) => range.ip.length === ip.length && sharesPrefix(range, ip));
}

function sharesPrefix({ ip, bits }: Range, other: Bytes): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index += 1) if (ip[index] !== other[index]) return false;
  const rest = bits & 7;
  return rest === 0 || ((ip[whole] as number) ^ (other[whole] as number)) >> (8 - rest) === 0;
}
