import { OperatorError } from "../base/errors.js";
import type { Instant, Millis } from "../base/units.js";
import { isObject } from "./json-object.js";
import { numberIn } from "./memory.js";
import type { Admission } from "./model.js";
import { readNodeName } from "./values.js";

interface Override {
  readonly admission: Admission;
  /** undefined: until it is taken back. */
  readonly until: Instant | undefined;
}

/** More are refused: who needs them wants another configuration. */
const maxOverrides = 256;

/** What the operator said of single members, whatever they say themselves. */
export class Overrides {
  /** At most {@link maxOverrides}. */
  readonly #byNode = new Map<string, Override>();

  set(now: Instant, node: string, admission: Admission, until: Instant | undefined): void {
    const { fault } = readNodeName(node);
    if (fault !== undefined) throw new OperatorError(`override: ${fault}`);
    this.expire(now);
    if (!this.#byNode.has(node) && this.#byNode.size >= maxOverrides) {
      throw new OperatorError(`there are ${maxOverrides} overrides already; take one back first`);
    }
    this.#byNode.set(node, { admission, until });
  }

  /** True if there was one. */
  remove(node: string): boolean {
    return this.#byNode.delete(node);
  }

  of(node: string): Admission | undefined {
    return this.#byNode.get(node)?.admission;
  }

  /** Drops what is over; returns when the next will be. */
  expire(now: Instant): Instant | undefined {
    let next: Instant | undefined;
    for (const [node, { until }] of this.#byNode) {
      if (until === undefined) continue;
      if (until <= now) this.#byNode.delete(node);
      else next = Math.min(next ?? until, until);
    }
    return next;
  }

  memory(now: Instant): unknown {
    return Array.from(this.#byNode, ([node, { admission, until }]) =>
      until === undefined ? { node, admission } : { node, admission, left: until - now },
    );
  }

  /** Takes what {@link memory} gave; whatever is no such thing is left out. */
  restore(now: Instant, elapsed: Millis, remembered: unknown): void {
    if (!Array.isArray(remembered)) return;
    for (const item of remembered.slice(0, maxOverrides)) {
      if (!isObject(item)) continue;
      const node = readNodeName(String(item.node));
      const admission = (["ready", "drain", "out"] as const).find((one) => one === item.admission);
      const left = numberIn(item.left, 0, Number.MAX_SAFE_INTEGER);
      if (node.fault !== undefined || admission === undefined) continue;
      if (item.left !== undefined && left === undefined) continue;
      const until = left === undefined ? undefined : now + left - elapsed;
      this.#byNode.set(node.value, { admission, until });
    }
  }
}
