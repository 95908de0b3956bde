import { formatHostPort } from "../../base/address.js";
import type { ServerLine } from "./server-lines.js";

/**
 * What `add server` refuses, in HAProxy 2.6 (measured); later versions take some of it. A server with
 * one of these can only come by the file.
 */
const refusedKeywords: ReadonlySet<string> = new Set([
  ...["cookie", "init-addr", "init-state", "log-proto", "max-reuse", "namespace", "no-check"],
  ...["non-stick", "redir", "resolve-net", "resolve-opts", "resolve-prefer", "resolvers", "track"],
]);

/**
 * Without these a server that was added gets a new connection for every request: 0 of its connections
 * are used again in 2.6 (loadbalancer.md 1.4, trap A).
 */
const pooling = [
  ["pool-purge-delay", "5s"],
  ["pool-max-conn", "-1"],
] as const;

/** What can stand in a file, in quotes, and not in a command. */
const unfit = /[^\x21-\x7e]|[;\\#"']|<</;

/** The option of a line that `add server` refuses; undefined if there is none. */
export function refusedOption(line: ServerLine, defaults: string): string | undefined {
  return wordsOf(line, defaults).find((word) => refusedKeywords.has(word) || unfit.test(word));
}

/**
 * The commands that add a server, in maintenance and with its checks at work. `defaults` are the words
 * of the `default-server` lines that it would have in the file: `add server` ignores those.
 *
 * Its id is given: HAProxy up to 2.8 places a server on the ring of a consistent hash before it has one
 * of its own (trap D). Its checks begin before it is made ready: the other way round its health begins
 * at -1 of 3 (measured).
 */
export function additionOf(name: string, line: ServerLine, defaults: string): readonly string[] {
  const words = wordsOf(line, defaults);
  const missing = pooling.filter(([keyword]) => !words.includes(keyword)).flat();
  const id = line.id === undefined ? [] : ["id", `${line.id}`];
  const weight = line.weight === undefined ? [] : ["weight", `${line.weight}`];
  const where = formatHostPort(line.ip, line.port);
  const commands = [["add server", name, where, ...id, ...words, ...weight, ...missing].join(" ")];
  if (words.includes("check")) commands.push(`enable health ${name}`);
  if (words.includes("agent-check")) commands.push(`enable agent ${name}`);
  return commands;
}

/** Of a weight in the defaults nothing must be left: the line's own comes after it, and counts. */
function wordsOf({ options }: ServerLine, defaults: string): readonly string[] {
  return `${defaults} ${options}`.split(/\s+/).filter((word) => word !== "");
}
