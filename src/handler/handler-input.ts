import { formatAddress, formatIp } from "../base/address.js";
import type { Bytes } from "../base/units.js";
import type { Member, SerfEvent } from "../serf/events.js";
import { encodeText } from "../wire/text.js";
import { secretVariables } from "./secret-variables.js";

/** What a state handler is run for: no event, but all members that match. */
export interface StateNews {
  readonly kind: "state";
  /** Sorted by name. */
  readonly members: readonly Member[];
  /** How they are told. */
  readonly json: boolean;
}

/** Environment variables; what is undefined is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How many bytes of SERF_MEMBER_PORTS there are at most: some 2,000 members. Linux takes 128 KiB for
 * one variable and gives a quarter of the stack limit, usually 2 MiB, to all.
 */
const memberPortsBytes = 64 * 1024;

/**
 * How much of the name of a user event or query a variable holds, in UTF-16 units, each of which
 * takes three bytes at most. Names that long break Serf's own limits, so that only a member that is
 * not Serf could send one.
 */
const nameLength = 32 * 1024;

/**
 * What a script finds in its environment: what the agent itself was given (see
 * {@link inheritedEnvironment}), and above it the variables of compat.md section 13.3.
 *
 * Ours alone is `SERF_MEMBER_PORTS`, set for member events and state handlers: a line `NAME<TAB>IP:PORT` for each
 * member on stdin, NAME being spelt as there, since the four columns have no room for the port. It
 * ends after 64 KiB; `SERF_MEMBER_PORTS_OMITTED` tells how many members found no room and is set only
 * then. Of tags whose variables are spelt alike the last in byte order wins. A NUL, which no variable
 * can hold, and a byte that is not UTF-8 become U+FFFD.
 */
export function handlerEnvironment(
  event: SerfEvent | StateNews,
  self: Member,
  inherited: Environment,
): Environment {
  const own: [string, string][] = sortedTags(self).map(([tag, value]) => [tagVariable(tag), value]);
  own.push(
    ["SERF_EVENT", event.kind],
    ["SERF_SELF_NAME", self.name],
    ["SERF_SELF_ROLE", self.tags.get("role") ?? ""],
  );
  switch (event.kind) {
    case "user":
      own.push(
        ["SERF_USER_EVENT", event.name.slice(0, nameLength)],
        ["SERF_USER_LTIME", String(event.ltime)],
      );
      break;
    case "query":
      own.push(
        ["SERF_QUERY_NAME", event.name.slice(0, nameLength)],
        ["SERF_QUERY_LTIME", String(event.ltime)],
      );
      break;
    default:
      own.push(...memberPorts(event));
  }
  const values = own.map(([name, value]) => [name, value.replaceAll("\0", "\ufffd")] as const);
  return { ...inherited, ...Object.fromEntries(values) };
}

/**
 * What the agent hands down to scripts: its own environment without the secrets that it was configured
 * with, and with `SERF_RPC_ADDR` naming its own RPC listener unless it was given one. `gossipd members` in a script asks this agent then, not another
 * on this machine that has the default address.
 */
export function inheritedEnvironment(own: Environment, rpcAddress: string): Environment {
  // The client commands take an empty variable as none, too.
  const harmless = Object.entries(own).filter(([name]) => !secretVariables.has(name));
  return { ...Object.fromEntries(harmless), SERF_RPC_ADDR: own.SERF_RPC_ADDR || rpcAddress };
}

/** What a script reads on stdin (compat.md section 13.4): the members, or the payload. */
export function handlerInput(event: SerfEvent | StateNews): Bytes {
  if (event.kind === "user" || event.kind === "query") return endedLine(event.payload);
  if (event.kind === "state" && event.json) return encodeText(membersAsJson(event.members));
  return encodeText(event.members.map(memberLine).join(""));
}

/** One line, for programs: as `members -format=json` has them, and the address without the port. */
function membersAsJson(members: readonly Member[]): string {
  const list = members.map((member) => ({
    name: member.name,
    ip: formatIp(member.address.ip),
    port: member.address.port,
    addr: formatAddress(member.address),
    status: member.status,
    tags: Object.fromEntries(sortedTags(member)),
  }));
  return `${JSON.stringify({ members: list })}\n`;
}

/** NAME, IP, ROLE and TAGS with tabs between them, byte for byte as Serf, but with sorted tags. */
function memberLine(member: Member): string {
  const role = member.tags.get("role") ?? "";
  const tags = sortedTags(member).map(([tag, value]) => `${tag}=${value}`);
  const columns = [cleaned(member.name), formatIp(member.address.ip), cleaned(role)];
  return `${[...columns, cleaned(tags.join(","))].join("\t")}\n`;
}

/** The only two characters that would break lines and columns; all others stay as they are. */
function cleaned(text: string): string {
  return text.replaceAll("\t", "\\t").replaceAll("\n", "\\n");
}

function endedLine(payload: Bytes): Bytes {
  if (payload.length === 0 || payload[payload.length - 1] === 0x0a) return payload;
  const line = new Uint8Array(payload.length + 1);
  line.set(payload);
  line[payload.length] = 0x0a;
  return line;
}

function memberPorts(event: { readonly members: readonly Member[] }): [string, string][] {
  const lines: string[] = [];
  let bytes = 0;
  for (const member of event.members) {
    const line = `${cleaned(member.name)}\t${formatAddress(member.address)}`;
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > memberPortsBytes) break;
    lines.push(line);
  }
  const ports: [string, string][] = [["SERF_MEMBER_PORTS", lines.join("\n")]];
  const omitted = event.members.length - lines.length;
  if (omitted > 0) ports.push(["SERF_MEMBER_PORTS_OMITTED", String(omitted)]);
  return ports;
}

function tagVariable(tag: string): string {
  return `SERF_TAG_${Array.from(tag, upperCase)
    .join("")
    .replace(/[^A-Z0-9_]/gu, "_")}`;
}

/** One character for one, as in Go: what has a longer upper-case form stays as it is. */
function upperCase(character: string): string {
  const upper = character.toUpperCase();
  return Array.from(upper).length === 1 ? upper : character;
}

function sortedTags(member: Member): [string, string][] {
  return [...member.tags].sort(([one], [other]) => (one < other ? -1 : 1));
}
