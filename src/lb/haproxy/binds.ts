import { createServer } from "node:net";
import { formatHostPort } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import type { Directive } from "./config-text.js";
import { canonicalIp } from "./server-lines.js";

/** One TCP address of a `bind` line. */
export interface BindAddress {
  /** An address or a name; `0.0.0.0` and `::` are all of the machine's. */
  readonly host: string;
  readonly port: number;
  readonly line: number;
  /** `::` without IPv4 beside it. */
  readonly ipv6Only: boolean;
}

/** Of one range; a line with more is tried no further. */
const mostOfRange = 256;

/** Addresses of other kinds, and lines whose options make an address mean something else elsewhere. */
const untried = /^(unix|abns|abnsz|fd|sockpair|udp[46]?|quic[46]|uxst|rhttp)@|^\//;
const elsewhere = ["transparent", "interface", "namespace"];

/** What HAProxy would listen on by this line, as far as we can try it. */
export function bindAddresses({ words, line }: Directive): readonly BindAddress[] {
  if (words.slice(2).some((word) => elsewhere.includes(word))) return [];
  const ipv6Only = !words.includes("v4v6");
  return (words[1] ?? "").split(",").flatMap((written) => {
    if (written === "" || untried.test(written)) return [];
    const isIpv6 = /^(ipv6|tcp6)@/.test(written);
    const text = written.replace(/^(ipv4|ipv6|tcp|tcp4|tcp6)@/, "");
    const end = text.lastIndexOf(":");
    const [first = Number.NaN, last = first] = text
      .slice(end + 1)
      .split("-")
      .map(Number);
    if (end < 0 || !(first >= 1 && last >= first && last <= 65_535)) return [];
    const host = hostOf(text.slice(0, end), isIpv6);
    const count = Math.min(last - first + 1, mostOfRange);
    return Array.from({ length: count }, (_, index) => ({
      host,
      port: first + index,
      line,
      ipv6Only,
    }));
  });
}

function hostOf(text: string, isIpv6: boolean): string {
  if (text === "" || text === "*") return isIpv6 ? "::" : "0.0.0.0";
  return canonicalIp(text) ?? text;
}

/** The line without its number: two of one form listen in the same way. */
export function formOf({ words }: Directive): string {
  return words.join(" ");
}

/** A line of that form, wherever it stood. */
export function parseForm(form: string): Directive {
  return { line: 0, words: form.split(" ") };
}

/** Those of `lines` that `others` do not have; of equal ones as many as there are more. */
export function notAmong(
  lines: readonly Directive[],
  others: readonly string[],
): readonly Directive[] {
  const left = [...others];
  return lines.filter((line) => {
    const index = left.indexOf(formOf(line));
    if (index < 0) return true;
    left.splice(index, 1);
    return false;
  });
}

/**
 * Listens for a moment on what is new, to see whether HAProxy could. Its checker does not try, and a
 * reload with an address that somebody else has costs 2 s in which every connection is refused
 * (loadbalancer.md 1.2). `own` are the lines by which HAProxy listens already. Throws OperatorError.
 */
export async function tryBinds(
  lines: readonly Directive[],
  own: readonly Directive[],
  file: string,
): Promise<void> {
  const held = own.flatMap(bindAddresses);
  for (const address of lines.flatMap(bindAddresses)) {
    if (held.some((other) => overlaps(address, other))) continue;
    const code = await faultOf(address);
    const what = faultTexts[code ?? ""];
    if (what === undefined) continue;
    throw new OperatorError(
      `${file}, line ${address.line}: cannot listen on ${formatHostPort(address.host, address.port)}: ${what}; it was not loaded, since all connections would be refused while HAProxy tries`,
    );
  }
}

/**
 * What would be HAProxy's fault as well. That we lack a right (to a port below 1024) says nothing: its
 * master may have it.
 */
const faultTexts: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has it",
  EADDRNOTAVAIL: "this machine has no such address",
  EAFNOSUPPORT: "this machine has no such kind of address",
  ENOTFOUND: "there is no such name",
  EINVAL: "it is no address to listen on",
};

/** HAProxy itself has it: a new process shares it with the old one. */
function overlaps(one: BindAddress, other: BindAddress): boolean {
  const isAny = (host: string): boolean => host === "0.0.0.0" || host === "::";
  return (
    one.port === other.port && (one.host === other.host || isAny(one.host) || isAny(other.host))
  );
}

function faultOf({ host, port, ipv6Only }: BindAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ host, port, ipv6Only, exclusive: true }, () => {
      server.close(() => resolve(undefined));
    });
  });
}
