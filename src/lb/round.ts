import type { Instant, Millis } from "../base/units.js";
import { maxSummary } from "./audit.js";
import type { Step } from "./model.js";

/** What a round came to. */
export type RoundResult =
  /** There is no view yet. */
  | { readonly kind: "frozen" }
  /** The proxy serves what it should; {@link waits} need nothing but time. */
  | {
      readonly kind: "confirmed";
      readonly waits: readonly string[];
      readonly lookAgain: Millis | undefined;
    }
  /** Something has to be done later: a reload that may not begin yet. */
  | {
      readonly kind: "waiting";
      readonly what: string;
      readonly because: string;
      readonly at: Instant;
    }
  /** Nothing may be done: what would be. */
  | { readonly kind: "dry run"; readonly what: readonly string[] }
  | { readonly kind: "failed"; readonly reason: string };

/** How a proxy was changed: the heaviest of what was done. */
export type Way = "none" | "runtime" | "reload";

/** What one round does, for status, log and audit; `boundary` is called after each phase. */
export class Round {
  readonly cause: string;
  readonly #now: () => Instant;
  readonly #boundary: (name: string) => void;
  readonly #began: Instant;
  readonly #durations = new Map<string, Millis>();
  readonly #summary: string[] = [];
  version = "";
  wrote = false;
  way: Way = "none";
  rollback: string | undefined;

  constructor(cause: string, now: () => Instant, boundary: (name: string) => void) {
    this.cause = cause;
    this.#now = now;
    this.#boundary = boundary;
    this.#began = now();
  }

  /** At most {@link maxSummary} lines. */
  get summary(): readonly string[] {
    return this.#summary;
  }

  /** Milliseconds by phase. */
  get durations(): Readonly<Record<string, Millis>> {
    return Object.fromEntries(this.#durations);
  }

  get took(): Millis {
    return this.#now() - this.#began;
  }

  /** Whether anything was changed. */
  get didSomething(): boolean {
    return this.wrote || this.way !== "none" || this.rollback !== undefined;
  }

  /** Measures a part of the work. */
  async phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const began = this.#now();
    try {
      return await work();
    } finally {
      const took = (this.#durations.get(name) ?? 0) + this.#now() - began;
      this.#durations.set(name, Math.round(took * 10) / 10);
      this.#boundary(name);
    }
  }

  performed(steps: readonly Step[]): void {
    if (steps.length === 0) return;
    if (this.way === "none") this.way = "runtime";
    for (const { words } of steps) this.did(words);
  }

  did(words: string): void {
    if (this.#summary.length < maxSummary) this.#summary.push(words);
  }
}
