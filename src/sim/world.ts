import type { Address } from "../base/address.js";
import { assert } from "../base/assert.js";
import type { Log } from "../base/log.js";
import { SeededRandom } from "../base/random.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import { type SerfConfig, type SerfIdentity, serfDefaults } from "../serf/config.js";
import type { SerfEvent, SerfOutput } from "../serf/events.js";
import { GroupRoster } from "../serf/group-roster.js";
import { Serf } from "../serf/serf.js";
import type { SnapshotState } from "../serf/snapshot.js";
import { profiles } from "../swim/config.js";
import { DriftingClock } from "./clock.js";
import { type DiskFate, VirtualDisk } from "./disk.js";
import { EventQueue } from "./event-queue.js";
import { History } from "./history.js";
import { type Conditions, Network, quietConditions } from "./network.js";
import { Process } from "./process.js";
import { Streams } from "./streams.js";

/** What is the same for all nodes of a world, if a node is not started with something else. */
export type NodeConfig = Partial<
  Omit<SerfConfig, "name" | "advertise" | "bindPort" | "snapshot" | "roster">
>;

export interface WorldOptions {
  readonly seed: number;
  readonly conditions?: Conditions;
  readonly config?: NodeConfig;
  readonly log?: (process: string) => { readonly serf: Log; readonly swim: Log };
  /** Another member than {@link Serf}: one that is broken on purpose. */
  readonly newSerf?: (...parts: ConstructorParameters<typeof Serf>) => Serf;
  /** False: packets are not put into the history, which then takes less time. */
  readonly hashPackets?: boolean;
}

export interface StartOptions {
  /** True: at an address where this node never was. */
  readonly elsewhere?: boolean;
  /** True: with a snapshot on the node's disk, which is read first. */
  readonly snapshot?: boolean;
  /** True: what the disk remembers of others counts also after a leave. */
  readonly rejoins?: boolean;
  readonly clock?: DriftingClock;
  readonly config?: NodeConfig;
  /** Where the node keeps its keys; throws {@link OperatorError}. */
  readonly saveKeyring?: (keys: readonly Bytes[]) => void;
}

/** As {@link StartOptions}; the same for all, and none has a disk with a past. */
export type PopulateOptions = Pick<StartOptions, "clock" | "config">;

/** Who looks on; every call is made with the virtual time at hand. */
export interface Observer {
  /** A process was given an input, and all that it wanted was done. */
  touched(process: Process): void;
  sent(process: Process, payload: Bytes): void;
  told(process: Process, event: SerfEvent): void;
  started(process: Process): void;
  stopped(process: Process, reason: string): void;
}

/** A name with its disk, over all its lives. */
export interface WorldNode {
  readonly index: number;
  readonly name: string;
  readonly disk: VirtualDisk;
  /** Its latest life, which may be over; undefined before the first. */
  process: Process | undefined;
  /** Where it is, or was last. */
  address: Address;
  /** False once its host went down with the process: nothing answers there then, not even a refusal. */
  hostUp: boolean;
  /** How often it was started. */
  lives: number;
}

/** What is under way. Those that come a million times are plain objects, the others functions. */
type Item =
  | Process
  | (() => void)
  | { readonly from: Address; readonly to: Address; readonly payload: Bytes };

const port = 7946;

const silent: Log = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

const nothing: Bytes = new Uint8Array();

/**
 * Many members in virtual time: the other driver of {@link Serf}. Same calls as the agent's, no
 * sockets. What happens is determined by the seed and by what is done to the world.
 */
export class World {
  /** Virtual time. */
  now: Instant = 0;
  readonly network: Network;
  readonly history = new History();
  readonly nodes: WorldNode[] = [];
  observer: Observer | undefined;
  readonly #options: WorldOptions;
  readonly #events = new EventQueue<Item>();
  readonly #streams: Streams;
  readonly #random: SeededRandom;
  /** By the address as a number, wherever a node ever was. */
  readonly #nodesByAddress = new Map<number, WorldNode>();

