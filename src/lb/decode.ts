import { resolve } from "node:path";
import { formatDuration, parseDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import { suggest } from "../base/suggest.js";
import { longestTimer, type Millis } from "../base/units.js";
import { isObject, present } from "./json-object.js";

/** What a reader gives for a value that is not right; what is wrong was noted then. */
export const wrong: unique symbol = Symbol("wrong");

export type Decoded<T> = T | typeof wrong;

/** Where a value stands in a configuration, and where to note what is wrong with it. */
export class Place {
  /** `balancers[0].pools`; empty for the whole. */
  readonly path: string;
  /** Relative paths begin here. */
  readonly folder: string;
  readonly #faults: string[];

  constructor(path: string, folder: string, faults: string[]) {
    this.path = path;
    this.folder = folder;
    this.#faults = faults;
  }

  key(key: string): Place {
    const plain = /^[\w-]+$/.test(key) ? key : shown(key);
    return this.#inner(this.path === "" ? plain : `${this.path}.${plain}`);
  }

  item(index: number): Place {
    return this.#inner(`${this.path}[${index}]`);
  }

  /** Notes a fault, in one line: what is wrong, and what would be right. */
  refuse(what: string): typeof wrong {
    this.#faults.push(this.path === "" ? what : `${this.path}: ${what}`);
    return wrong;
  }

  #inner(path: string): Place {
    return new Place(path, this.folder, this.#faults);
  }
}

/** Anything of JSON on one line of bounded length. */
export function shown(value: unknown): string {
  const text = typeof value === "object" && value !== null ? bracketsOf(value) : String(value);
  const whole = typeof value === "string" ? JSON.stringify(text.slice(0, 100)) : text;
  return whole.length <= 60 ? whole : `${whole.slice(0, 57)}...`;
}

function bracketsOf(value: object): string {
  return Array.isArray(value) ? "a list" : "an object";
}

/** A way to read values of one type. */
export interface Kind<T> {
  /** What is right, for people: `a port, 1 to 65535`. */
  readonly expects: string;
  read(value: unknown, place: Place): Decoded<T>;
  /** How a value is written in JSON, for the reference of the keys. */
  write(value: T): unknown;
}

/** One key of an object: what may stand there, what counts if nothing does, and what it is for. */
export interface Key<T> {
  /** In JSON, if it is not the field's name in snake case. */
  readonly name: string | undefined;
  readonly kind: Pick<Kind<T>, "expects" | "read">;
  /** What counts if the key is absent or null; undefined if it has to be there. */
  readonly fallback: (() => T) | undefined;
  /** The default as the reference shows it. */
  readonly shownDefault: string;
  /** For the reference: what it is, in a sentence or two. */
  readonly meaning: string;
}

/** The keys of an object that becomes a `T`, one for each field. */
export type Shape<T> = { readonly [Field in keyof T]-?: Key<T[Field]> };

export function required<T>(kind: Kind<T>, meaning: string, name?: string): Key<T> {
  return { name, kind, fallback: undefined, shownDefault: "", meaning };
}

export function standard<T>(kind: Kind<T>, value: T, meaning: string, name?: string): Key<T> {
  const shownDefault = JSON.stringify(kind.write(value));
  return { name, kind, fallback: () => value, shownDefault, meaning };
}

/** A key without a default of its own; `otherwise` says what happens without it. */
export function optional<T>(
  kind: Kind<T>,
  otherwise: string,
  meaning: string,
  name?: string,
): Key<T | undefined> {
  return { name, kind, fallback: () => undefined, shownDefault: otherwise, meaning };
}

/** The name in JSON of `field` with this key. */
export function keyName(field: string, { name }: Pick<Key<unknown>, "name">): string {
  return name ?? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The names of all keys of a shape. */
export function keyNames<T>(shape: Shape<T>): string[] {
  return Object.entries<Key<unknown>>(shape).map(([field, key]) => keyName(field, key));
}

/** Reads what `shape` describes from an object; gives heed to no other key. */
export function readShape<T>(
  shape: Shape<T>,
  object: Readonly<Record<string, unknown>>,
  place: Place,
): Decoded<T> {
  const fields: Record<string, unknown> = {};
  let isRight = true;
  for (const [field, key] of Object.entries<Key<unknown>>(shape)) {
    const name = keyName(field, key);
    const value = present(object, name);
    const read =
      value === undefined ? absent(key, place.key(name)) : key.kind.read(value, place.key(name));
    if (read === wrong) isRight = false;
    else fields[field] = read;
  }
  return isRight ? (fields as T) : wrong;
}

function absent(key: Key<unknown>, place: Place): unknown {
  return key.fallback === undefined
    ? place.refuse(`is missing; ${key.kind.expects} would be right`)
    : key.fallback();
}

/** Notes every key that is not among `known`, with the one that may have been meant. */
export function refuseUnknown(
  object: Readonly<Record<string, unknown>>,
  known: readonly string[],
  place: Place,
): Decoded<undefined> {
  let outcome: Decoded<undefined>;
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    const near = suggest(key.slice(0, 100), known);
    const hint =
      near === undefined ? `; known are ${known.join(", ")}` : `, did you mean "${near}"?`;
    outcome = place.key(key).refuse(`there is no such key${hint}`);
  }
  return outcome;
}

/** An object with these keys and no others. */
export function object<T>(shape: Shape<T>): Kind<T> {
  return {
    expects: "an object",
    read: (value, place) => {
      if (!isObject(value)) return place.refuse(`${shown(value)} is no object`);
      const fields = readShape(shape, value, place);
      return refuseUnknown(value, keyNames(shape), place) === wrong ? wrong : fields;
    },
    write: () => ({}),
  };
}

/** A list of at least `min` and at most `max` items. */
export function list<T>(kind: Kind<T>, min: number, max: number): Kind<readonly T[]> {
  const expects = `a list of ${min} to ${max}: ${kind.expects}`;
  return {
    expects,
    read: (value, place) => {
      if (!Array.isArray(value)) return place.refuse(`${shown(value)} is no list`);
      if (value.length < min || value.length > max) {
        return place.refuse(`has ${value.length} items, ${min} to ${max} would be right`);
      }
      const items = value.map((item, index) => kind.read(item, place.item(index)));
      return items.every((item) => item !== wrong) ? (items as T[]) : wrong;
    },
    write: (items) => items.map((item) => kind.write(item)),
  };
}

/** What `of` reads, if `check` has nothing against it; that says what is wrong and would be right. */
export function checked<T>(
  of: Kind<T>,
  expects: string,
  check: (value: T) => string | undefined,
): Kind<T> {
  return {
    expects,
    read: (value, place) => {
      const read = of.read(value, place);
      const fault = read === wrong ? undefined : check(read);
      return fault === undefined ? read : place.refuse(fault);
    },
    write: (value) => of.write(value),
  };
}

/** Whole numbers; `what` is one of them: `a port`. */
export function integer(what: string, min: number, max: number): Kind<number> {
  const expects = `${what}, ${min} to ${max}`;
  return {
    expects,
    read: (value, place) => {
      const isRight = Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
      return isRight ? Number(value) : place.refuse(`${shown(value)} is no ${bare(expects)}`);
    },
    write: (value) => value,
  };
}

/** Numbers with fractions. */
export function real(what: string, min: number, max: number): Kind<number> {
  const expects = `${what}, ${min} to ${max}`;
  return {
    expects,
    read: (value, place) => {
      const isRight = typeof value === "number" && value >= min && value <= max;
      return isRight ? value : place.refuse(`${shown(value)} is no ${bare(expects)}`);
    },
    write: (value) => value,
  };
}

function bare(expects: string): string {
  return expects.replace(/^an? /, "");
}

export const toggle: Kind<boolean> = {
  expects: "true or false",
  read: (value, place) =>
    typeof value === "boolean" ? value : place.refuse(`${shown(value)} is neither true nor false`),
  write: (value) => value,
};

/** One of a few words. */
export function oneOf<T extends string>(...words: readonly T[]): Kind<T> {
  const quoted = words.map((word) => `"${word}"`);
  const expects = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return {
    expects,
    read: (value, place) => {
      const word = words.find((one) => one === value);
      return word ?? place.refuse(`${shown(value)} is none of ${quoted.join(", ")}`);
    },
    write: (word) => word,
  };
}

/** A length of time in Go's form. */
export function duration(min: Millis, max: Millis = longestTimer): Kind<Millis> {
  const range =
    max === longestTimer
      ? `${formatDuration(min)} or more`
      : `${formatDuration(min)} to ${formatDuration(max)}`;
  const expects = `a duration, ${range}`;
  return {
    expects,
    read: (value, place) => {
      if (typeof value === "number") {
        return place.refuse(`${shown(value)} has no unit; "${shown(value)}s" are seconds`);
      }
      if (typeof value !== "string")
        return place.refuse(`${shown(value)} is no duration, "1.5s" is one`);
      const millis = parsed(value);
      if (millis === undefined)
        return place.refuse(`${shown(value)} is no duration, "1.5s" is one`);
      return millis >= min && millis <= max
        ? millis
        : place.refuse(`${shown(value)} is out of range, ${range}`);
    },
    write: formatDuration,
  };
}

function parsed(text: string): Millis | undefined {
  try {
    return parseDuration(text);
  } catch (thrown) {
    if (thrown instanceof OperatorError) return undefined;
    throw thrown;
  }
}

/** Long enough for any path, short enough for any line. */
const longestText = 4_096;

/** One line of text without what a terminal or a configuration would act upon. */
export function text(expects: string, { empty = false } = {}): Kind<string> {
  return {
    expects,
    read: (value, place) => {
      if (typeof value !== "string")
        return place.refuse(`${shown(value)} is no string; ${expects} would be right`);
      if (value === "" && !empty) return place.refuse(`is empty; ${expects} would be right`);
      if (value.length > longestText)
        return place.refuse(`has ${value.length} characters, more than ${longestText}`);
      return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)
        ? place.refuse(`${shown(value)} has control characters or line ends in it`)
        : value;
    },
    write: (value) => value,
  };
}

