import type { Bytes } from "../base/units.js";
import { retransmitLimit } from "./scaling.js";

/** What {@link BroadcastQueue.add} takes besides the message. */
export interface BroadcastOptions {
  /** A broadcast replaces the waiting one of the same name; without a name it replaces none. */
  readonly name?: string;
  /** Called once: when the last copy was taken, or when it was replaced or dropped. */
  readonly finished?: () => void;
}

export interface BroadcastQueueConfig {
  readonly retransmitMult: number;
  /** The number that the copies grow with; asked at every {@link BroadcastQueue.take}. */
  readonly population: () => number;
  /** At most so many wait; beyond, the one that matters least is dropped. */
  readonly capacity: number;
}

interface Broadcast extends BroadcastOptions {
  readonly message: Bytes;
  readonly id: number;
  /** Copies taken so far; the index of the tier it waits in. */
  transmits: number;
}

/**
 * Messages that are sent a limited number of times each, the least sent first (memberlist's
 * transmit-limited queue; protocol.md section 4.7). One serves SWIM's claims, which have names, and
 * three serve Serf.
 */
export class BroadcastQueue {
  /** By copies taken; each tier sorted by length, then by age, the newest last. */
  readonly #tiers: Broadcast[][] = [];
  readonly #named = new Map<string, Broadcast>();
  readonly #config: BroadcastQueueConfig;
  #length = 0;
  #lastId = 0;

  constructor(config: BroadcastQueueConfig) {
    this.#config = config;
  }

  get length(): number {
    return this.#length;
  }

  /** `message` is kept as it is: it must not be written to any more, nor be empty. */
  add(message: Bytes, options: BroadcastOptions = {}): void {
    const broadcast: Broadcast = { ...options, message, id: ++this.#lastId, transmits: 0 };
    let replaced: Broadcast | undefined;
    if (options.name !== undefined) {
      replaced = this.#named.get(options.name);
      if (replaced !== undefined) this.#remove(replaced);
      this.#named.set(options.name, broadcast);
    }
    this.#insert(broadcast);
    replaced?.finished?.();
    this.prune(this.#config.capacity);
  }

  /**
   * Messages to send now, all together at most `budget` long, each counted with `overhead`: from the
   * least sent upwards the longest that still fits, of equal ones the newest.
   */
  take(overhead: number, budget: number): Bytes[] {
    if (this.#length === 0) return [];
    const taken = this.#select(overhead, budget);
    const limit = retransmitLimit(this.#config.retransmitMult, this.#config.population());
    for (const broadcast of taken) {
      broadcast.transmits += 1;
      if (broadcast.transmits < limit) this.#insert(broadcast);
      else this.#forget(broadcast);
    }
    // Only now: what is told of the end may add to this queue.
    for (const broadcast of taken) if (broadcast.transmits >= limit) broadcast.finished?.();
    return taken.map((broadcast) => broadcast.message);
  }

  /** Drops the most sent, of these the shortest, of these the oldest, until at most `keep` wait. */
  prune(keep: number): number {
    const dropped: Broadcast[] = [];
    for (let tier = this.#tiers.length - 1; this.#length > keep; tier -= 1) {
      const broadcasts = this.#tiers[tier] as Broadcast[];
      const surplus = broadcasts.splice(0, this.#length - keep);
      this.#length -= surplus.length;
      for (const broadcast of surplus) this.#forget(broadcast);
      dropped.push(...surplus);
    }
    for (const broadcast of dropped) broadcast.finished?.();
    return dropped.length;
  }

  /** Takes out what goes into one packet; it is put back only after, so that nothing goes twice. */
  #select(overhead: number, budget: number): Broadcast[] {
    const selected: Broadcast[] = [];
    let free = budget - overhead;
    for (const tier of this.#tiers) {
      while (free > 0) {
        const next = firstLonger(tier, free) - 1;
        if (next < 0) break;
        const [broadcast] = tier.splice(next, 1) as [Broadcast];
        selected.push(broadcast);
        free -= broadcast.message.length + overhead;
      }
    }
    this.#length -= selected.length;
    return selected;
  }

  #insert(broadcast: Broadcast): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push([]);
    const tier = this.#tiers[broadcast.transmits] as Broadcast[];
    tier.splice(positionOf(tier, broadcast), 0, broadcast);
    this.#length += 1;
  }

  #remove(broadcast: Broadcast): void {
    const tier = this.#tiers[broadcast.transmits] as Broadcast[];
    tier.splice(positionOf(tier, broadcast), 1);
    this.#length -= 1;
  }

  #forget(broadcast: Broadcast): void {
    if (broadcast.name !== undefined) this.#named.delete(broadcast.name);
  }
}

/** Where the broadcasts longer than `length` begin. */
function firstLonger(tier: readonly Broadcast[], length: number): number {
  return lowest(tier.length, (index) => (tier[index] as Broadcast).message.length > length);
}

/** Where `broadcast` is, or belongs. */
function positionOf(tier: readonly Broadcast[], broadcast: Broadcast): number {
  const { id, message } = broadcast;
  return lowest(tier.length, (index) => {
    const other = tier[index] as Broadcast;
    if (other.message.length !== message.length) return other.message.length > message.length;
    return other.id >= id;
  });
}

/** The lowest index below `count` for which `holds`, which holds from there on; else `count`. */
function lowest(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
