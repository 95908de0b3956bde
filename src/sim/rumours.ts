import { assert } from "../base/assert.js";
import { intBelow, SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import { profiles } from "../swim/config.js";
import { quietConditions } from "./network.js";
import type { Process } from "./process.js";
import { type NodeConfig, World, type WorldNode } from "./world.js";

/** What is told: a user event, new tags, or that somebody leaves. */
export type RumourKind = "event" | "tags" | "leave";

/** One rumour after the other in a group at rest. */
export interface RumourOptions {
  readonly kind: RumourKind;
  readonly members: number;
  readonly rumours: number;
  readonly seed: number;
  /** The share of packets that get lost. */
  readonly loss?: number;
  readonly config?: NodeConfig;
  /** What every other member is started with besides. */
  readonly others?: NodeConfig;
}

export interface RumourReport {
  /** Of how many rumours somebody did not hear, before a push/pull would have told of it. */
  readonly missed: number;
  /** By rumour, sorted: when the last of those that heard it did. */
  readonly times: readonly Millis[];
  /** Packets that a member sent by rumour, besides two a second for probes. */
  readonly packets: number;
}

/** After so long gossip has ended. */
const patience: Millis = seconds(3);

export function runRumours(options: RumourOptions): RumourReport {
  const group = new Group(options);
  group.settle();
  for (let number = 0; number < options.rumours; number += 1) group.tell(number);
  return group.report();
}

class Group {
  readonly #options: RumourOptions;
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #times: Millis[] = [];
  #missed = 0;
  #packets = 0;
  #isIt: (event: SerfEvent) => boolean = () => false;
  readonly #heard = new Set<string>();
  #lastAt: Instant = 0;

  constructor(options: RumourOptions) {
    const { config, loss = 0, members, seed } = options;
    this.#options = options;
    this.#random = new SeededRandom(seed, 0x5708);
    this.#world = new World({
      seed,
      hashPackets: false,
      conditions: { ...quietConditions, loss },
      config: {
        compression: false,
        coalescePeriod: 0,
        userCoalescePeriod: 0,
        timing: { ...profiles.lan, pushPullInterval: 1e9 },
        ...config,
      },
    });
    for (let index = 0; index < members; index += 1) this.#world.add(`n${index}`);
    this.#world.observer = {
      told: ({ name }, event) => this.#note(name, event),
      touched: () => {},
      sent: () => {},
      started: () => {},
      stopped: () => {},
    };
  }

  /** All know all, by exchanges if need be, and nothing waits to be told. */
  settle(): void {
    for (const node of this.#world.nodes) {
      this.#start(node);
      this.#world.run(100);
    }
    this.#world.run(seconds(5));
    for (const node of this.#world.nodes) this.#join(node);
    this.#world.run(seconds(10));
  }

  tell(number: number): void {
    const { members } = this.#options;
    const node = this.#world.node(intBelow(this.#random, members));
    const at = this.#world.now;
    const sentBefore = this.#sent();
    this.#heard.clear();
    this.#say(node, `r${number}`);
    this.#world.run(patience);
    this.#packets += (this.#sent() - sentBefore) / members - (2 * patience) / seconds(1);
    this.#heard.add(node.name);
    if (this.#heard.size < members) this.#missed += 1;
    this.#times.push(this.#lastAt - at);
    if (this.#options.kind === "leave") this.#comeBack(node);
    // At another time between two turns of gossip.
    this.#world.run(200 * this.#random.next());
  }

  report(): RumourReport {
    const { rumours } = this.#options;
    const times = this.#times.sort((one, other) => one - other);
    return { missed: this.#missed, times, packets: this.#packets / rumours };
  }

  #say(node: WorldNode, rumour: string): void {
    const { process } = node;
    assert(process !== undefined, "all have been started");
    const { serf } = process;
    switch (this.#options.kind) {
      case "event":
        this.#isIt = (event) => event.kind === "user" && event.name === rumour;
        this.#world.feed(process, (now) => serf.userEvent(now, rumour, new Uint8Array(), false));
        return;
      case "tags":
        this.#isIt = (event) =>
          event.kind === "member-update" &&
          event.members.some(({ tags }) => tags.get("r") === rumour);
        this.#world.feed(process, (now) => serf.setTags(now, new Map([["r", rumour]]), () => {}));
        return;
      case "leave":
        this.#isIt = (event) =>
          event.kind === "member-leave" && event.members.some(({ name }) => name === node.name);
        this.#world.feed(process, (now) => serf.leave(now, () => {}));
    }
  }

  #note(name: string, event: SerfEvent): void {
    if (!this.#isIt(event)) return;
    this.#heard.add(name);
    this.#lastAt = this.#world.now;
  }

  #comeBack(node: WorldNode): void {
    this.#isIt = () => false;
    this.#world.crash(node);
    this.#start(node);
    this.#world.run(seconds(3));
  }

  #start(node: WorldNode): Process {
    const { others } = this.#options;
    const mixed = node.index % 2 === 0 && others !== undefined ? { config: others } : {};
    const process = this.#world.start(node, mixed);
    this.#join(node);
    return process;
  }

  #join(node: WorldNode): void {
    const { process } = node;
    assert(process !== undefined, "it has been started");
    const { address } = this.#world.node(node.index === 0 ? 1 : 0);
    if (this.#world.node(1).process === undefined) return;
    this.#world.feed(process, (now) =>
      process.serf.join(now, [{ address, name: "" }], false, () => {}),
    );
  }

  #sent(): number {
    let sent = 0;
    for (const { serf } of this.#world.processes()) sent += serf.swimCounters.packetsSent;
    return sent;
  }
}
