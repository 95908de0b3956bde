import type { Bytes } from "./units.js";

/**
 * Where a member is reached. `ip` has 4 or 16 bytes and is opaque: the 4-byte and the 16-byte form
 * of one IPv4 address are different addresses (protocol.md section 1.1).
 */
export interface Address {
  readonly ip: Bytes;
  readonly port: number;
}

/** True if both are the same bytes and port. */
export function sameAddress(one: Address, other: Address): boolean {
  return one.port === other.port && sameBytes(one.ip, other.ip);
}

/**
 * True if what came from `from` came from `address`. A socket gives IPv4 in its short form, while a member
 * that chose its address by itself advertises the long one, as memberlist does.
 */
export function isFrom(address: Address, from: Address): boolean {
  if (sameAddress(address, from)) return true;
  if (address.port !== from.port || address.ip.length === from.ip.length) return false;
  const [long, short] = address.ip.length === 16 ? [address.ip, from.ip] : [from.ip, address.ip];
  return isMappedIpv4(long) && sameBytes(long.subarray(12), short);
}

export function sameBytes(one: Bytes, other: Bytes): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

/** `ip:port`, or `[ip]:port` for IPv6. An IPv4-mapped address prints as IPv4, as Go does. */
export function formatAddress({ ip, port }: Address): string {
  return formatHostPort(formatIp(ip), port);
}

/** `host:port`, or `[host]:port` if the host is an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The text of an IP address; of anything but 4 or 16 bytes `?` and the bytes in hex, as Go does. */
export function formatIp(ip: Bytes): string {
  if (ip.length === 4) return ip.join(".");
  if (ip.length === 0) return "<nil>";
  if (ip.length !== 16)
    return `?${Array.from(ip, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (isMappedIpv4(ip)) return ip.subarray(12).join(".");
  return formatIpv6(ip);
}

/** True for the 16-byte form of an IPv4 address (::ffff:a.b.c.d). */
export function isMappedIpv4(ip: Bytes): boolean {
  if (ip.length !== 16 || ip[10] !== 0xff || ip[11] !== 0xff) return false;
  for (let index = 0; index < 10; index += 1) if (ip[index] !== 0) return false;
  return true;
}

/** RFC 5952: lower case, the longest run of two or more zero groups becomes `::`. */
function formatIpv6(ip: Bytes): string {
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push(((ip[index] as number) << 8) | (ip[index + 1] as number));
  }
  let start = -1;
  let length = 1;
  for (let index = 0; index < 8; index += 1) {
    let end = index;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - index > length) {
      start = index;
      length = end - index;
    }
    if (end > index) index = end;
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  if (start < 0) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/**
 * The bytes of an IP address text: 4 for IPv4, 16 for IPv6 (zones are refused, embedded IPv4 is
 * read); undefined if `text` is not an IP address.
 */
export function parseIp(text: string): Bytes | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Bytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const ip = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    ip[index] = Number(part);
  }
  return ip;
}

function parseIpv6(text: string): Bytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const ip = new Uint8Array(16);
  for (const [index, group] of groups.entries()) {
    ip[2 * index] = group >> 8;
    ip[2 * index + 1] = group & 0xff;
  }
  return ip;
}

/** The 16-bit groups of `text`; dotted IPv4 may stand at the end when `last`. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const ip = last && index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (ip === undefined) return undefined;
      groups.push(
        ((ip[0] as number) << 8) | (ip[1] as number),
        ((ip[2] as number) << 8) | (ip[3] as number),
      );
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
