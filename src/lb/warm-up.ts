import type { Instant } from "../base/units.js";
import type { LbConfig } from "./config.js";
import type { View } from "./model.js";

/** When a view after the start counts: {@link LbConfig}. Both 0 for a single look that must not wait. */
export type SettleConfig = Pick<LbConfig, "settleTime" | "settleLimit">;

/** A fresh process knows nobody: it waits until it has joined and the members stand still. */
export class WarmUp {
  readonly #config: SettleConfig;
  #start: Instant | undefined;
  #stillSince = 0;
  #joined = false;
  /** As many as the view has. */
  #seen: ReadonlySet<string> = new Set();
  #endedAt: Instant | undefined;

  constructor(config: SettleConfig) {
    this.#config = config;
  }

  /** When it ended; undefined: it has not. */
  get endedAt(): Instant | undefined {
    return this.#endedAt;
  }

  /** When it will end if nothing moves; undefined: not before we have joined, or it has ended. */
  get deadline(): Instant | undefined {
    if (this.#endedAt !== undefined || !this.#joined || this.#start === undefined) return undefined;
    const { settleLimit, settleTime } = this.#config;
    return Math.min(this.#stillSince + settleTime, this.#start + settleLimit);
  }

  look(now: Instant, view: View): void {
    if (this.#endedAt !== undefined) return;
    this.#start ??= now;
    const seen = new Set(view.members.map(({ name, status }) => `${status} ${name}`));
    const same = seen.size === this.#seen.size && [...seen].every((one) => this.#seen.has(one));
    if (!same || view.joined !== this.#joined) this.#stillSince = now;
    this.#seen = seen;
    this.#joined = view.joined;
    const { deadline } = this;
    if (deadline === undefined || now < deadline) return;
    this.#endedAt = now;
    this.#seen = new Set();
  }
}
