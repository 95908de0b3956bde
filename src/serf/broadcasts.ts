import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import type { Bytes } from "../base/units.js";
import { BroadcastQueue } from "../swim/broadcast-queue.js";
import { packetRoom, userPartBytes } from "../swim/packet-room.js";
import type { SerfConfig } from "./config.js";
import type { SerfCounters } from "./counters.js";

/** What Serf gossips, the most important first. */
const broadcastKinds = ["intent", "query", "event"] as const;

export type BroadcastKind = (typeof broadcastKinds)[number];

/**
 * Events get a quarter more copies than Serf's: with those, one in some thousands does not reach one of
 * fifty members, and only what comes with a full exchange a minute later makes up for that, for the
 * latest 512 events.
 */
const moreEventCopies = 1;

/** As Serf calls its queues in log lines. */
const queueNames = { intent: "Intent", query: "Query", event: "Event" } as const;

/** Serf's three queues of messages to gossip (protocol.md sections 4.7 and 5.7). */
export class Broadcasts {
  readonly #config: SerfConfig;
  readonly #log: Log;
  readonly #counters: SerfCounters;
  readonly #meter: Meter;
  /**
   * Each holds at most twice what the check leaves in it: a flood between two checks is cut then.
   * Nothing in it is longer than a packet.
   */
  readonly #queues: Readonly<Record<BroadcastKind, BroadcastQueue>>;

  /** `population` counts all members, also those that failed or left; `onAdd` is told of each message. */
  constructor(
    config: SerfConfig,
    log: Log,
    counters: SerfCounters,
    meter: Meter,
    population: () => number,
    onAdd: () => void = () => {},
  ) {
    this.#config = config;
    this.#log = log;
    this.#counters = counters;
    this.#meter = meter;
    const { maxQueueDepth, timing } = config;
    const queue = (retransmitMult: number): BroadcastQueue => {
      const made = new BroadcastQueue({ retransmitMult, population, capacity: 2 * maxQueueDepth });
      made.onAdd = onAdd;
      return made;
    };
    this.#queues = {
      intent: queue(timing.retransmitMult),
      query: queue(timing.retransmitMult),
      event: queue(timing.retransmitMult + moreEventCopies),
    };
  }

  /** What all messages that wait take in packets, once each. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const kind of broadcastKinds) {
      const queue = this.#queues[kind];
      bytes += queue.bytes + queue.length * userPartBytes;
    }
    return bytes;
  }

  /** True if any message waits. */
  get waiting(): boolean {
    const { event, intent, query } = this.#queues;
    return intent.length > 0 || query.length > 0 || event.length > 0;
  }

  /** How many messages of a kind wait. */
  depth(kind: BroadcastKind): number {
    return this.#queues[kind].length;
  }

  /**
   * Queues a message, which must not be written to any more. `finished` is called when it was sent
   * as often as it is going to be; it may be called while a packet is put together, so it only takes
   * note.
   *
   * Serf also queues what no packet can hold, and keeps it until the queue overflows.
   */
  add(kind: BroadcastKind, message: Bytes, finished?: () => void): void {
    if (message.length > packetRoom(this.#config) - userPartBytes) {
      this.#counters.unsendable += 1;
      this.#log.warn({ kind, bytes: message.length }, "message too long for a packet not gossiped");
      finished?.();
      return;
    }
    this.#queues[kind].add(message, finished === undefined ? {} : { finished });
  }

  /** Messages for a packet with `budget` bytes left, `overhead` counted for each. */
  take(overhead: number, budget: number): Bytes[] {
    const taken: Bytes[] = [];
    if (!this.waiting) return taken;
    let left = budget;
    for (const kind of broadcastKinds) {
      for (const message of this.#queues[kind].take(overhead, left)) {
        taken.push(message);
        left -= message.length + overhead;
        this.#counters.messagesSent += 1;
        this.#counters.messageBytesSent += message.length;
        this.#meter.sample("serf.msgs.sent", message.length);
      }
    }
    return taken;
  }

  /** Warns of long queues and cuts those that are too long. */
  checkDepth(): void {
    const { queueDepthWarning, maxQueueDepth } = this.#config;
    for (const kind of broadcastKinds) {
      const queue = this.#queues[kind];
      const depth = queue.length;
      const name = queueNames[kind];
      this.#meter.sample(`serf.queue.${name}`, depth);
      if (depth >= queueDepthWarning) this.#log.warn({}, `${name} queue depth: ${depth}`);
      if (depth > maxQueueDepth) {
        this.#log.warn(
          {},
          `${name} queue depth (${depth}) exceeds limit (${maxQueueDepth}), dropping messages!`,
        );
        queue.prune(maxQueueDepth);
      }
    }
  }
}
