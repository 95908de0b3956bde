import { closeSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import type { ProxyKind } from "./config-keys.js";

/** What can tell kinds apart stands near the beginning. */
const lookBytes = 64 * 1024;

/** Which proxy a configuration file is for, by its name or else its content; undefined if neither tells. */
export function guessKind(file: string): ProxyKind | undefined {
  const name = basename(file).toLowerCase();
  if (name.includes("haproxy")) return "haproxy";
  if (name.includes("nginx")) return "nginx";
  return kindOfText(beginning(file));
}

/** Sections of HAProxy stand at the beginning of a line, blocks of nginx end it with a brace. */
export function kindOfText(text: string): ProxyKind | undefined {
  if (/^[ \t]*(global|defaults|(frontend|backend|listen)[ \t]+\S+)[^{\n]*$/m.test(text))
    return "haproxy";
  if (/^[ \t]*(events|http|stream|server|upstream[ \t]+\S+)\s*\{/m.test(text)) return "nginx";
  return undefined;
}

/** What the file begins with; nothing if it cannot be read, which is told where it matters. */
function beginning(path: string): string {
  const bytes = Buffer.alloc(lookBytes);
  try {
    const file = openSync(path, "r");
    try {
      return bytes.toString("utf8", 0, readSync(file, bytes, 0, lookBytes, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}
