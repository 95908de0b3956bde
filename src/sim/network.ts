import { intBelow, type Random } from "../base/random.js";
import type { Bytes, Instant, Millis } from "../base/units.js";

/** How the network is while nothing is wrong with it. */
export interface Conditions {
  /** The least time that anything takes from one node to another. */
  readonly latency: Millis;
  /** Up to so much is added, all values equally likely. */
  readonly jitter: Millis;
  /** The share of packets that meet a queue and take many times as long (a Pareto tail). */
  readonly tail: number;
  /** The share of packets that get lost. */
  readonly loss: number;
  /** The share of datagrams that arrive twice. */
  readonly duplication: number;
  /** The share of datagrams that others overtake, for up to {@link reorderTime}. */
  readonly reordering: number;
  readonly reorderTime: Millis;
}

export const quietConditions: Conditions = {
  latency: 0.2,
  jitter: 0.8,
  tail: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderTime: 50,
};

/** What a fault of the network hits: what goes from any of `from` to any of `to`. */
export interface Links {
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** True: also what goes back. */
  readonly both: boolean;
}

/** Something that is wrong with the network for a while. Nodes are numbers, wherever they are. */
export type NetworkFault =
  /** Nothing passes. With a `period` it flaps: so long it is cut, so long it is whole. */
  | ({ readonly kind: "partition"; readonly period: Millis } & Links)
  /** One of the two protocols does not pass. */
  | ({ readonly kind: "filter"; readonly protocol: Protocol } & Links)
  | ({ readonly kind: "loss"; readonly rate: number } & Links)
  | ({ readonly kind: "delay"; readonly extra: Millis } & Links)
  | ({ readonly kind: "duplication"; readonly rate: number } & Links)
  | ({ readonly kind: "reordering"; readonly rate: number; readonly time: Millis } & Links)
  /** Bits of datagrams change on the way, or their end is missing. */
  | ({ readonly kind: "corruption"; readonly rate: number } & Links)
  /** All that leaves these nodes shares so much; what would wait too long is dropped. */
  | { readonly kind: "bandwidth"; readonly nodes: readonly number[]; readonly perSecond: number }
  /** These nodes refuse connections, as with a listener that is gone. */
  | { readonly kind: "refusal"; readonly nodes: readonly number[] };

export type Protocol = "udp" | "tcp";

/** What waits longer than this at a full link is dropped. */
const longestQueue: Millis = 500;

/** What UDP or TCP and IP put around the bytes. */
const headerBytes = 42;

/** No tail is longer than so many times the usual latency. */
const longestTail = 50;

interface ActiveFault {
  readonly fault: NetworkFault;
  readonly begin: Instant;
  readonly from: ReadonlySet<number>;
  readonly to: ReadonlySet<number>;
  readonly both: boolean;
}

function hits({ both, from, to }: ActiveFault, source: number, target: number): boolean {
  if (from.has(source) && to.has(target)) return true;
  return both && from.has(target) && to.has(source);
}

/**
 * Decides what becomes of everything that is sent: when it arrives, how often, or that it never does.
 * It draws from one stream of chance, in the order of sending.
 */
export class Network {
  conditions: Conditions;
  readonly #random: Random;
  /** As many as the plan has. */
  #active: ActiveFault[] = [];
  /** True while any fault spoils datagrams. */
  #corrupts = false;
  /** By node: when all is sent that waits at a full link. */
  readonly #freeAt = new Map<number, Instant>();
  /** What {@link datagram} found; the array is used again. */
  readonly #arrivals: Instant[] = [];

  constructor(random: Random, conditions: Conditions) {
    this.#random = random;
    this.conditions = conditions;
  }

  begin(now: Instant, fault: NetworkFault): void {
    const links = "from" in fault ? fault : { from: fault.nodes, to: fault.nodes, both: false };
    const sets = { from: new Set(links.from), to: new Set(links.to) };
    this.#active.push({ fault, begin: now, both: links.both, ...sets });
    this.#noteActive();
  }

  end(fault: NetworkFault): void {
    this.#active = this.#active.filter((active) => active.fault !== fault);
    this.#noteActive();
  }

  /** Everything that is wrong ends. */
  heal(): void {
    this.#active = [];
    this.#noteActive();
    this.conditions = { ...this.conditions, loss: 0, duplication: 0, reordering: 0 };
  }