/** A word for names that stand in configurations, file names and tags. */
export function word(what: string): Kind<string> {
  const expects = `${what} of letters, digits and . _ -, at most 64`;
  return checked(text(expects), expects, (value) =>
    isWord(value) ? undefined : `${shown(value)} is no ${bare(expects)}`,
  );
}

/** It begins with a letter, digit or `_`, so that it is neither a hidden file nor an option. */
export function isWord(text: string): boolean {
  return /^\w[\w.-]{0,63}$/.test(text);
}

/** A path; a relative one begins at the folder of the configuration's file. */
export function path(expects: string): Kind<string> {
  const plain = text(expects);
  return {
    expects,
    read: (value, place) => {
      const read = plain.read(value, place);
      return read === wrong ? wrong : resolve(place.folder, read);
    },
    write: (value) => value,
  };
}

/** A path, or a plain name that is looked for in the PATH. */
export function program(expects: string): Kind<string> {
  const plain = text(expects);
  return {
    expects,
    read: (value, place) => {
      const read = plain.read(value, place);
      return read === wrong || !read.includes("/") ? read : resolve(place.folder, read);
    },
    write: (value) => value,
  };
}

/** A program and its arguments. */
export const argv: Kind<readonly string[]> = {
  expects: 'a program and its arguments: ["nginx", "-t"]',
  read: (value, place) => {
    if (typeof value === "string") {
      return place.refuse(
        `${shown(value)} is no list; there is no shell, write ["program", "argument"]`,
      );
    }
    const words = list(text("an argument", { empty: true }), 1, 100).read(value, place);
    if (words === wrong) return wrong;
    const first = program("a program").read(words[0], place.item(0));
    return first === wrong ? wrong : [first, ...words.slice(1)];
  },
  write: (words) => words,
};
