import type { Fields } from "../base/log.js";
import { type Level, levelNames } from "./log-levels.js";

/** One log record before it is text. */
export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: Level;
  /** The part that speaks: `agent`, `agent.ipc`, `serf`, `memberlist`. */
  readonly component: string;
  readonly fields: Fields;
  readonly message: string;
}

/**
 * The line that Serf's users know, without indentation and newline:
 * `YYYY/MM/DD HH:MM:SS [LEVEL] component: text`, local time, then the fields as ` key=value`.
 *
 * A record is one line whatever a peer put into a name: control characters are escaped.
 */
export function formatLine(record: LogRecord): string {
  return `${formatTime(record.time)} [${levelNames[record.level]}] ${formatText(record)}`;
}

/** The line without time and level, for those who have their own. */
export function formatText({ component, fields, message }: LogRecord): string {
  let line = `${component}: ${escapeControls(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${key}=${formatValue(value)}`;
  }
  return line;
}

let lastSecond = -1;
let lastText = "";

/** Lines come in bursts, and a second has one text. */
function formatTime(time: number): string {
  const second = Math.floor(time / 1_000);
  if (second !== lastSecond) {
    const date = new Date(time);
    const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("/");
    const clock = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join(":");
    lastText = `${day} ${clock}`;
    lastSecond = second;
  }
  return lastText;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return quoteIfNeeded(value.message);
  if (typeof value === "string") return quoteIfNeeded(value);
  if (typeof value === "object") return escapeControls(JSON.stringify(value));
  return String(value);
}

function quoteIfNeeded(text: string): string {
  return /^[\w./:@+-]+$/.test(text) ? text : escapeControls(JSON.stringify(text));
}

/** Also those that have the rest of a line shown backwards. */
const controls =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escapeControls(text: string): string {
  return text.replace(controls, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
