import { OperatorError } from "./errors.js";
import type { Millis } from "./units.js";

/** Milliseconds per unit, as Go's time.ParseDuration names them; both micro signs are understood. */
const unitMillis: Readonly<Record<string, Millis>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads a length of time as Go writes it: `5s`, `1h30m`, `-1.5h`, `0`.
 *
 * Throws {@link OperatorError} in Go's words, which users of Serf know.
 */
export function parseDuration(text: string): Millis {
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  let rest = text.slice(sign.length);
  if (rest === "0") return 0;
  if (rest === "") throw new OperatorError(`time: invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  while (rest !== "") {
    const part = /^(\d+(?:\.\d*)?|\.\d+)([^\d.]*)/.exec(rest);
    if (part === null) throw new OperatorError(`time: invalid duration ${JSON.stringify(text)}`);
    const [whole, count, unit] = part as unknown as [string, string, string];
    if (unit === "") {
      throw new OperatorError(`time: missing unit in duration ${JSON.stringify(text)}`);
    }
    const millis = Object.hasOwn(unitMillis, unit) ? unitMillis[unit] : undefined;
    if (millis === undefined) {
      const [found, given] = [JSON.stringify(unit), JSON.stringify(text)];
      throw new OperatorError(`time: unknown unit ${found} in duration ${given}`);
    }
    total += Number(count) * millis;
    rest = rest.slice(whole.length);
  }
  return sign === "-" ? -total : total;
}

/** A length of time as Go prints it: `1h30m0s`, `5s`, `1.5s`, `200ms`; nothing below a microsecond. */
export function formatDuration(duration: Millis): string {
  if (duration < 0) return `-${formatDuration(-duration)}`;
  if (duration < 1) {
    const micros = Math.round(duration * 1_000);
    return micros === 0 ? "0s" : `${micros}µs`;
  }
  if (duration < 1_000) return `${trimmed(duration)}ms`;
  const minutes = Math.floor(duration / 60_000);
  const seconds = `${trimmed((duration - minutes * 60_000) / 1_000)}s`;
  if (minutes === 0) return seconds;
  if (minutes < 60) return `${minutes}m${seconds}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(3)));
}
