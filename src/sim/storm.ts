import { assert } from "../base/assert.js";
import { SeededRandom } from "../base/random.js";
import { type Instant, type Millis, minutes, seconds } from "../base/units.js";
import { memberlistThoroughness } from "../swim/config.js";
import { quietConditions } from "./network.js";
import { type NodeConfig, type Observer, World } from "./world.js";

/** Of a member that spreads what is new as memberlist does, and so Serf. */
export const memberlistWays: NodeConfig = { thoroughness: memberlistThoroughness };

/** Members that start cold and join the first of them. */
export interface StormOptions {
  readonly members: number;
  readonly seed: number;
  /** They start at random within so long; 0, the default: all at once. */
  readonly spread?: Millis;
  /** The share of packets that get lost. */
  readonly loss?: number;
  /** What all are started with. */
  readonly config?: NodeConfig;
  /** What the first and every other one are started with besides: a mixed group. */
  readonly others?: NodeConfig;
}

/** How a storm went; times since the last one has started. */
export interface StormReport {
  /** When all saw all; infinite if that took longer than anybody waits. */
  readonly convergedAfter: Millis;
  /** When each saw all, the first of them first. */
  readonly completeAfter: readonly Millis[];
  /** Who had not seen whom {@link lookAfter} the last start. */
  readonly missed: readonly { readonly who: string; readonly whom: string }[];
  /** How often a member was declared failed. */
  readonly falseFailures: number;
  /** Sent until {@link trafficTime} after the last start, by a member on average. */
  readonly packets: number;
  readonly packetBytes: number;
  readonly streamBytes: number;
}

/** Gossip has ended by then; whom it has missed waits for a push/pull. */
const lookAfter: Millis = seconds(4);

/** By then all is said that a storm gives reason to say, but for regular push/pulls. */
const trafficTime: Millis = seconds(20);

/** Serf's second push/pull among 100 members comes within this. */
const patience: Millis = minutes(5);

/** One storm, and how long it took until all saw all. Packets are not compressed, as budgets count them. */
export function runStorm(options: StormOptions): StormReport {
  const storm = new Storm(options);
  storm.runUntil(lookAfter);
  const missed = storm.missed();
  storm.runUntil(trafficTime);
  const traffic = storm.traffic();
  storm.runUntilComplete(patience);
  const { completeAfter, falseFailures } = storm;
  const convergedAfter = Math.max(...completeAfter);
  return { convergedAfter, completeAfter, missed, falseFailures, ...traffic };
}

class Storm {
  falseFailures = 0;
  readonly #members: number;
  readonly #world: World;
  readonly #completeAt = new Map<number, Instant>();
  readonly #begin: Instant;

  constructor({ config, loss = 0, members, others, seed, spread = 0 }: StormOptions) {
    this.#members = members;
    this.#world = new World({
      seed,
      hashPackets: false,
      conditions: { ...quietConditions, loss },
      config: { compression: false, coalescePeriod: 0, ...config },
    });
    this.#world.observer = this.#observer();
    const random = new SeededRandom(seed, 0x5707);
    const nodes = Array.from({ length: members }, (_, index) => this.#world.add(`n${index}`));
    const [first] = nodes;
    assert(first !== undefined, "a storm has members");
    const starts = nodes.map((node) => (node === first ? 0 : spread * random.next()));
    this.#begin = Math.max(...starts);
    for (const node of nodes) {
      this.#world.at(starts[node.index] ?? 0, () => {
        const mixed = node.index % 2 === 0 && others !== undefined ? { config: others } : {};
        const process = this.#world.start(node, mixed);
        if (node === first) return;
        const target = { address: first.address, name: "" };
        this.#world.feed(process, (now) => process.serf.join(now, [target], false, () => {}));
      });
    }
  }

  /** The first to see all first. */
  get completeAfter(): Millis[] {
    return Array.from(this.#world.nodes, ({ index }) => {
      const at = this.#completeAt.get(index);
      return at === undefined ? Number.POSITIVE_INFINITY : at - this.#begin;
    }).sort((one, other) => one - other);
  }

  runUntil(time: Millis): void {
    this.#world.runUntil(this.#begin + time);
  }

  runUntilComplete(limit: Millis): void {
    const end = this.#begin + limit;
    while (this.#completeAt.size < this.#members && this.#world.now < end) {
      this.#world.run(seconds(1));
    }
  }

  missed(): { who: string; whom: string }[] {
    const missed: { who: string; whom: string }[] = [];
    for (const { name: who, node, serf } of this.#world.processes()) {
      if (this.#completeAt.has(node)) continue;
      const seen = new Set(serf.members().map(({ name }) => name));
      for (const { name: whom } of this.#world.nodes)
        if (!seen.has(whom)) missed.push({ who, whom });
    }
    return missed;
  }

  traffic(): Pick<StormReport, "packets" | "packetBytes" | "streamBytes"> {
    const sums = { packets: 0, packetBytes: 0, streamBytes: 0 };
    for (const { serf } of this.#world.processes()) {
      const { packetBytesSent, packetsSent, streamBytesSent } = serf.swimCounters;
      sums.packets += packetsSent / this.#members;
      sums.packetBytes += packetBytesSent / this.#members;
      sums.streamBytes += streamBytesSent / this.#members;
    }
    return sums;
  }

  #observer(): Observer {
    return {
      touched: ({ node, serf }) => {
        if (this.#completeAt.has(node)) return;
        const { failed, left, members } = serf.stats();
        if (members - failed - left === this.#members) this.#completeAt.set(node, this.#world.now);
      },
      told: (_process, event) => {
        if (event.kind === "member-failed") this.falseFailures += event.members.length;
      },
      sent: () => {},
      started: () => {},
      stopped: () => {},
    };
  }
}
