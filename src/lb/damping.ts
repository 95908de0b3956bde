import { compareTexts } from "../base/compare-texts.js";
import type { Instant, Millis } from "../base/units.js";
import type { DampingConfig } from "./config.js";
import type { DampedMember } from "./decision.js";
import { isObject } from "./json-object.js";
import { numberIn } from "./memory.js";

interface Penalty {
  readonly value: number;
  /** When it had this value. */
  readonly at: Instant;
  /** Held out until then. */
  readonly until: Instant | undefined;
}

/** More members with a penalty are not remembered: the longest unchanged is forgiven first. */
const maxMembers = 4_096;

/** A penalty below this is no more. */
const negligible = 0.05;

/** Members that come and go are held out, the longer the more often they do (as BGP damps its routes). */
export class Damping {
  readonly #config: DampingConfig | undefined;
  /** In the order of their last loss; at most {@link maxMembers}. */
  readonly #penalties = new Map<string, Penalty>();

  constructor(config: DampingConfig | undefined) {
    this.#config = config;
  }

  /** A member was lost, and not as planned. */
  lose(now: Instant, node: string): void {
    const config = this.#config;
    if (config === undefined) return;
    const before = this.#penalties.get(node);
    const value = Math.min(config.ceiling, this.#worth(now, before) + 1);
    const held = before?.until !== undefined && now < before.until;
    const until =
      held || value >= config.suppress ? now + this.#fallTime(value, config.reuse) : undefined;
    this.#penalties.delete(node);
    this.#penalties.set(node, { value, at: now, until });
    if (this.#penalties.size <= maxMembers) return;
    for (const oldest of this.#penalties.keys()) {
      this.#penalties.delete(oldest);
      break;
    }
  }

  /** Until when a member is held out; undefined: it is not. */
  until(now: Instant, node: string): Instant | undefined {
    const until = this.#penalties.get(node)?.until;
    return until !== undefined && now < until ? until : undefined;
  }

  penalty(now: Instant, node: string): number {
    return this.#worth(now, this.#penalties.get(node));
  }

  /** True if it had a penalty. */
  forgive(node: string): boolean {
    return this.#penalties.delete(node);
  }

  /** Sorted by name. */
  members(now: Instant): readonly DampedMember[] {
    const members: DampedMember[] = [];
    for (const [node, penalty] of this.#penalties) {
      const worth = this.#worth(now, penalty);
      const until = this.until(now, node);
      if (worth < negligible && until === undefined) this.#penalties.delete(node);
      else members.push({ node, penalty: worth, until });
    }
    return members.sort((one, other) => compareTexts(one.node, other.node));
  }

  memory(now: Instant): unknown {
    return Array.from(this.#penalties, ([node, penalty]) => ({
      node,
      penalty: this.#worth(now, penalty),
      left: penalty.until === undefined ? 0 : Math.max(0, penalty.until - now),
    }));
  }

  /** Takes what {@link memory} gave; whatever is no such thing is left out. */
  restore(now: Instant, elapsed: Millis, remembered: unknown): void {
    const config = this.#config;
    if (config === undefined || !Array.isArray(remembered)) return;
    for (const item of remembered.slice(0, maxMembers)) {
      if (!isObject(item) || typeof item.node !== "string") continue;
      const value = numberIn(item.penalty, 0, config.ceiling);
      const left = numberIn(item.left, 0, this.#fallTime(config.ceiling, config.reuse));
      if (value === undefined || left === undefined) continue;
      const until = left > elapsed ? now + left - elapsed : undefined;
      this.#penalties.set(item.node, { value, at: now - elapsed, until });
    }
  }

  #worth(now: Instant, penalty: Penalty | undefined): number {
    if (penalty === undefined || this.#config === undefined) return 0;
    return penalty.value * 2 ** -((now - penalty.at) / this.#config.halfLife);
  }

  #fallTime(from: number, to: number): Millis {
    if (this.#config === undefined || from <= to) return 0;
    return Math.ceil(this.#config.halfLife * Math.log2(from / to));
  }
}
