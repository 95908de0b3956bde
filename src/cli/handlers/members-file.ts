import { readFileSync } from "node:fs";
import { parseIp } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import { parseFirstJson } from "../../base/json-value.js";
import { systemText } from "../../base/system-texts.js";
import type { Member } from "../../serf/events.js";

const statuses: ReadonlySet<unknown> = new Set<Member["status"]>([
  "alive",
  "leaving",
  "left",
  "failed",
]);

/** Scripts are not told of them. */
const versions = { min: 1, max: 5, current: 5 };

/** For those who have no file: two members as of web servers. */
export const sampleMembers: readonly Member[] = [
  made("web1", [192, 0, 2, 1], { role: "web", port: "8080" }),
  made("web2", [192, 0, 2, 2], { role: "web", port: "8080", zone: "b" }),
];

/**
 * The members of a JSON file: a list, or an object with the list in `members`, as `members -format json` and
 * state handlers have them. Each has a name and an address, `addr` (`IP:PORT` or `IP`) or `ip` with or without
 * `port`; tags and status may be left out. Throws {@link OperatorError}.
 */
export function readMembers(path: string): readonly Member[] {
  const value = parsed(path);
  const list = isObject(value) ? value.members : value;
  if (!Array.isArray(list)) throw new OperatorError(`${path}: expected a list of members`);
  return list.map((one, index) => readMember(one, `${path}: member ${index + 1}`));
}

/** A member as a test needs it. */
export function made(
  name: string,
  ip: readonly number[],
  tags: Readonly<Record<string, string>>,
): Member {
  return {
    name,
    address: { ip: Uint8Array.from(ip), port: 7946 },
    tags: new Map(Object.entries(tags)),
    status: "alive",
    protocol: versions,
    delegate: versions,
  };
}

const defaultPort = 7946;

function parsed(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new OperatorError(`${path}: ${systemText(code) ?? code}`, { cause: error });
  }
  try {
    return parseFirstJson(text);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`${path}: ${error.message}`, { cause: error });
  }
}

function readMember(value: unknown, where: string): Member {
  if (!isObject(value)) throw new OperatorError(`${where}: expected an object`);
  const { name, status = "alive", tags = {} } = value;
  if (typeof name !== "string" || name === "") throw new OperatorError(`${where}: has no name`);
  if (!statuses.has(status)) {
    throw new OperatorError(`${where}: status is none of alive, leaving, left and failed`);
  }
  if (!isObject(tags) || !Object.values(tags).every((one) => typeof one === "string")) {
    throw new OperatorError(`${where}: tags is no object of texts`);
  }
  return {
    name,
    address: addressOf(value, where),
    tags: new Map(Object.entries(tags as Record<string, string>)),
    status: status as Member["status"],
    protocol: versions,
    delegate: versions,
  };
}

function addressOf({ addr, ip, port }: Fields, where: string): Member["address"] {
  const text = typeof ip === "string" ? ip : typeof addr === "string" ? addr : "";
  const [, bracketed, plain, behind] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const bytes = parseIp(bracketed ?? plain ?? text);
  if (bytes === undefined) throw new OperatorError(`${where}: has no address (addr or ip)`);
  const number = Number(behind ?? port ?? defaultPort);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new OperatorError(`${where}: port is none`);
  }
  return { ip: bytes, port: number };
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
