import { createHash } from "node:crypto";
import { formatHostPort } from "../../base/address.js";
import type { PoolConfig } from "../config.js";
import type { Pool, ServedServer, Server } from "../model.js";
import { readIp, readNodeName, readPort, readWeight } from "../values.js";

/** An upstream without a server is an error in the whole file (loadbalancer.md 1.8). */
const placeholderLine = "server 127.0.0.1:1 down;";

/** nginx has no checks of its own: a server that does not answer is left alone for a moment. */
const defaultOptions = "max_fails=1 fail_timeout=2s";

/**
 * Whether the server has a line: nginx knows no drain, but a worker that a reload left behind finishes
 * what it began with servers that have none any more, and weight 0 is an error. They do not stay as
 * `down`, as each change of a line is a reload, and a member that drains is about to leave.
 */
function isListed(server: Server): boolean {
  return server.admission === "ready" && server.weight > 0;
}

/** The lines of a pool's `upstream` block, without indentation. */
export function poolLines(pool: Pool, options: string): readonly string[] {
  const lines = pool.servers
    .filter(isListed)
    .map((server) => serverLine(server, options === "" ? defaultOptions : options));
  return lines.length === 0 ? [placeholderLine] : lines;
}

function serverLine({ ip, port, weight, node }: Server, options: string): string {
  const weightWord = weight === 1 ? "" : ` weight=${weight}`;
  return `server ${formatHostPort(ip, port)}${weightWord} ${options}; # ${node}`;
}

/** The lines of each pool, by its name. */
export function linesByPool(
  pools: readonly Pool[],
  configs: readonly PoolConfig[],
): ReadonlyMap<string, readonly string[]> {
  const options = new Map(configs.map(({ name, serverOptions }) => [name, serverOptions]));
  return new Map(pools.map((pool) => [pool.name, poolLines(pool, options.get(pool.name) ?? "")]));
}

/** 12 hex digits that change when a line does: what the generation location answers. */
export function generationOf(lines: ReadonlyMap<string, readonly string[]>): string {
  const text = JSON.stringify([...lines].sort(([one], [other]) => (one < other ? -1 : 1)));
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** What of a server line concerns us; undefined if it is none, or down, or has no address of a member. */
function parseLine(
  text: string,
): Pick<ServedServer, "ip" | "port" | "weight" | "node"> | undefined {
  const [, host = "", port = "", rest = "", comment = ""] =
    /^\s*server\s+(\[[0-9a-fA-F:.]+\]|[0-9.]+):(\d{1,5})(\s[^;#]*)?;\s*(?:#\s*(\S+)\s*)?$/.exec(
      text,
    ) ?? [];
  const ip = readIp(host.replace(/^\[|\]$/g, ""));
  const number = readPort(port);
  const words = rest.trim().split(/\s+/);
  const weight = readWeight(
    words.find((word) => word.startsWith("weight="))?.slice("weight=".length) ?? "1",
  );
  if (ip.fault !== undefined || number.fault !== undefined || weight.fault !== undefined) {
    return undefined;
  }
  if (words.includes("down")) return undefined;
  const node = readNodeName(comment).fault === undefined ? comment : undefined;
  return { ip: ip.value, port: number.value, weight: weight.value, node };
}

/** The servers of a pool's lines as nginx serves them: without a name of their own, they have their address. */
export function parseLines(pool: string, lines: readonly string[]): readonly ServedServer[] {
  return lines.flatMap((line) => {
    const server = parseLine(line);
    if (server === undefined) return [];
    const name = formatHostPort(server.ip, server.port);
    return [{ pool, name, ...server, state: "ready" as const, up: true, inUse: 0 }];
  });
}
