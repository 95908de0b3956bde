import type { Fields, Log } from "../../src/base/log.js";

export interface LogLine {
  readonly level: keyof Log;
  readonly message: string;
  readonly fields: Fields;
}

/** A log that keeps everything, for tests to look at. */
export class RecordedLog implements Log {
  readonly lines: LogLine[] = [];

  trace(fields: Fields, message: string): void {
    this.lines.push({ level: "trace", message, fields });
  }

  debug(fields: Fields, message: string): void {
    this.lines.push({ level: "debug", message, fields });
  }

  info(fields: Fields, message: string): void {
    this.lines.push({ level: "info", message, fields });
  }

  warn(fields: Fields, message: string): void {
    this.lines.push({ level: "warn", message, fields });
  }

  error(fields: Fields, message: string): void {
    this.lines.push({ level: "error", message, fields });
  }

  /** The messages of one level, in order. */
  at(level: keyof Log): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }
}
