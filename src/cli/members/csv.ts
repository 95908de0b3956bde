import { formatIp } from "../../base/address.js";
import type { RpcMember } from "../../rpc/api.js";
import { escapeControls, toObject } from "../output.js";

const columns = ["name", "ip", "port", "status", "protocol", "tags"] as const;

/**
 * A table for spreadsheets and programs (RFC 4180): one record on one line for each member, with a header;
 * the tags are one cell of JSON. Control characters in names are escaped as in the text form, and a name
 * that a spreadsheet would take for a formula has an apostrophe before it.
 */
export function membersCsv(members: readonly RpcMember[]): string {
  const rows = members.map(({ name, addr, port, status, delegateCur, tags }) => [
    harmless(escapeControls(name)),
    formatIp(addr),
    String(port),
    status,
    String(delegateCur),
    escapeControls(JSON.stringify(toObject(tags))),
  ]);
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(text: string): string {
  return /[",\r\n]|^ | $/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function harmless(text: string): string {
  return /^[=+@-]/.test(text) ? `'${text}` : text;
}
