import type { Millis } from "../../base/units.js";
import type { WallTime } from "../chronicle.js";
import type { Evidence } from "./evidence.js";

/**
 * What was the matter with a member.
 *
 * `left`: it left on purpose. `restarted`: its agent was started again at the same address. `moved`: it was
 * started again elsewhere. `contested`: two agents have its name. `process-gone`: its process is not there
 * and its host answers. `stranger`: something else listens there. `paused`: its process stood still. `overloaded`: it was too busy, or slow.
 * `host-gone`: nothing of its host was heard. `cut-off`: it heard nobody itself. `one-way`: packets passed
 * in one direction only. `partition`: it was with others on one side of a cut. `udp-blocked`: TCP passes and
 * UDP does not. `path`: it is the way between it and one other, or some. `accuser`: who accused it was at
 * fault. `joined`: it came, nothing was the matter. `unknown`: what was seen fits none of these.
 */
type CauseName =
  | "left"
  | "restarted"
  | "moved"
  | "contested"
  | "process-gone"
  | "stranger"
  | "paused"
  | "overloaded"
  | "host-gone"
  | "cut-off"
  | "one-way"
  | "partition"
  | "udp-blocked"
  | "path"
  | "accuser"
  | "joined"
  | "unknown";

/** How much speaks for it: somebody knows it, all that was seen fits, or other causes would fit as well. */
type Confidence = "certain" | "likely" | "possible";

export interface Verdict {
  readonly cause: CauseName;
  readonly confidence: Confidence;
  /** Whom it is about besides the member: the other end of a path, the others on its side, who was at fault. */
  readonly members: readonly string[];
  /** A sentence that says it. */
  readonly summary: string;
  /** What speaks for it, in sentences without a stop. */
  readonly because: readonly string[];
  /** Where to look now; undefined if there is nothing to do. */
  readonly advice?: string | undefined;
}

/** How names and times are written. */
export interface Style {
  name(name: string): string;
  clock(at: WallTime): string;
}

/** Finds one cause, or does not. */
export type Rule = (evidence: Evidence, words: Words) => Verdict | undefined;

/** Names in a sentence; beyond, they are counted. */
const maxNames = 5;

/** Parts of sentences. */
export class Words {
  readonly #style: Style;

  constructor(style: Style) {
    this.#style = style;
  }

  name(name: string): string {
    return this.#style.name(name);
  }

  clock(at: WallTime): string {
    return this.#style.clock(at);
  }

  /** `a, b and c`; each once. */
  names(names: Iterable<string>): string {
    const all = [...new Set(names)];
    const shown = all.slice(0, all.length > maxNames ? maxNames - 1 : maxNames);
    const parts = shown.map((name) => this.name(name));
    if (all.length > shown.length) parts.push(`${all.length - shown.length} others`);
    const last = parts.pop() ?? "nobody";
    return parts.length === 0 ? last : `${parts.join(", ")} and ${last}`;
  }

  /** `once`, `12 times`. */
  times(count: number): string {
    if (count === 1) return "once";
    return count === 2 ? "twice" : `${count} times`;
  }

  /** `0.4 ms`, `210 ms`, `3.2 s`, `12 min`. */
  span(time: Millis): string {
    if (time < 10) return `${time.toFixed(1)} ms`;
    if (time < 1_000) return `${Math.round(time)} ms`;
    if (time < 100_000) return `${(time / 1_000).toFixed(1)} s`;
    if (time < 5_400_000) return `${Math.round(time / 60_000)} min`;
    return `${(time / 3_600_000).toFixed(1)} h`;
  }
}
