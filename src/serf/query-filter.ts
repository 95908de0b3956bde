import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "../wire/errors.js";
import { decodeFilter, type QueryFilter } from "../wire/serf-messages.js";
import { expressionCost, PatternCache } from "./pattern.js";

/** What all expressions of one query together may cost, see {@link expressionCost}. */
const maxQueryCost = 4_096;

/** Decides whether a query is meant for us: all its filters must match (protocol.md section 5.10). */
export class QueryFilters {
  readonly #self: string;
  readonly #tags: () => ReadonlyMap<string, string>;
  readonly #log: Log;
  readonly #patterns = new PatternCache();

  /** `tags` are our own, as they are when a query comes. */
  constructor(self: string, tags: () => ReadonlyMap<string, string>, log: Log) {
    this.#self = self;
    this.#tags = tags;
    this.#log = log;
  }

  /** A filter that cannot be read, or an expression that is invalid or too large, matches nobody. */
  match(encoded: readonly Bytes[]): boolean {
    let cost = 0;
    for (const bytes of encoded) {
      const filter = this.#decode(bytes);
      if (filter === undefined) return false;
      if (filter.kind === "tag") cost += expressionCost(filter.expr);
      if (cost > maxQueryCost) {
        this.#log.warn({ cost }, "query filters too large to evaluate");
        return false;
      }
      if (!this.#matches(filter)) return false;
    }
    return true;
  }

  #decode(bytes: Bytes): QueryFilter | undefined {
    try {
      return decodeFilter(bytes);
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      this.#log.warn({ reason: thrown.message }, "failed to decode a query filter");
      return undefined;
    }
  }

  #matches(filter: QueryFilter): boolean {
    if (filter.kind === "nodes") return filter.nodes.includes(this.#self);
    const pattern = this.#patterns.compile(filter.expr);
    if (pattern === undefined) {
      this.#log.warn({}, `failed to compile filter regex (${filter.expr.slice(0, 256)})`);
      return false;
    }
    return pattern.test(this.#tags().get(filter.tag) ?? "");
  }
}
