import type { Instant, Millis } from "../../../src/base/units.js";
import { RecordedLog } from "../../support/recorded-log.js";

interface Timer {
  readonly at: Instant;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time for what waits by a host's timers; promises go on between two of them. */
export class VirtualHost {
  readonly log = new RecordedLog();
  #now = 1_000_000;
  #order = 0;
  #timers: Timer[] = [];

  now(): Instant {
    return this.#now;
  }

  wallClock(): string {
    return new Date(1_700_000_000_000 + this.#now).toISOString();
  }

  after(delay: Millis, run: () => void): () => void {
    const timer = { at: this.#now + delay, order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Resolves after `delay` of virtual time. */
  sleep(delay: Millis): Promise<void> {
    return new Promise((resolve) => {
      this.after(delay, resolve);
    });
  }

  /** Lets everything that is due happen, up to `span` later. */
  async advance(span: Millis): Promise<void> {
    const end = this.#now + span;
    await settled();
    for (;;) {
      const next = this.#timers
        .filter(({ at }) => at <= end)
        .toSorted((one, other) => one.at - other.at || one.order - other.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }

  /** Advances until `isSo`, at most `limit`; says after how long. Throws if it never was. */
  async until(what: string, isSo: () => boolean, limit: Millis = 120_000): Promise<Millis> {
    const begin = this.#now;
    await settled();
    while (!isSo()) {
      if (this.#now - begin > limit) throw new Error(`not within ${limit} virtual ms: ${what}`);
      await this.advance(5);
    }
    return this.#now - begin;
  }
}

/** All promises that can go on have done so. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
