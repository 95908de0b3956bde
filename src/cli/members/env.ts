import { formatAddress, formatIp } from "../../base/address.js";
import type { RpcMember } from "../../rpc/api.js";
import { escapeControls, sortedPairs } from "../output.js";
import type { HostLines } from "./hosts.js";

/**
 * Assignments for a POSIX shell, to be read with `eval`: how many members there are, all their addresses,
 * and of each its name, address and tags, numbered from 1. Every value stands between single quotes, where
 * nothing has a meaning. Tags whose variables are spelt alike are left out but for the first.
 */
export function membersEnv(members: readonly RpcMember[]): HostLines {
  const warnings: string[] = [];
  const addresses = members.map(({ addr, port }) => formatAddress({ ip: addr, port }));
  const lines = [
    assignment("GOSSIPD_MEMBERS", String(members.length)),
    assignment("GOSSIPD_ADDRESSES", addresses.join(" ")),
  ];
  for (const [index, { name, addr, port, status, tags }] of members.entries()) {
    const prefix = `GOSSIPD_MEMBER_${index + 1}_`;
    const values = new Map([
      ["NAME", name],
      ["IP", formatIp(addr)],
      ["PORT", String(port)],
      ["STATUS", status],
    ]);
    for (const [key, value] of sortedPairs(tags)) {
      const variable = `TAG_${key.toUpperCase().replace(/[^A-Z0-9_]/g, "_")}`;
      if (values.has(variable)) {
        const tag = JSON.stringify(escapeControls(key));
        warnings.push(
          `tag ${tag} of ${escapeControls(name)} is left out: ${prefix}${variable} is of another`,
        );
      } else values.set(variable, value);
    }
    for (const [variable, value] of values) lines.push(assignment(prefix + variable, value));
  }
  return { text: lines.join(""), warnings };
}

function assignment(variable: string, value: string): string {
  return `${variable}=${shellQuoted(value)}\n`;
}

/** One word for a POSIX shell, whatever is in it; NUL, which no shell can hold, becomes U+FFFD. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("\0", "\ufffd").replaceAll("'", "'\\''")}'`;
}
