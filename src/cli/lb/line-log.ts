import type { Fields, Log } from "../../base/log.js";
import { escapeControls } from "../output.js";

export const logLevels = ["trace", "debug", "info", "warn", "err"] as const;

export type LogLevel = (typeof logLevels)[number];

/** The form of an agent's log: `2024/01/31 12:00:00 [INFO] lb: message key=value`, local time. */
export class LineLog implements Log {
  readonly #least: number;
  readonly #write: (line: string) => void;
  readonly #clock: () => Date;

  constructor(
    level: LogLevel,
    write: (line: string) => void,
    clock: () => Date = () => new Date(),
  ) {
    this.#least = logLevels.indexOf(level);
    this.#write = write;
    this.#clock = clock;
  }

  trace(fields: Fields, message: string): void {
    this.#tell("trace", fields, message);
  }

  debug(fields: Fields, message: string): void {
    this.#tell("debug", fields, message);
  }

  info(fields: Fields, message: string): void {
    this.#tell("info", fields, message);
  }

  warn(fields: Fields, message: string): void {
    this.#tell("warn", fields, message);
  }

  error(fields: Fields, message: string): void {
    this.#tell("err", fields, message);
  }

  #tell(level: LogLevel, fields: Fields, message: string): void {
    if (logLevels.indexOf(level) < this.#least) return;
    let line = `${timeOf(this.#clock())} [${level.toUpperCase()}] lb: ${message}`;
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) line += ` ${key}=${textOf(value)}`;
    }
    this.#write(`${escapeControls(line)}\n`);
  }
}

function timeOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("/");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
