import { OperatorError } from "../base/errors.js";

/**
 * Which members belong to a pool: every term must hold. Written `role=web,zone in (a|b),!lb=off,app`.
 */
export interface Selector {
  readonly terms: readonly SelectorTerm[];
  /** As the operator wrote it. */
  readonly text: string;
}

interface SelectorTerm {
  readonly tag: string;
  /** Any of these; undefined: the tag only has to be there. */
  readonly values: ReadonlySet<string> | undefined;
  readonly negated: boolean;
}

/**
 * Reads a selector. A term is `tag`, `tag=value`, `tag!=value` or `tag in (value|value)`, with `!` before
 * it to mean the opposite; `*` alone is every member. A value with blanks or `,|()"=` stands in quotes.
 * Throws OperatorError with the column.
 */
export function parseSelector(text: string): Selector {
  return new SelectorReader(text).read();
}

/** Whether a member with these tags belongs to the pool. */
export function selects(selector: Selector, tags: ReadonlyMap<string, string>): boolean {
  return selector.terms.every(({ tag, values, negated }) => {
    const value = tags.get(tag);
    const holds = value !== undefined && (values === undefined || values.has(value));
    return holds !== negated;
  });
}

const tagPattern = /[A-Za-z0-9_.:/-]+/y;
const bareValuePattern = /[^\s,|()"=!]+/y;
const quotedValuePattern = /"((?:[^"\\]|\\["\\])*)"/y;

class SelectorReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Selector {
    this.#blanks();
    if (this.#take("*")) {
      this.#blanks();
      if (this.#at < this.#text.length) this.#fail('"*" means every member and stands alone');
      return { terms: [], text: this.#text };
    }
    const terms = [this.#term()];
    while (this.#at < this.#text.length) {
      if (!this.#take(",")) this.#fail('expected "," between two terms');
      terms.push(this.#term());
    }
    return { terms, text: this.#text };
  }

  #term(): SelectorTerm {
    this.#blanks();
    const negated = this.#take("!");
    this.#blanks();
    const tag = this.#match(tagPattern)?.[0] ?? this.#fail("expected the name of a tag");
    this.#blanks();
    if (this.#take("!=")) return { tag, values: this.#single(), negated: !negated };
    if (this.#take("=")) return { tag, values: this.#single(), negated };
    if (this.#match(/in(?=[\s(]|$)/y) !== undefined) return { tag, values: this.#list(), negated };
    return { tag, values: undefined, negated };
  }

  #single(): ReadonlySet<string> {
    const value = this.#value();
    if (this.#text[this.#at] === "|")
      this.#fail('several values are written "tag in (one|another)"');
    return new Set([value]);
  }

  #list(): ReadonlySet<string> {
    this.#blanks();
    if (!this.#take("(")) this.#fail('expected "(" after "in"');
    const values = new Set([this.#value()]);
    while (!this.#take(")")) {
      if (!this.#take("|") && !this.#take(",")) this.#fail('expected "|" or ")" after a value');
      values.add(this.#value());
    }
    this.#blanks();
    return values;
  }

  #value(): string {
    this.#blanks();
    const quoted = this.#match(quotedValuePattern)?.[1]?.replaceAll(/\\(.)/g, "$1");
    const value =
      quoted ??
      this.#match(bareValuePattern)?.[0] ??
      this.#fail('expected a value; one that is empty or holds blanks or ,|()"=! stands in quotes');
    this.#blanks();
    return value;
  }

  #blanks(): void {
    this.#match(/\s+/y);
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #fail(problem: string): never {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    const found = rest === "" ? "the end" : JSON.stringify(rest);
    throw new OperatorError(
      `selector ${JSON.stringify(this.#text)}, column ${this.#at + 1}: ${problem}, found ${found}; a selector looks like role=web,zone in (a|b),!lb=off`,
    );
  }
}
