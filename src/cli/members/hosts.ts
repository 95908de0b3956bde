import { formatIp } from "../../base/address.js";
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
 * names, that every machine gives another meaning, or that only differ in case from one before.
 */
export function membersHosts(members: readonly RpcMember[]): HostLines {
  const taken = new Set<string>();
  const warnings: string[] = [];
  const lines: string[] = [];
  for (const { name, addr } of members) {
    const fault = faultOf(name, taken);
    if (fault !== undefined) {
      warnings.push(`${JSON.stringify(escapeControls(name))} is left out: ${fault}`);
      continue;
    }
    taken.add(name.toLowerCase());
    lines.push(`${formatIp(addr)}\t${name}\n`);
  }
  return { text: lines.join(""), warnings };
}

function faultOf(name: string, taken: ReadonlySet<string>): string | undefined {
  const lower = name.toLowerCase();
  // Resolvers read 10.1 and 0x7f000001 as addresses.
  if (!hostName.test(name) || /(^|\.)(\d+|0x[\da-f]*)$/.test(lower)) return "it is no host name";
  if (reserved.test(lower)) return "the name has a meaning of its own";
  return taken.has(lower) ? "the name is taken, but for its case" : undefined;
}
