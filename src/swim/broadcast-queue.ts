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

interface Broadcast {
  readonly message: Bytes;
  /** Of the message: to choose, it need not be looked at. */
  readonly length: number;
  readonly name: string | undefined;
  readonly finished: (() => void) | undefined;
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
    const { finished, name } = options;
    const { length } = message;
    const broadcast = { message, length, name, finished, id: ++this.#lastId, transmits: 0 };
    let replaced: Broadcast | undefined;
    if (name !== undefined) {
      replaced = this.#named.get(name);
      if (replaced !== undefined) this.#remove(replaced);
      this.#named.set(name, broadcast);
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
        this.#bytes -= broadcast.length;
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
        this.#bytes -= broadcast.length;
        free -= broadcast.length + overhead;
      }
    }
    this.#length -= selected.length;
    return selected;
  }

  #insert(broadcast: Broadcast): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push(new Tier());
    (this.#tiers[broadcast.transmits] as Tier).add(broadcast);
    this.#length += 1;
    this.#bytes += broadcast.length;
  }

  #remove(broadcast: Broadcast): void {
    (this.#tiers[broadcast.transmits] as Tier).remove(broadcast);
    this.#length -= 1;
    this.#bytes -= broadcast.length;
  }

  #forget(broadcast: Broadcast): void {
    if (broadcast.name !== undefined) this.#named.delete(broadcast.name);
  }
}

/** The broadcasts of which as many copies were taken. */
class Tier {
  /** One for each length that there is, the shortest first: members' claims have few lengths. */
  readonly #shelves: Shelf[] = [];

  add(broadcast: Broadcast): void {
    const { length } = broadcast;
    const position = this.#position(length);
    const shelf = this.#shelves[position];
    if (shelf?.length === length) shelf.add(broadcast);
    else this.#shelves.splice(position, 0, new Shelf(length, broadcast));
  }

  remove(broadcast: Broadcast): void {
    const position = this.#position(broadcast.length);
    const shelf = this.#shelves[position] as Shelf;
    shelf.remove(broadcast);
    this.#dropIfEmpty(position, shelf);
  }

  /** The longest with at most `length` bytes, of equal ones the newest; undefined if there is none. */
  takeLongest(length: number): Broadcast | undefined {
    const shelves = this.#shelves;
    let position = shelves.length - 1;
    // Only the end of a packet has no room for the longest.
    if (position >= 0 && (shelves[position] as Shelf).length > length) {
      position = this.#position(length + 1) - 1;
    }
    const shelf = shelves[position];
    if (shelf === undefined) return undefined;
    const newest = shelf.takeNewest();
    this.#dropIfEmpty(position, shelf);
    return newest;
  }

  /** The first `count`, or all if they are fewer: the shortest, of equal ones the oldest. */
  takeFirst(count: number): Broadcast[] {
    const taken: Broadcast[] = [];
    for (let shelf = this.#shelves[0]; shelf && taken.length < count; shelf = this.#shelves[0]) {
      taken.push(...shelf.takeOldest(count - taken.length));
      this.#dropIfEmpty(0, shelf);
    }
    return taken;
  }

  #dropIfEmpty(position: number, shelf: Shelf): void {
    if (shelf.size === 0) this.#shelves.splice(position, 1);
  }

  /** Where the broadcasts of `length` bytes are, or belong. */
  #position(length: number): number {
    const shelves = this.#shelves;
    let low = 0;
    let high = shelves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shelves[middle] as Shelf).length < length) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The broadcasts of a tier that are equally long, oldest first.
 *
 * New ones are the newest; of those that were sent, the newest came first, so that each is older than
 * those before: nearly all are put at one of the two ends, where nothing has to be looked for or moved.
 */
class Shelf {
  /** In bytes. */
  readonly length: number;
  /** From {@link #first} on; before are as many free places at most. */
  #broadcasts: (Broadcast | undefined)[];
  #first = 0;

  constructor(length: number, broadcast: Broadcast) {
    this.length = length;
    this.#broadcasts = [broadcast];
  }

  get size(): number {
    return this.#broadcasts.length - this.#first;
  }

  /** To one that is not empty. */
  add(broadcast: Broadcast): void {
    const { id } = broadcast;
    if (id > this.#idAt(this.#broadcasts.length - 1)) this.#broadcasts.push(broadcast);
    else if (id < this.#idAt(this.#first)) this.#addFirst(broadcast);
    else this.#broadcasts.splice(this.#position(id), 0, broadcast);
  }

  remove({ id }: Broadcast): void {
    this.#broadcasts.splice(this.#position(id), 1);
  }

  takeNewest(): Broadcast | undefined {
    return this.#broadcasts.pop();
  }

  /** At most `count`. */
  takeOldest(count: number): Broadcast[] {
    const oldest = this.#broadcasts.splice(this.#first, count);
    return oldest.filter((broadcast) => broadcast !== undefined);
  }

  #addFirst(broadcast: Broadcast): void {
    if (this.#first === 0) {
      this.#first = this.#broadcasts.length;
      this.#broadcasts = [...new Array<undefined>(this.#first), ...this.#broadcasts];
    }
    this.#first -= 1;
    this.#broadcasts[this.#first] = broadcast;
  }

  #idAt(position: number): number {
    return (this.#broadcasts[position] as Broadcast).id;
  }

  /** Where `id` is, or belongs. */
  #position(id: number): number {
    let low = this.#first;
    let high = this.#broadcasts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#idAt(middle) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
