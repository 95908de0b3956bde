import { createHash } from "node:crypto";
import { formatHostPort, formatIp, parseIp } from "../../base/address.js";
import { assert } from "../../base/assert.js";
import type { Server } from "../model.js";
import { readNodeName, readPort, readWeight } from "../values.js";

/** A `server` line that gossipd wrote, or may have written. */
export interface ServerLine {
  readonly name: string;
  /** In its canonical form, without brackets. */
  readonly ip: string;
  readonly port: number;
  /** For consistent hashing; undefined: by its place in the file. */
  readonly id: number | undefined;
  /** undefined: none on the line. */
  readonly weight: number | undefined;
  /** As the pool's configuration has them. */
  readonly options: string;
  /** A cold start gives it no request. */
  readonly disabled: boolean;
  /** Whose it is, from the comment at the end; undefined for a free slot. */
  readonly node: string | undefined;
}

/**
 * Where a free slot points: nothing listens there without the right to low ports. It is in maintenance
 * anyway.
 */
export const placeholder = { ip: "127.0.0.1", port: 1 } as const;

/** Longer lines are none of ours; bounds what a file can make us look at. */
const longestLine = 4_096;

export function renderServerLine(line: ServerLine): string {
  assert(/^[A-Za-z0-9._:-]+$/.test(line.name), `not a name of a server: ${line.name}`);
  assert(!/[\r\n#]/.test(line.options), `not the options of one server: ${line.options}`);
  const words = ["server", line.name, formatHostPort(line.ip, line.port)];
  if (line.id !== undefined) words.push(`id ${line.id}`);
  if (line.weight !== undefined) words.push(`weight ${line.weight}`);
  if (line.options !== "") words.push(line.options);
  if (line.disabled) words.push("disabled");
  if (line.node !== undefined) words.push(`# ${line.node}`);
  return words.join(" ");
}

/**
 * Reads a `server` line, or undefined if it is none, or has no address that members can have. Whatever
 * people did to the line is read as HAProxy would, as far as it concerns us.
 */
export function parseServerLine(text: string): ServerLine | undefined {
  if (text.length > longestLine) return undefined;
  const { code, comment } = splitComment(text);
  const [keyword, name, where, ...rest] = code.trim().split(/\s+/);
  if (keyword !== "server" || name === undefined || where === undefined) return undefined;
  const address = parseWhere(where);
  if (address === undefined) return undefined;
  const options: string[] = [];
  let id: number | undefined;
  let weight: number | undefined;
  let disabled = false;
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index] as string;
    const value = rest[index + 1] ?? "";
    if (word === "disabled") disabled = true;
    else if (word === "enabled") disabled = false;
    else if (word === "weight" && weight === undefined && readWeight(value).fault === undefined) {
      weight = Number(value);
      index += 1;
    } else if (word === "id" && id === undefined && /^[1-9]\d{0,9}$/.test(value)) {
      id = Number(value);
      index += 1;
    } else options.push(word);
  }
  const node = comment.trim().split(/\s+/)[0] ?? "";
  return {
    name,
    ...address,
    id,
    weight,
    options: options.join(" "),
    disabled,
    node: readNodeName(node).fault === undefined ? node : undefined,
  };
}

/** All of the lines that are `server` lines; of several with one name the first. */
export function parseServerLines(lines: readonly string[]): readonly ServerLine[] {
  const found = new Map<string, ServerLine>();
  for (const line of lines) {
    const server = parseServerLine(line);
    if (server !== undefined && !found.has(server.name)) found.set(server.name, server);
  }
  return [...found.values()];
}

/** A line without all that the runtime socket changes as well: lines of one shape need no reload. */
export function shapeOfSlot(line: ServerLine): string {
  return `server ${line.name} ${line.options}`.trimEnd();
}

/** The address in the one form in which texts can be compared; undefined if it is none. */
export function canonicalIp(text: string): string | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const ip = parseIp(bare);
  return ip === undefined ? undefined : formatIp(ip);
}

/** Node, address and port as one text: what a server is. */
export function identityOf(server: {
  readonly node: string | undefined;
  readonly ip: string;
  readonly port: number;
}): string {
  return `${server.node ?? ""} ${server.ip} ${server.port}`;
}

/** The line that a member has in a slot, or under a name of its own. */
export function lineOf(
  server: Server,
  place: { readonly name: string; readonly id: number | undefined; readonly options: string },
): ServerLine {
  const { ip, port, weight, node, admission } = server;
  return { ...place, ip, port, weight, disabled: admission !== "ready", node };
}

/**
 * Lines with names that say whose they are, for pools without slots: the node's name and a few hex
 * digits that stand for all that makes the server, so that another address is another server. With
 * ids if they are asked for: from a hash of the node's name, so that every balancer builds the same
 * ring (loadbalancer.md 3.3). `taken` are names and ids that servers in service have, by identity.
 * With a `salt` servers have other names: those that cannot be changed have to be replaced.
 */
export function namedLines(
  servers: readonly Server[],
  options: string,
  withIds: boolean,
  taken: readonly ServerLine[] = [],
  salt = "",
): readonly ServerLine[] {
  const names = new Set<string>();
  const ids = new Set(taken.flatMap(({ id }) => id ?? []));
  const given = new Set<number>();
  const before = new Map(taken.map((line) => [identityOf(line), line]));
  return servers.map((server) => {
    const name = freeName(server, salt, names);
    names.add(name);
    let id: number | undefined;
    if (withIds) {
      id = before.get(identityOf(server))?.id;
      if (id === undefined || given.has(id)) id = freeId(server.node, ids);
      ids.add(id);
      given.add(id);
    }
    return lineOf(server, { name, id, options });
  });
}

/** What `namedLines` makes of a server: `web1-3fa2`. */
export const namePattern = /^[A-Za-z0-9._:-]+-[0-9a-f]{4,}$/;

function freeName(server: Server, salt: string, names: ReadonlySet<string>): string {
  const digits = createHash("sha256")
    .update(identityOf(server) + salt)
    .digest("hex");
  const plain = server.node.replace(/[^A-Za-z0-9._:-]/g, "_");
  for (let length = 4; ; length += 4) {
    const name = `${plain}-${digits.slice(0, length)}`;
    if (!names.has(name) || length >= digits.length) return name;
  }
}

/** Positive and within 31 bits, as HAProxy wants it. */
function freeId(node: string, ids: ReadonlySet<number>): number {
  const hash = createHash("sha256").update(node).digest().readUInt32BE(0) & 0x7fff_ffff;
  let id = Math.max(1, hash);
  while (ids.has(id)) id = id >= 0x7fff_ffff ? 1 : id + 1;
  return id;
}

function parseWhere(where: string): { ip: string; port: number } | undefined {
  const end = where.lastIndexOf(":");
  if (end < 0) return undefined;
  const host = where.slice(0, end).replace(/^ipv[46]@/, "");
  const ip = canonicalIp(host);
  const port = readPort(where.slice(end + 1));
  return ip === undefined || port.fault !== undefined ? undefined : { ip, port: port.value };
}

/** A `#` begins a comment unless it is quoted or escaped, even in the middle of a word. */
function splitComment(text: string): { readonly code: string; readonly comment: string } {
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index] as string;
    if (sign === "\\" && quote !== "'") index += 1;
    else if (quote !== "") {
      if (sign === quote) quote = "";
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === "#") return { code: text.slice(0, index), comment: text.slice(index + 1) };
  }
  return { code: text, comment: "" };
}
