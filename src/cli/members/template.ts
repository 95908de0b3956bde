import { readFileSync } from "node:fs";
import type { LiquidError, Template } from "liquidjs";
import { formatAddress, formatIp } from "../../base/address.js";
import { OperatorError, reasonOf } from "../../base/errors.js";
import { systemText } from "../../base/system-texts.js";
import type { RpcMember } from "../../rpc/api.js";
import { escapeControls, sortedPairs } from "../output.js";
import { shellQuoted } from "./env.js";

/** Bounds of one rendering: characters of the template, milliseconds, and pieces of output. */
const parseLimit = 1_000_000;
const renderLimit = 5_000;
const memoryLimit = 50_000_000;

/** Makes a text from members. Throws {@link OperatorError}. */
export type MemberTemplate = (members: readonly RpcMember[]) => string;

/**
 * A template of LiquidJS: `given` is its text, where `\n` and `\t` mean what they do in most languages, or
 * `@FILE`. It knows `members`, of each name, address (`ip:port`), ip, port, status and tags. What it prints
 * is escaped as in the text form, unless it went through `json`, `shell` (one word for a shell) or `raw`.
 * It reads no other files. Throws {@link OperatorError} if it is wrong.
 */
export async function memberTemplate(given: string | undefined): Promise<MemberTemplate> {
  if (given === undefined)
    throw new OperatorError("-format template needs -template TEXT or @FILE");
  const [name, text] = given.startsWith("@")
    ? [given.slice(1), readTemplate(given.slice(1))]
    : ["-template", given.replace(/\\n/g, "\n").replace(/\\t/g, "\t")];
  const { Liquid } = await import("liquidjs");
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    // Instead of those in the file system.
    templates: {},
    outputEscape: (value) => escapeControls(printed(value)),
    parseLimit,
    renderLimit,
    memoryLimit,
  });
  engine.registerFilter("json", {
    raw: true,
    handler: (value: unknown) =>
      JSON.stringify(value)?.replace(/[\u007f-\u009f\u2028\u2029]/g, hex),
  });
  engine.registerFilter("shell", {
    raw: true,
    handler: (value: unknown) => shellQuoted(printed(value)),
  });
  const attempt = <T>(run: () => T): T => {
    try {
      return run();
    } catch (thrown) {
      throw new OperatorError(`${name}, ${faultIn(thrown)}`, { cause: thrown });
    }
  };
  const parsed: Template[] = attempt(() => engine.parse(text));
  return (members) => {
    const rendered: unknown = attempt(() =>
      engine.renderSync(parsed, { members: members.map(modelOf) }),
    );
    const output = String(rendered);
    return output === "" || output.endsWith("\n") ? output : `${output}\n`;
  };
}

function modelOf({ name, addr, port, status, tags }: RpcMember): object {
  return {
    name,
    address: formatAddress({ ip: addr, port }),
    ip: formatIp(addr),
    port,
    status,
    tags: Object.fromEntries(sortedPairs(tags)),
  };
}

function printed(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : (JSON.stringify(value) ?? "");
}

function hex(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    const reason = systemText(String(code)) ?? reasonOf(thrown);
    throw new OperatorError(`-template=@${path}: cannot be read: ${reason}`, { cause: thrown });
  }
}

/** The line and what is wrong, without Liquid's excerpt of the lines around it. */
function faultIn(thrown: unknown): string {
  if (!(thrown instanceof Error) || !("token" in thrown)) return escapeControls(reasonOf(thrown));
  const { token, originalError, message } = thrown as LiquidError;
  const [line] = token.getPosition();
  const words = (originalError?.message ?? message).replace(/, (file:.*, )?line:.*$/s, "");
  return `line ${line}: ${escapeControls(words)}`;
}
