import type { Bytes } from "../base/units.js";
import type { RpcMember, Stats } from "./api.js";
import { arrayHead, FramingError, Packed, packValues } from "./framing.js";
import type { Body, FieldKind, Fields, FieldValues } from "./protocol.js";

const memberFields = {
  Addr: "bytes",
  DelegateCur: "integer",
  DelegateMax: "integer",
  DelegateMin: "integer",
  Name: "text",
  Port: "integer",
  ProtocolCur: "integer",
  ProtocolMax: "integer",
  ProtocolMin: "integer",
  Status: "text",
  Tags: "pairs",
} as const satisfies Fields;

/** What msgpackr packs as the map that Serf would send for `body`. */
export function encodeBody<F extends Fields>(fields: F, body: Body<F>): object {
  const encoded: Record<string, unknown> = {};
  for (const name in fields) encoded[name] = encodeField(fields[name] as FieldKind, body[name]);
  return encoded;
}

/** Each as it was packed when it was first asked for: members are asked for more often than they change. */
const packedMembers = new WeakMap<RpcMember, Uint8Array>();

/** The body of an answer that holds members. */
export function packMembers(members: readonly RpcMember[]): Packed {
  const parts = [membersHead, arrayHead(members.length)];
  for (const member of members) {
    let packed = packedMembers.get(member);
    if (packed === undefined) {
      packed = packValues(encodeMember(member));
      packedMembers.set(member, packed);
    }
    parts.push(packed);
  }
  return new Packed(Buffer.concat(parts));
}

/** A map with one key. */
const membersHead: Uint8Array = Buffer.concat([Buffer.of(0x81), packValues("Members")]);

/**
 * Reads `value` as Serf reads a map into a struct: unknown keys are skipped, missing ones and nil
 * give zero values, and every width of integer will do. Throws FramingError on another type.
 */
export function decodeBody<F extends Fields>(fields: F, value: unknown): Body<F> {
  const map = value ?? new Map<unknown, unknown>();
  if (!(map instanceof Map)) throw new FramingError("expected a map");
  const body: Record<string, unknown> = {};
  for (const name in fields)
    body[name] = decodeField(name, fields[name] as FieldKind, map.get(name));
  return body as Body<F>;
}

/** The body with zero values, which follows an error. */
export function zeroBody<F extends Fields>(fields: F): Body<F> {
  return decodeBody(fields, undefined);
}

export function encodeSections(stats: Stats): object {
  const sections = sorted(stats).map(([name, pairs]) => [wellFormed(name), encodePairs(pairs)]);
  return new Map(sections as [string, object][]);
}

export function decodeSections(value: unknown): Stats {
  if (!(value instanceof Map)) throw new FramingError("expected a map of sections");
  const stats = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, pairs] of value)
    stats.set(decodeText("section", name), decodePairs("section", pairs));
  return stats;
}

function encodeField(kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case "text":
      return wellFormed(value as FieldValues["text"]);
    case "bytes":
      return (value as Bytes).length === 0 ? null : value;
    case "integer":
    case "sequence":
      return encodeInteger(value as number | bigint);
    case "texts":
      return nilIfEmpty((value as readonly string[]).map(wellFormed));
    case "pairs":
      return encodePairs(value as ReadonlyMap<string, string>);
    case "members":
      // Never nil, as in Serf: clients in other languages go through the list unasked.
      return (value as readonly RpcMember[]).map(encodeMember);
    case "counts":
      return new Map(
        sorted(value as FieldValues["counts"]).map(([key, count]) => [
          wellFormed(key),
          encodeInteger(count),
        ]),
      );
    case "flag":
      return value;
    case "nil":
      return null;
  }
}

function decodeField(name: string, kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case "text":
      return decodeText(name, value ?? "");
    case "bytes":
      return decodeBytes(name, value);
    case "integer":
      return Number(decodeInteger(name, value ?? 0));
    case "sequence":
      return decodeInteger(name, value ?? 0);
    case "texts":
      return decodeArray(name, value).map((item) => decodeText(name, item ?? ""));
    case "pairs":
      return decodePairs(name, value);
    case "members":
      return decodeArray(name, value).map(decodeMember);
    case "counts":
      return decodeMap(name, value, (count) => Number(decodeInteger(name, count)));
    case "flag":
      return decodeFlag(name, value ?? false);
    case "nil":
      return undefined;
  }
}

function encodeMember(member: RpcMember): object {
  return encodeBody(memberFields, {
    Addr: member.addr,
    DelegateCur: member.delegateCur,
    DelegateMax: member.delegateMax,
    DelegateMin: member.delegateMin,
    Name: member.name,
    Port: member.port,
    ProtocolCur: member.protocolCur,
    ProtocolMax: member.protocolMax,
    ProtocolMin: member.protocolMin,
    Status: member.status,
    Tags: member.tags,
  });
}

function decodeMember(value: unknown): RpcMember {
  const body = decodeBody(memberFields, value);
  return {
    name: body.Name,
    addr: body.Addr,
    port: body.Port,
    tags: body.Tags,
    status: body.Status,
    protocolMin: body.ProtocolMin,
    protocolMax: body.ProtocolMax,
    protocolCur: body.ProtocolCur,
    delegateMin: body.DelegateMin,
    delegateMax: body.DelegateMax,
    delegateCur: body.DelegateCur,
  };
}

/** msgpackr writes a number that needs 8 bytes as a float, which Serf refuses for an integer. */
function encodeInteger(value: number | bigint): number | bigint {
  if (typeof value === "bigint" || (value < 2 ** 32 && value >= -(2 ** 31))) return value;
  return BigInt(value);
}

function decodeInteger(name: string, value: unknown): number | bigint {
  if (typeof value === "bigint") {
    const rounded = Number(value);
    return Number.isSafeInteger(rounded) ? rounded : value;
  }
  if (Number.isInteger(value)) return value as number;
  throw new FramingError(`${name}: expected an integer`);
}

/** A string, or bytes that spell one: old clients know no difference. */
function decodeText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  throw new FramingError(`${name}: expected a string`);
}

/** Bytes, or the UTF-8 bytes of a string, or an array of small integers. */
function decodeBytes(name: string, value: unknown): Bytes {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return Buffer.from(value);
  if (!Array.isArray(value)) throw new FramingError(`${name}: expected bytes`);
  return Uint8Array.from(value, (item: unknown) => {
    if (Number.isInteger(item) && (item as number) >= 0 && (item as number) <= 255)
      return item as number;
    throw new FramingError(`${name}: expected bytes`);
  });
}

function decodeFlag(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  throw new FramingError(`${name}: expected a boolean`);
}

function decodeArray(name: string, value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new FramingError(`${name}: expected a list`);
}

function encodePairs(pairs: ReadonlyMap<string, string>): object {
  return new Map(sorted(pairs).map(([key, value]) => [wellFormed(key), wellFormed(value)]));
}

function decodePairs(name: string, value: unknown): ReadonlyMap<string, string> {
  return decodeMap(name, value, (text) => decodeText(name, text ?? ""));
}

function decodeMap<V>(
  name: string,
  value: unknown,
  decode: (item: unknown) => V,
): ReadonlyMap<string, V> {
  const map = new Map<string, V>();
  if (value === undefined || value === null) return map;
  if (!(value instanceof Map)) throw new FramingError(`${name}: expected a map`);
  for (const [key, item] of value) map.set(decodeText(name, key), decode(item));
  return map;
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}

function nilIfEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

/** Bytes of a name that were not UTF-8 become U+FFFD; other clients could not read them. */
function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? Buffer.from(text).toString() : text;
}