  constructor(options: WorldOptions) {
    const { conditions = quietConditions, seed } = options;
    this.#options = options;
    this.#random = new SeededRandom(seed, 0xf001);
    this.network = new Network(new SeededRandom(seed, 0xf002), conditions);
    this.#streams = new Streams({
      network: this.network,
      random: this.#random,
      now: () => this.now,
      at: (when, run) => this.at(when, run),
      nodeAt: (address) => {
        const node = this.#nodesByAddress.get(addressNumber(address));
        return node?.hostUp === true ? node.index : undefined;
      },
      listenerAt: (address) => this.#listenerAt(address),
      input: (process, input) => this.#input(process, input),
    });
  }

  /** A node that was not started yet. */
  add(name: string): WorldNode {
    const index = this.nodes.length;
    const node: WorldNode = {
      index,
      name,
      disk: new VirtualDisk(),
      process: undefined,
      address: { ip: nothing, port },
      hostUp: true,
      lives: 0,
    };
    this.nodes.push(node);
    this.#place(node, 0);
    return node;
  }

  node(index: number): WorldNode {
    const node = this.nodes[index];
    assert(node !== undefined, "the node exists");
    return node;
  }

  /** Begins a life of `node`, which is alone then. */
  start(node: WorldNode, options: StartOptions = {}): Process {
    assert(node.process?.up !== true, "a node has one process at a time");
    if (options.elsewhere === true) this.#place(node, node.lives);
    const recovered = options.snapshot === true ? node.disk.recover(options.rejoins) : undefined;
    return this.#begin(node, options, recovered, undefined);
  }

  /**
   * Adds nodes that know each other from the beginning, as after joins of long ago: they are told
   * nothing of each other, have nothing to gossip, and share what they believe ({@link GroupRoster}).
   * One that is started anew is alone, as anywhere.
   */
  populate(names: readonly string[], options: PopulateOptions = {}): readonly Process[] {
    const nodes = names.map((name) => this.add(name));
    const { clock = new DriftingClock(0, 1) } = options;
    const config = { ...serfDefaults, tags: new Map(), ...this.#options.config, ...options.config };
    const roster = new GroupRoster(nodes, config, clock.at(this.now));
    return nodes.map((node) => this.#begin(node, { ...options, clock }, undefined, roster));
  }

  /** The process ends at once; with its host, nobody is told that its connections are gone. */
  crash(node: WorldNode, disk: DiskFate = "kept", hostEnds = false): void {
    const { process } = node;
    if (process?.up !== true) return;
    this.history.line(this.now, `${node.name} ends`);
    process.up = false;
    node.hostUp = !hostEnds;
    this.#streams.cut(process, hostEnds);
    node.disk.end(disk, this.#random);
  }

  pause(node: WorldNode): void {
    if (node.process?.up !== true) return;
    this.history.line(this.now, `${node.name} stands still`);
    node.process.paused = true;
  }

  /** As in the agent's driver, what waits to be read is read before any timer runs. */
  resume(node: WorldNode): void {
    const { process } = node;
    if (process?.up !== true || !process.paused) return;
    this.history.line(this.now, `${node.name} goes on`);
    process.paused = false;
    this.#catchUp(process);
    this.#wake(process);
  }

  /**
   * Lifeguard's anomaly (section V of the paper): the process neither sends nor handles messages, but its
   * timers run. What comes waits in its sockets, and what it wants to send waits as well.
   *
   * With `hangs`, what wants to send gets stuck there and does nothing more until then, as each of
   * memberlist's threads does that the paper stopped: there is one ping under way then, not one a second.
   */
  block(node: WorldNode, hangs = false): void {
    if (node.process?.up !== true) return;
    this.history.line(this.now, `${node.name} is blocked`);
    node.process.blocked = true;
    node.process.hangs = hangs;
  }

  /** What it wanted to send is sent, and then what waits to be read is read. */
  unblock(node: WorldNode): void {
    const { process } = node;
    if (process?.up !== true || !process.blocked) return;
    this.history.line(this.now, `${node.name} is blocked no more`);
    process.blocked = false;
    this.#catchUp(process);
  }

  at(when: Instant, run: () => void): void {
    this.#events.add(when, run);
  }

  /**
   * Gives a process one input, and does what it wants done. A process that is not up, or whose event
   * loop stands still, must not be given any.
   */
  feed<Result>(process: Process, input: (now: Instant) => Result): Result {
    assert(process.runs, "only a process that runs takes inputs");
    try {
      return input(process.clock.at(this.now));
    } finally {
      this.#settle(process);
    }
  }

  run(duration: Millis): void {
    this.runUntil(this.now + duration);
  }

  runUntil(end: Instant): void {
    for (let at = this.#events.nextAt; at <= end; at = this.#events.nextAt) {
      this.now = at;
      const item = this.#events.take();
      if (item !== undefined) this.#happen(item, at);
    }
    this.now = end;
  }

  /** The processes that are up, paused ones included, by node. */
  *processes(): Iterable<Process> {
    for (const { process } of this.nodes) if (process?.up === true) yield process;
  }

  #begin(
    node: WorldNode,
    options: Pick<StartOptions, "clock" | "config" | "saveKeyring">,
    recovered: SnapshotState | undefined,
    roster: GroupRoster | undefined,
  ): Process {
    node.lives += 1;
    node.hostUp = true;
    const clock = options.clock ?? new DriftingClock(0, 1);
    const { saveKeyring } = options;
    const config = { ...options.config, snapshot: recovered, ...(roster && { roster }) };
    const serf = this.#newSerf(node, config, saveKeyring);
    const process = new Process({ node, serf, clock, startedAt: this.now, recovered });
    node.process = process;
    this.history.line(this.now, `${node.name} starts`);
    this.observer?.started(process);
    this.feed(process, (now) => serf.start(now));
    return process;
  }

  #happen(item: Item, at: Instant): void {
    if (typeof item === "function") {
      item();
      return;
    }
    if (!(item instanceof Process)) {
      this.#deliver(item.from, item.to, item.payload);
      return;
    }
    // Asked for more than once, or by a process that has ended or stands still.
    if (item.wakeAt === at && item.runs) this.#wake(item);
  }

  #wake(process: Process): void {
    process.wakeAt = Number.POSITIVE_INFINITY;
    process.serf.handleTimeout(process.clock.at(this.now));
    this.#settle(process);
  }

  /** Does what a process could not do while it stood still or was blocked, if it can now. */
  #catchUp(process: Process): void {
    if (!process.reads) return;
    const held = process.takeHeld();
    if (held.length > 0)
      this.feed(process, (now) => {
        for (const run of held) run(now);
      });
    for (const output of process.takeUnsent()) this.#carryOut(process, output);
    for (const input of process.takeInbox()) input();
  }

  #deliver(from: Address, to: Address, payload: Bytes): void {
    const process = this.#listenerAt(to);
    if (process === undefined) return;
    if (process.reads) this.#receive(process, from, payload);
    else process.keep(() => this.#receive(process, from, payload), payload.length);
  }

  #receive(process: Process, from: Address, payload: Bytes): void {
    if (!process.up) return;
    process.serf.receivePacket(process.clock.at(this.now), from, payload);
    this.#settle(process);
  }

  #input(process: Process, input: (now: Instant) => void): void {
    if (!process.up) return;
    if (process.reads) this.feed(process, input);
    else process.keep(() => this.#input(process, input));
  }

  #settle(process: Process): void {
    const { serf } = process;
    for (let outputs = serf.drain(); outputs.length > 0; outputs = serf.drain()) {
      for (const output of outputs) if (process.up) this.#carryOut(process, output);
    }
    if (!process.up) return;
    this.observer?.touched(process);
    this.#arm(process);
  }

  /** As the driver's timer: in whole milliseconds, at least one, and only replaced by an earlier one. */
  #arm(process: Process): void {
    const deadline = process.serf.deadline();
    if (deadline === undefined) return;
    const { clock } = process;
    const wait = Math.max(1, Math.ceil(deadline - clock.at(this.now)));
    const wakeAt = this.now + clock.virtualOf(wait);
    if (wakeAt >= process.wakeAt) return;
    process.wakeAt = wakeAt;
    this.#events.add(wakeAt, process);
  }

  #carryOut(process: Process, output: SerfOutput): void {
    if (process.blocked && isMessage(output)) {
      process.keepUnsent(output);
      return;
    }
    switch (output.kind) {
      case "packet":
        this.#send(process, output.to, output.payload);
        return;
      case "dial":
        this.#streams.dial(process, output.stream, output.to);
        return;
      case "write":
        if (this.#options.hashPackets !== false) this.history.bytes(output.bytes);
        this.#streams.write(process, output.stream, output.bytes);
        return;
      case "close":
        this.#streams.close(process, output.stream);
        return;
      case "event":
        this.history.line(this.now, `${process.name} is told ${describeEvent(output.event)}`);
        this.observer?.told(process, output.event);
        return;
      case "record": {
        const { disk } = this.node(process.node);
        const flushAt = disk.append(this.now, output.record);
        if (flushAt === undefined) return;
        this.at(flushAt, () => {
          if (process.up) disk.flush(this.now);
        });
        return;
      }
      case "stop":
        this.history.line(this.now, `${process.name} has to stop: ${output.reason}`);
        this.crash(this.node(process.node));
        this.observer?.stopped(process, output.reason);
    }
  }

  #send(process: Process, to: Address, payload: Bytes): void {
    if (this.#options.hashPackets !== false) {
      this.history.number(this.now);
      this.history.number(addressNumber(to));
      this.history.bytes(payload);
    }
    this.observer?.sent(process, payload);
    const node = this.#nodesByAddress.get(addressNumber(to));
    if (node === undefined) return;
    const from = process.address;
    const arrivals = this.network.datagram(this.now, process.node, node.index, payload.length);
    for (const at of arrivals) {
      const arrived = this.network.spoiled(process.node, node.index, payload);
      this.#events.add(at, { from, to, payload: arrived });
    }
  }

  #listenerAt(address: Address): Process | undefined {
    const number = addressNumber(address);
    const process = this.#nodesByAddress.get(number)?.process;
    if (process?.up !== true || addressNumber(process.address) !== number) return undefined;
    return process;
  }

  /** 10.life.high.low, from 11 on beyond 65,535 nodes: no two nodes ever share an address. */
  #place(node: WorldNode, life: number): void {
    const number = node.index + 1;
    const ip = Uint8Array.of(10 + (number >> 16), life & 0xff, (number >> 8) & 0xff, number & 0xff);
    node.address = { ip, port };
    this.#nodesByAddress.set(addressNumber(node.address), node);
  }

  #newSerf(
    node: WorldNode,
    config: NodeConfig & Pick<SerfConfig, "snapshot" | "roster">,
    saveKeyring: StartOptions["saveKeyring"] = () => {},
  ): Serf {
    const { log, seed } = this.#options;
    const random = new SeededRandom(seed, node.index + 1 + (node.lives << 16));
    const identity: Pick<SerfConfig, SerfIdentity> = {
      name: node.name,
      tags: new Map(),
      advertise: node.address,
      bindPort: port,
      timing: profiles.lan,
      keyring: undefined,
    };
    const overrides = { ...this.#options.config, ...config };
    const newSerf: NonNullable<WorldOptions["newSerf"]> =
      this.#options.newSerf ?? ((...parts) => new Serf(...parts));
    return newSerf(
      { ...serfDefaults, ...identity, ...overrides },
      {
        random,
        logs: log?.(node.name) ?? { serf: silent, swim: silent },
        saveKeyring,
        sendTimers: (timers) => ({
          at: (when, run) => {
            timers.at(when, (now) => {
              const { process } = node;
              if (process?.blocked === true && process.hangs) process.hold(run);
              else run(now);
            });
          },
        }),
        nonce: () => Uint8Array.from({ length: 12 }, () => Math.floor(random.next() * 256)),
      },
    );
  }
}

/** Addresses of the world are IPv4 with one port. */
function addressNumber({ ip }: Address): number {
  const [a = 0, b = 0, c = 0, d = 0] = ip;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** True for what goes to another process. */
function isMessage({ kind }: SerfOutput): boolean {
  return kind === "packet" || kind === "dial" || kind === "write" || kind === "close";
}

function describeEvent(event: SerfEvent): string {
  switch (event.kind) {
    case "user":
      return `user ${event.name} at ${event.ltime}`;
    case "query":
      return `query ${event.name} at ${event.ltime}`;
    default:
      return [event.kind, ...event.members.map(({ name }) => name)].join(" ");
  }
}