  /** `payload` as it arrives: seldom other than it was sent. */
  spoiled(from: number, to: number, payload: Bytes): Bytes {
    if (!this.#corrupts || !this.#happens(this.#rate("corruption", from, to))) return payload;
    if (this.#happens(0.3)) return payload.slice(0, intBelow(this.#random, payload.length));
    const spoiled = payload.slice();
    for (let left = 1 + intBelow(this.#random, 8); left > 0; left -= 1) {
      const index = intBelow(this.#random, spoiled.length);
      spoiled[index] = (spoiled[index] as number) ^ (1 << intBelow(this.#random, 8));
    }
    return spoiled;
  }

  /** When a datagram arrives, once for each copy; to be read before the next call. */
  datagram(now: Instant, from: number, to: number, bytes: number): readonly Instant[] {
    const arrivals = this.#arrivals;
    arrivals.length = 0;
    const { duplication } = this.conditions;
    const copies = this.#happens(duplication + this.#rate("duplication", from, to)) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = this.#delayOf(now, from, to, bytes, "udp");
      if (delay !== undefined) arrivals.push(now + delay + this.#overtaken(from, to));
    }
    return arrivals;
  }

  /** How long a segment takes; undefined if it gets lost and has to be sent again. */
  segment(now: Instant, from: number, to: number, bytes: number): Millis | undefined {
    return this.#delayOf(now, from, to, bytes, "tcp");
  }

  /** True if `node` takes no connections. */
  refuses(node: number): boolean {
    return this.#active.some(({ fault, to }) => fault.kind === "refusal" && to.has(node));
  }

  #delayOf(
    now: Instant,
    from: number,
    to: number,
    bytes: number,
    protocol: Protocol,
  ): Millis | undefined {
    const { jitter, latency, loss, tail } = this.conditions;
    // Always as many draws, so that a fault that is left out changes as little as possible.
    const [fate, spread, late] = [this.#random.next(), this.#random.next(), this.#random.next()];
    let delay = latency + jitter * spread;
    if (late < tail) delay *= Math.min(longestTail, tail / (late + tail / longestTail));
    if (this.#active.length === 0) return fate < loss ? undefined : delay;
    let lost = loss;
    for (const active of this.#active) {
      const { begin, fault } = active;
      if (fault.kind === "bandwidth") {
        if (!active.from.has(from)) continue;
        const queued = this.#queue(now, from, bytes, fault.perSecond);
        if (queued === undefined) return undefined;
        delay += queued;
        continue;
      }
      if (!hits(active, from, to)) continue;
      if (fault.kind === "partition" && isCut(now - begin, fault.period)) return undefined;
      if (fault.kind === "filter" && fault.protocol === protocol) return undefined;
      if (fault.kind === "loss") lost += fault.rate;
      if (fault.kind === "delay") delay += fault.extra;
    }
    return fate < lost ? undefined : delay;
  }

  #queue(now: Instant, node: number, bytes: number, perSecond: number): Millis | undefined {
    const free = Math.max(now, this.#freeAt.get(node) ?? now);
    if (free - now > longestQueue) return undefined;
    const sent = free + ((bytes + headerBytes) * 1_000) / perSecond;
    this.#freeAt.set(node, sent);
    return sent - now;
  }

  #overtaken(from: number, to: number): Millis {
    const { reordering, reorderTime } = this.conditions;
    let rate = reordering;
    let time = reorderTime;
    for (const active of this.#active) {
      const { fault } = active;
      if (fault.kind !== "reordering" || !hits(active, from, to)) continue;
      rate += fault.rate;
      time = Math.max(time, fault.time);
    }
    return this.#happens(rate) ? time * this.#random.next() : 0;
  }

  #noteActive(): void {
    this.#corrupts = this.#active.some(({ fault }) => fault.kind === "corruption");
  }

  #rate(kind: "corruption" | "duplication", from: number, to: number): number {
    let rate = 0;
    for (const active of this.#active) {
      const { fault } = active;
      if (fault.kind === kind && hits(active, from, to)) rate += fault.rate;
    }
    return rate;
  }

  #happens(rate: number): boolean {
    return rate > 0 && this.#random.next() < rate;
  }
}

function isCut(elapsed: Millis, period: Millis): boolean {
  return period === 0 || Math.floor(elapsed / period) % 2 === 0;
}
