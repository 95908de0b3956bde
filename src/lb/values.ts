import { formatIp, isMappedIpv4, parseIp } from "../base/address.js";

/** A value that may stand where it is meant to stand, or one line that says why it may not. */
export type Checked<T> =
  | { readonly fault: undefined; readonly value: T }
  | { readonly fault: string };

/**
 * What a name may consist of in a comment, in a command on HAProxy's socket and in a path: there `;`,
 * a line's end and `\` would begin something else, `/` names a server in a backend. Serf's own names
 * are of these characters as well (compat.md, validate_node_names), and no longer.
 */
const nodeNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$/;

/**
 * What a program writes for a value that it does not have. No member may say so himself, or a template
 * that is none the worse for him would look broken (see template-output.ts).
 */
export const nothing = /\bundefined\b|\[object \w+\]|\bNaN\b/;

/** The name of a member. */
export function readNodeName(text: string): Checked<string> {
  if (nodeNamePattern.test(text)) {
    if (nothing.test(text)) return { fault: `the name ${quoted(text)} stands for no value` };
    return { fault: undefined, value: text };
  }
  return {
    fault: `the name ${quoted(text)} must be 1 to 128 letters, digits, ".", "_", ":" or "-"`,
  };
}

/** An address that a connection can be made to, in its one canonical form and without brackets. */
export function readIp(text: string): Checked<string> {
  const ip = text.length > 64 ? undefined : parseIp(text);
  if (ip === undefined) return { fault: `${quoted(text)} is not an IP address` };
  const value = formatIp(ip);
  // To connect to no address is to connect to oneself, or, in HAProxy, to where the client wanted to go.
  const bytes = isMappedIpv4(ip) ? ip.subarray(12) : ip;
  const [first = 0] = bytes;
  const multicast = bytes.length === 4 ? first >= 224 : first === 0xff;
  if (multicast || bytes.every((byte) => byte === 0)) {
    return { fault: `${value} is not the address of one host` };
  }
  return { fault: undefined, value };
}

/** A port, 1 to 65535, in decimal digits. */
export function readPort(text: string): Checked<number> {
  return readNumber(text, "port", 1, 65_535);
}

/** A weight, 0 to 256, in decimal digits. */
export function readWeight(text: string): Checked<number> {
  return readNumber(text, "weight", 0, 256);
}

function readNumber(text: string, what: string, least: number, most: number): Checked<number> {
  const value = /^(0|[1-9]\d{0,5})$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return { fault: undefined, value };
  return { fault: `the ${what} ${quoted(text)} must be a number from ${least} to ${most}` };
}

/** What ends or begins something in the file of a proxy or in a template, and what is not printed. */
const unfit = /[\p{C}\p{Z}"'`#;\\{}$]/u;

/** Bytes of a tag's value that a template may print. */
const maxTagLength = 256;

/** The value of a tag for a template: one printable word, so that it can add nothing to a line. */
export function readTag(text: string): Checked<string> {
  if (text.length > maxTagLength) {
    return { fault: `the value ${quoted(text)} is longer than ${maxTagLength} characters` };
  }
  if (nothing.test(text)) return { fault: `the value ${quoted(text)} stands for no value` };
  const [found] = unfit.exec(text) ?? [];
  if (found === undefined) return { fault: undefined, value: text };
  return { fault: `the value ${quoted(text)} must not contain ${quoted(found)}` };
}

/** Names of tags as a template can write them. */
const tagNamePattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

/** Those tags that a template may print; what others say never reaches a file. */
export function templateTags(tags: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    [...tags].filter(
      ([name, value]) => tagNamePattern.test(name) && readTag(value).fault === undefined,
    ),
  );
}

/** One printable line of at most `limit` characters, whatever `text` is: for logs and errors. */
export function oneLine(text: string, limit = 200): string {
  // Looking at all of what somebody sent would take as long as it is.
  const start = text.slice(0, 4 * limit).trim();
  const line = start.replace(/[\r\n\t ]+/g, " ").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
  const cut = [...line].slice(0, limit).join("");
  return cut.length < line.length || text.length > 4 * limit ? `${cut}...` : cut;
}

/** Somebody else's word in a sentence of ours. */
export function quoted(text: string): string {
  return JSON.stringify(oneLine(text, 40));
}
