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
  /** By copies taken. */
  readonly #tiers: Tier[] = [];
  readonly #named = new Map<string, Broadcast>();
  readonly #config: BroadcastQueueConfig;
  /** Told of every message that is added, before it may be dropped. */
  onAdd: () => void = () => {};
  #length = 0;
  #bytes = 0;
  #lastId = 0;

  constructor(config: BroadcastQueueConfig) {
    this.#config = config;
  }

  get length(): number {
    return this.#length;
  }

  /** Of all messages together. */
  get bytes(): number {
    return this.#bytes;
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
    this.onAdd();
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
      const surplus = (this.#tiers[tier] as Tier).takeFirst(this.#length - keep);
      this.#length -= surplus.length;
      for (const broadcast of surplus) {
        this.#bytes -= broadcast.message.length;
        this.#forget(broadcast);
      }
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
        const broadcast = tier.takeLongest(free);
        if (broadcast === undefined) break;
        selected.push(broadcast);
        this.#bytes -= broadcast.message.length;
        free -= broadcast.message.length + overhead;
      }
    }
    this.#length -= selected.length;
    return selected;
  }

  #insert(broadcast: Broadcast): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push(new Tier());
    (this.#tiers[broadcast.transmits] as Tier).add(broadcast);
    this.#length += 1;
    this.#bytes += broadcast.message.length;
  }

  #remove(broadcast: Broadcast): void {
    (this.#tiers[broadcast.transmits] as Tier).remove(broadcast);
    this.#length -= 1;
    this.#bytes -= broadcast.message.length;
  }

  #forget(broadcast: Broadcast): void {
    if (broadcast.name !== undefined) this.#named.delete(broadcast.name);
  }
}

/** More broadcasts than are ever added. */
const endOfIds = 2 ** 36;

/** What a tier is sorted by: the length, then the age, the newest last; exact up to 64 KiB. */
function keyOf(length: number, id: number): number {
  return length * endOfIds + id;
}

/** The broadcasts of which as many copies were taken. */
class Tier {
  /** Sorted, and apart from what they stand for: a search in thousands stays within one stretch of memory. */
  readonly #keys: number[] = [];
  /** In the order of {@link #keys}. */
  readonly #broadcasts: Broadcast[] = [];

  add(broadcast: Broadcast): void {
    const key = keyOf(broadcast.message.length, broadcast.id);
    const position = this.#position(key);
    this.#keys.splice(position, 0, key);
    this.#broadcasts.splice(position, 0, broadcast);
  }

  remove({ id, message }: Broadcast): void {
    this.#take(this.#position(keyOf(message.length, id)), 1);
  }

  /** The longest with at most `length` bytes, of equal ones the newest; undefined if there is none. */
  takeLongest(length: number): Broadcast | undefined {
    const position = this.#position(keyOf(length + 1, 0)) - 1;
    return position < 0 ? undefined : this.#take(position, 1)[0];
  }

  /** The first `count`, or all if they are fewer. */
  takeFirst(count: number): Broadcast[] {
    return this.#take(0, count);
  }

  #take(position: number, count: number): Broadcast[] {
    this.#keys.splice(position, count);
    return this.#broadcasts.splice(position, count);
  }

  /** Where `key` is, or belongs. */
  #position(key: number): number {
    const keys = this.#keys;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((keys[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
