import type { Instant, Millis } from "../base/units.js";

/** What the balancer should serve: the address (`ip:port`) of each web node, by name. */
export type Expectation = ReadonlyMap<string, string>;

/** What is done to the cluster. */
export type Change =
  | { readonly kind: "add"; readonly name: string; readonly address: string }
  | { readonly kind: "stop"; readonly name: string }
  | { readonly kind: "kill"; readonly name: string }
  | { readonly kind: "return"; readonly name: string; readonly address: string };

/** What the balancer should serve once it has followed `change`. */
export function after(expected: Expectation, change: Change): Expectation {
  const next = new Map(expected);
  switch (change.kind) {
    case "add":
    case "return":
      next.set(change.name, change.address);
      return next;
    case "stop":
    case "kill":
      next.delete(change.name);
      return next;
  }
}

/** True if nobody needs to notice: the node could say what was coming. */
export function isPlanned(change: Change): boolean {
  return change.kind !== "kill";
}

/** How long Serf's lan profile may take to do its part; the times are those of its parameters. */
const lan = { probe: 1_000, suspicionFactor: 4, coalesce: 3_000 } as const;

/** How long a handler may take: it asks its agent, has the file checked and the proxy reloaded. */
const handlerBound: Millis = 3_000;

/**
 * How long the balancer may take to follow a change in a group of `members`, the balancer's agent
 * among them.
 *
 * A planned change is known at once, so it is what the coalescing of events and the handler take,
 * and the time to start or leave. A crash must first be noticed: in the worst order of two rounds
 * every other member comes to probe the dead one after 2n - 3 periods; one more for the verdict; then
 * the suspicion, which is at its minimum once the others have confirmed it (SWIM section 4.3,
 * Lifeguard).
 */
export function settleBound(change: Change, members: number): Millis {
  const follow = lan.coalesce + handlerBound;
  if (isPlanned(change)) return follow + 6_000;
  const rounds = 2 * members - 3 + 1;
  const suspicion = lan.suspicionFactor * Math.max(1, Math.log10(members)) * lan.probe;
  return rounds * lan.probe + suspicion + follow;
}

/** In what `served` differs from `expected`, a sentence for each address; none if they are equal. */
export function differences(expected: Expectation, served: readonly string[]): string[] {
  const found: string[] = [];
  const known = new Set(expected.values());
  for (const [name, address] of expected) {
    if (!served.includes(address)) found.push(`${name} (${address}) is missing`);
  }
  for (const address of served) {
    if (!known.has(address)) found.push(`${address} should not be there`);
  }
  return found;
}

/** At most this many sentences are kept of what went wrong. */
const faultLimit = 10;

/** How long the balancer may fail to say what it serves, while it reloads. */
const silenceBound: Millis = 2_000;

/**
 * Judges what a balancer serves after one change: it has until `bound` to serve what is expected
 * (to settle), and from then on any other view is wrong. On the way it may not lose a backend that
 * has nothing to do with the change.
 */
export class Watch {
  readonly expected: Expectation;
  /** Sentences; a fault that lasts is told once. At most {@link faultLimit}. */
  readonly faults: string[] = [];
  settledAt: Instant | undefined;
  readonly began: Instant;
  readonly bound: Millis;
  readonly #bystanders: Expectation;
  #lastHeard: Instant;

  constructor(before: Expectation, expected: Expectation, began: Instant, bound: Millis) {
    this.expected = expected;
    this.#bystanders = new Map(
      [...expected].filter(([name, address]) => before.get(name) === address),
    );
    this.began = began;
    this.#lastHeard = began;
    this.bound = bound;
  }

  /** How long it took to settle. */
  get settledAfter(): Millis | undefined {
    return this.settledAt === undefined ? undefined : this.settledAt - this.began;
  }

  /** `served` is undefined when the balancer did not answer. */
  observe(now: Instant, served: readonly string[] | undefined): void {
    if (served === undefined) {
      if (now - this.#lastHeard > silenceBound) this.#blame("the balancer does not answer");
      return;
    }
    this.#lastHeard = now;
    const wrong = differences(this.expected, served);
    if (this.settledAt !== undefined) {
      for (const difference of wrong) this.#blame(`after it had settled, ${difference}`);
    } else if (wrong.length === 0) {
      this.settledAt = now;
    } else {
      this.#judgeTransition(now, wrong, served);
    }
  }

  #judgeTransition(now: Instant, wrong: readonly string[], served: readonly string[]): void {
    for (const [name, address] of this.#bystanders) {
      if (!served.includes(address)) this.#blame(`on the way, ${name} (${address}) was missing`);
    }
    if (now - this.began <= this.bound) return;
    for (const difference of wrong) this.#blame(`not settled in ${this.bound} ms: ${difference}`);
  }

  #blame(fault: string): void {
    if (this.faults.length < faultLimit && !this.faults.includes(fault)) this.faults.push(fault);
  }
}
