import type { RpcEvent, RpcMember } from "../rpc/api.js";
import { quote } from "./go-quote.js";

type Field = readonly [name: string, value: GoValue];
type GoValue = string | number | boolean | Uint8Array | readonly RpcMember[];

/** An event as Serf's monitor prints it: one field per line, the values in Go's syntax. */
export function eventInfo(event: RpcEvent): string {
  const lines = fieldsOf(event).map(([name, value]) => `\t${name}: ${topLevel(value)}\n`);
  return `Event Info:\n${lines.join("")}`;
}

/** Sorted by name; Serf's order is random. */
function fieldsOf(event: RpcEvent): readonly Field[] {
  if (event.kind === "member") {
    return [
      ["Event", event.event],
      ["Members", event.members],
    ];
  }
  const common: readonly Field[] = [
    ["LTime", event.ltime],
    ["Name", event.name],
    ["Payload", event.payload],
  ];
  if (event.kind === "query") return [["Event", "query"], ["ID", event.id], ...common];
  return [["Coalesce", event.coalesce], ["Event", "user"], ...common];
}

function topLevel(value: GoValue): string {
  if (!(value instanceof Uint8Array)) return literal(value);
  return value.length === 0 ? "<nil>" : `[]byte{${goBytes(value)}}`;
}

function literal(value: GoValue): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return integer(value);
  if (typeof value === "boolean") return String(value);
  if (value instanceof Uint8Array) return `[]uint8{${goBytes(value)}}`;
  return `[]interface {}{${value.map(memberLiteral).join(", ")}}`;
}

function memberLiteral(member: RpcMember): string {
  const tags = [...member.tags].sort().map(([key, value]) => `${quote(key)}:${quote(value)}`);
  const fields: readonly Field[] = [
    ["Addr", member.addr],
    ["DelegateCur", member.delegateCur],
    ["DelegateMax", member.delegateMax],
    ["DelegateMin", member.delegateMin],
    ["Name", member.name],
    ["Port", member.port],
    ["ProtocolCur", member.protocolCur],
    ["ProtocolMax", member.protocolMax],
    ["ProtocolMin", member.protocolMin],
    ["Status", member.status],
  ];
  const texts = fields.map(([name, value]) => `"${name}":${literal(value)}`);
  const map = "map[interface {}]interface {}";
  return `${map}{${texts.join(", ")}, "Tags":${map}{${tags.join(", ")}}}`;
}

/** Integers beyond one byte's positive half come as unsigned ones, which Go prints in hex here. */
function integer(value: number): string {
  return value <= 127 ? String(value) : `0x${value.toString(16)}`;
}

function goBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `0x${byte.toString(16)}`).join(", ");
}
