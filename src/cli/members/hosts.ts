import { formatIp } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import type { RpcMember } from "../../rpc/api.js";
import { escapeControls } from "../output.js";

/** Lines, and why some members have none. */
export interface HostLines {
  readonly text: string;
  readonly warnings: readonly string[];
}

/** Names that mean something on every machine. */
const reserved = /^(localhost|.*\.localhost|localhost\..*|broadcasthost|ip6-.*)$/;

/** What a host can be called, as resolvers read it, and underscores (RFC 1123, section 2.1). */
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;

/**
 * Lines for /etc/hosts. Members choose their names themselves, so those are left out that are no host
 * names, that every machine gives another meaning, or that only differ in case from one before; and those
 * with a dot that do not lie under `domain`, as any member could call itself `www.example.com`.
 */
export function membersHosts(members: readonly RpcMember[], domain?: string): HostLines {
  const taken = new Set<string>();
  const warnings: string[] = [];
  const lines: string[] = [];
  for (const { name, addr } of members) {
    const fault = faultOf(name, domain, taken);
    if (fault !== undefined) {
      warnings.push(`${JSON.stringify(escapeControls(name))} is left out: ${fault}`);
      continue;
    }
    taken.add(name.toLowerCase());
    lines.push(`${formatIp(addr)}\t${name}\n`);
  }
  return { text: lines.join(""), warnings };
}

/** `text` as the end of host names: `.example.internal` is `example.internal`. Throws {@link OperatorError}. */
export function domainSuffix(text: string): string {
  const suffix = text.toLowerCase().replace(/^\./, "").replace(/\.$/, "");
  if (hostName.test(suffix)) return suffix;
  throw new OperatorError(
    `-domain: ${JSON.stringify(text)} is no domain, such as example.internal`,
  );
}

function faultOf(
  name: string,
  domain: string | undefined,
  taken: ReadonlySet<string>,
): string | undefined {
  const lower = name.toLowerCase();
  // Resolvers read 10.1 and 0x7f000001 as addresses.
  if (!hostName.test(name) || /(^|\.)(\d+|0x[\da-f]*)$/.test(lower)) return "it is no host name";
  if (reserved.test(lower)) return "the name has a meaning of its own";
  if (lower.includes(".")) {
    if (domain === undefined) return "it has a dot; -domain says under which such names may lie";
    if (!lower.endsWith(`.${domain}`)) return `it does not lie under ${domain}`;
  }
  return taken.has(lower) ? "the name is taken, but for its case" : undefined;
}
