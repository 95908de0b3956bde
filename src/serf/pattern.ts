import { RE2JS } from "re2js";

/** A longer expression is refused: a stock query, expressions included, has at most 1024 bytes. */
const maxExpressionLength = 1_024;

/** The most that one expression may cost to compile and to match, in {@link expressionCost}. */
const maxExpressionCost = 2_048;

/** What costs more is compiled anew each time: while it is matched, it may take megabytes. */
const maxKeptCost = 256;

/** Compiled expressions that are kept; monitoring asks the same ones again and again. */
const maxCompiled = 32;

/** An expression in RE2's syntax, compiled. */
export interface Pattern {
  /** True if it matches anywhere in `text`. */
  test(text: string): boolean;
}

/**
 * Compiles expressions that come from peers: RE2 matches in linear time, so that no expression can
 * hang us, and what remains, the size of the program, is bounded here.
 */
export class PatternCache {
  /** At most {@link maxCompiled}; the one that was asked for longest ago goes first. */
  readonly #compiled = new Map<string, Pattern | undefined>();

  /** Undefined if `expression` is invalid or too large. */
  compile(expression: string): Pattern | undefined {
    const cost = expressionCost(expression);
    if (cost > maxExpressionCost) return undefined;
    if (cost > maxKeptCost) return compile(expression);
    const known = this.#compiled.has(expression);
    const pattern = known ? this.#compiled.get(expression) : compile(expression);
    this.#compiled.delete(expression);
    this.#compiled.set(expression, pattern);
    if (this.#compiled.size > maxCompiled) {
      const [oldest] = this.#compiled.keys();
      if (oldest !== undefined) this.#compiled.delete(oldest);
    }
    return pattern;
  }
}

function compile(expression: string): Pattern | undefined {
  try {
    return RE2JS.compile(expression);
  } catch {
    // Whatever RE2 objects to, the expression is not one that we can match.
    return undefined;
  }
}

/**
 * About how many instructions `expression` compiles to: one for each character, those under a
 * counted repetition as often as it may repeat. RE2 itself accepts `(...){1000}` of any size, which
 * takes seconds to compile. Infinite for one that is too long.
 */
export function expressionCost(expression: string): number {
  if (expression.length > maxExpressionLength) return Number.POSITIVE_INFINITY;
  /** What stands before each group that is open, innermost last; at most one per character. */
  const open: number[] = [];
  let total = 0;
  let last = 0;
  for (const [token] of expression.matchAll(tokens)) {
    const repeat = countedRepeat.exec(token);
    if (repeat !== null) {
      const times = Math.max(Number(repeat[1]), Number(repeat[2] ?? 0), 1);
      total += last * (times - 1);
      last *= times;
    } else if (token === "(") {
      open.push(total);
      total = 0;
    } else if (token === ")") {
      last = total + 1;
      total = last + (open.pop() ?? 0);
    } else {
      last = token.startsWith("\\Q") ? token.length : 1;
      total += last;
    }
  }
  return open.reduce((sum, outer) => sum + outer, total);
}

/** A quoted text, an escape, a class, a counted repetition, or one character. */
const tokens =
  /\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\[\^?\]?(?:\[:\^?[a-z]*:\]|\\[\s\S]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[\s\S]/g;

const countedRepeat = /^\{(\d+)(?:,(\d*))?\}$/;
