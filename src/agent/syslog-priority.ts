import { OperatorError } from "../base/errors.js";
import type { Level } from "./log-levels.js";

/** The facilities of RFC 3164 that Serf's `syslog_facility` knows; their places are their codes. */
const facilityNames: readonly (string | undefined)[] = [
  ...["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"],
  ...["authpriv", "ftp", undefined, undefined, undefined, undefined],
  ...Array.from({ length: 8 }, (_, index) => `local${index}`),
];

/** The severities of RFC 3164; their places are their codes. */
const severityNames = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/** Serf's levels come as one below what they say (compat.md section 16). */
const severities: Readonly<Record<Level, number>> = {
  trace: 7,
  debug: 6,
  info: 5,
  warn: 4,
  error: 3,
};

/** The number of a facility that an operator wrote, in any case. Throws {@link OperatorError}. */
export function facilityCode(name: string): number {
  const code = facilityNames.indexOf(name.toLowerCase());
  if (code < 0) throw new OperatorError(`invalid syslog facility: ${name}`);
  return code;
}

/** Facility and severity in one number, as syslog writes them. */
export function priorityOf(facility: number, level: Level): number {
  return 8 * facility + severities[level];
}

/** A priority as command lines name it: `local0.notice`. */
export function priorityName(priority: number): string {
  return `${facilityNames[priority >> 3]}.${severityNames[priority & 7]}`;
}
