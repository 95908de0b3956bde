import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";

export type Level = keyof Log;

/** How a level is written in log lines, least important first. */
export const levelNames: Readonly<Record<Level, string>> = {
  trace: "TRACE",
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERR",
};

const severities: Readonly<Record<Level, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
};

/** The higher, the more important. */
export function severityOf(level: Level): number {
  return severities[level];
}

const byName = new Map(Object.entries(levelNames).map(([level, name]) => [name, level as Level]));

/** The level that `text` names in any case, as users write it; undefined if there is none. */
export function findLevel(text: string): Level | undefined {
  return byName.get(text.toUpperCase());
}

/** The level of `-log-level`. Throws {@link OperatorError}. */
export function parseLevel(text: string): Level {
  const level = findLevel(text);
  if (level !== undefined) return level;
  const valid = Object.values(levelNames).join(" ");
  throw new OperatorError(
    `Invalid log level: ${text.toUpperCase()}. Valid log levels are: [${valid}]`,
  );
}

/** That of two level names which shows more. Throws {@link OperatorError} if one is no level. */
export function moreVerbose(one: string, other: string): string {
  return severityOf(parseLevel(one)) <= severityOf(parseLevel(other)) ? one : other;
}
