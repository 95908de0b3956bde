import { parseDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import { parseBoolean, parseInteger } from "../base/go-values.js";
import { type Millis, nanosPerMilli } from "../base/units.js";
import type { Arguments, OptionSpec } from "./command.js";

/** The longest time that Go can tell: 63 bits of nanoseconds. */
const longestDuration: Millis = 2 ** 63 / nanosPerMilli;

/** A flag that is not there, or a value that it cannot take; in the words of Go's flag package. */
export class FlagError extends Error {
  override readonly name = "FlagError";
  /** The flag, if it is that which is unknown. */
  readonly unknown: string | undefined;

  constructor(message: string, unknown?: string) {
    super(message);
    this.unknown = unknown;
  }
}

/** The command line does not say what the command needs. The message may be empty. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Given {
  readonly flag: string;
  readonly value: string;
}

/**
 * Reads a command's arguments as Go's flag package does: `-f v`, `-f=v`, `--f v` and `--f=v` are
 * the same, a switch takes its value only after `=`, and flags end at `--` or at the first argument
 * that is none; with `mixed` only at `--`. Throws {@link FlagError}.
 */
export function parseArguments(
  options: readonly OptionSpec[],
  argv: readonly string[],
  mixed = false,
): Arguments {
  const given: Given[] = [];
  const positionals: string[] = [];
  let index = 0;
  while (index < argv.length) {
    const argument = argv[index] as string;
    const isFlag = argument.startsWith("-") && argument !== "-";
    if (!isFlag && !mixed) break;
    index += 1;
    if (!isFlag) {
      positionals.push(argument);
      continue;
    }
    if (argument === "--") break;
    const { flag, value } = splitFlag(argument);
    const option = options.find((candidate) => candidate.flag === flag);
    if (option === undefined) {
      throw new FlagError(`flag provided but not defined: -${flag}`, flag);
    }
    if (option.kind === "switch") {
      given.push({ flag, value: String(readSwitch(flag, value ?? "true")) });
      continue;
    }
    const text = value ?? argv[index];
    if (text === undefined) throw new FlagError(`flag needs an argument: -${flag}`);
    if (value === undefined) index += 1;
    if (option.kind === "integer") readInteger(flag, text);
    if (option.kind === "duration") readDuration(flag, text);
    given.push({ flag, value: text });
  }
  return new ParsedArguments(given, [...positionals, ...argv.slice(index)]);
}

/** True if help is asked for anywhere before `--`, also as the value of a flag, as in Serf. */
export function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const searched = end < 0 ? argv : argv.slice(0, end);
  return searched.some((argument) => ["-h", "-help", "--help"].includes(argument));
}

/** Reads `key=value` texts; the value may hold further `=`. Throws OperatorError. */
export function parseTagPairs(texts: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals < 1) throw new OperatorError(`Error: Invalid tag: '${text}'`);
    pairs.set(text.slice(0, equals), text.slice(equals + 1));
  }
  return pairs;
}

class ParsedArguments implements Arguments {
  readonly given: readonly Given[];
  readonly positionals: readonly string[];

  constructor(given: readonly Given[], positionals: readonly string[]) {
    this.given = given;
    this.positionals = positionals;
  }

  text(flag: string): string | undefined {
    return this.texts(flag).at(-1);
  }

  texts(flag: string): readonly string[] {
    return this.given.filter((one) => one.flag === flag).map((one) => one.value);
  }

  integer(flag: string): number | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : readInteger(flag, text);
  }

  duration(flag: string): Millis | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : readDuration(flag, text);
  }

  switched(flag: string): boolean | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : text === "true";
  }
}

function splitFlag(argument: string): { flag: string; value: string | undefined } {
  const body = argument.slice(argument.startsWith("--") ? 2 : 1);
  if (body.startsWith("-") || body.startsWith("=")) {
    throw new FlagError(`bad flag syntax: ${argument}`);
  }
  const equals = body.indexOf("=");
  if (equals < 0) return { flag: body, value: undefined };
  return { flag: body.slice(0, equals), value: body.slice(equals + 1) };
}

function readSwitch(flag: string, text: string): boolean {
  const value = parseBoolean(text);
  if (value !== undefined) return value;
  throw new FlagError(`invalid boolean value ${JSON.stringify(text)} for -${flag}: parse error`);
}

function readInteger(flag: string, text: string): number {
  const value = parseInteger(text);
  if (typeof value === "number") return value;
  throw new FlagError(`invalid value ${JSON.stringify(text)} for flag -${flag}: ${value}`);
}

function readDuration(flag: string, text: string): Millis {
  try {
    const duration = parseDuration(text);
    if (Math.abs(duration) < longestDuration) return duration;
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
  }
  throw new FlagError(`invalid value ${JSON.stringify(text)} for flag -${flag}: parse error`);
}
