import type { Instant, Millis } from "../base/units.js";
import type { LamportTime } from "../wire/serf-messages.js";

type IntentKind = "join" | "leave";

/** What a member said it is about to do. */
export interface Intent {
  readonly kind: IntentKind;
  readonly ltime: LamportTime;
}

interface BufferedIntent extends Intent {
  readonly heardAt: Instant;
}

/** As many names as a very large cluster may have long-gone members that we never met. */
const maxNames = 32_768;

/** Intents of members that we do not know yet: gossip does not keep the order of things. */
export class IntentBuffer {
  /**
   * At most {@link maxNames}, each for at most the timeout. A new name is refused when it is full:
   * to forget an old one would spread its intent again, as news.
   */
  readonly #intents = new Map<string, BufferedIntent>();
  readonly #timeout: Millis;

  constructor(timeout: Millis) {
    this.#timeout = timeout;
  }

  get size(): number {
    return this.#intents.size;
  }

  /** True if this is news: the latest that was heard of `name`. */
  add(now: Instant, name: string, intent: Intent): boolean {
    const known = this.#get(now, name);
    if (known === undefined && this.#intents.size >= maxNames) return false;
    if (known !== undefined && intent.ltime <= known.ltime) return false;
    this.#intents.set(name, { kind: intent.kind, ltime: intent.ltime, heardAt: now });
    return true;
  }

  /** The latest intent of a member that has just become known, and forgets it. */
  take(now: Instant, name: string): Intent | undefined {
    const intent = this.#get(now, name);
    this.#intents.delete(name);
    return intent;
  }

  expire(now: Instant): void {
    for (const name of this.#intents.keys()) this.#get(now, name);
  }

  #get(now: Instant, name: string): BufferedIntent | undefined {
    const intent = this.#intents.get(name);
    if (intent === undefined || now - intent.heardAt <= this.#timeout) return intent;
    this.#intents.delete(name);
    return undefined;
  }
}
