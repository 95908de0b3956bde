import { type Address, formatAddress } from "../../src/base/address.js";
import { noMeter } from "../../src/base/meter.js";
import { SeededRandom } from "../../src/base/random.js";
import { TimerQueue } from "../../src/base/timers.js";
import type { Bytes, Instant, Millis } from "../../src/base/units.js";
import { type SerfConfig, type SerfIdentity, serfDefaults } from "../../src/serf/config.js";
import type { MemberEvent, SerfEvent, SerfOutput } from "../../src/serf/events.js";
import { Serf, type SerfHost } from "../../src/serf/serf.js";
import {
  compactSnapshot,
  formatRecord,
  replaySnapshot,
  type SnapshotRecord,
  type SnapshotState,
} from "../../src/serf/snapshot.js";
import { profiles } from "../../src/swim/config.js";
import type { StreamId } from "../../src/swim/host.js";
import { RecordedLog } from "./recorded-log.js";

const packetDelay: Millis = 1;

export interface ClusterOptions {
  readonly seed?: number;
  /** The part of all datagrams that get lost. */
  readonly loss?: number;
  /** The part of all datagrams that arrive twice. */
  readonly duplicates?: number;
  /** Up to how much later than others a datagram arrives; so they overtake each other. */
  readonly jitter?: Millis;
}

export type NodeOptions = Partial<SerfConfig> &
  Pick<SerfHost, "meter" | "noteChange" | "observe" | "saveKeyring"> & { readonly host?: number };

/** A snapshot that is new. */
export const emptySnapshot: SnapshotState = {
  alive: new Map(),
  clock: 0,
  eventClock: 0,
  queryClock: 0,
};

/** One end of a connection. */
interface StreamEnd {
  readonly node: ClusterNode;
  /** Undefined until the other side has accepted. */
  id: StreamId | undefined;
  open: boolean;
  peer: StreamEnd;
}

/** One Serf machine and what came out of it. */
export class ClusterNode {
  readonly serf: Serf;
  readonly address: Address;
  readonly log = new RecordedLog();
  readonly swimLog = new RecordedLog();
  /** What handlers would have been told. */
  readonly events: SerfEvent[] = [];
  /** The same, all of it, with the time. */
  readonly history: { readonly at: Instant; readonly event: SerfEvent }[] = [];
  /** Every datagram it sent, before the network decided what became of it. */
  readonly sent: { readonly to: Address; readonly payload: Bytes }[] = [];
  /** What it had for its snapshot since its start. */
  readonly records: SnapshotRecord[] = [];
  readonly streams = new Map<StreamId, StreamEnd>();
  readonly #recovered: SnapshotState | undefined;
  /** False once it crashed or had to stop. */
  up = true;
  /** What came while it was paused; undefined while it runs. */
  waiting: (() => void)[] | undefined;
  /** Why it had to stop. */
  stopped: string | undefined;

  constructor(name: string, seed: number, options: NodeOptions) {
    const { host = 1, meter = noMeter, noteChange, observe, saveKeyring, ...overrides } = options;
    this.#recovered = options.snapshot;
    this.address = { ip: Uint8Array.of(10, 0, 0, host), port: 7946 };
    const identity: Pick<SerfConfig, SerfIdentity> = {
      name,
      tags: new Map(),
      advertise: this.address,
      bindPort: 7946,
      timing: profiles.lan,
      keyring: undefined,
    };
    const random = new SeededRandom(seed, host);
    this.serf = new Serf(
      { ...serfDefaults, ...identity, ...overrides },
      {
        random,
        logs: { serf: this.log, swim: this.swimLog },
        saveKeyring: saveKeyring ?? (() => {}),
        noteChange: noteChange ?? (() => {}),
        observe: observe ?? (() => {}),
        meter,
        nonce: () => Uint8Array.from({ length: 12 }, () => Math.floor(random.next() * 256)),
      },
    );
  }

  /** `member-join a b` and so on, of the member events so far. */
  get told(): string[] {
    return this.events
      .filter((event): event is MemberEvent => event.kind.startsWith("member-"))
      .map((event) => [event.kind, ...event.members.map((member) => member.name)].join(" "));
  }

  /** What its next start would recover. */
  get snapshot(): SnapshotState {
    const before = compactSnapshot(this.#recovered ?? emptySnapshot);
    return replaySnapshot(before + this.records.map(formatRecord).join(""), false);
  }

  /** The status of every member, by name. */
  get view(): Record<string, string> {
    return Object.fromEntries(this.serf.members().map(({ name, status }) => [name, status]));
  }
}

/** Serf machines on a network in memory, in virtual time. The same seed gives the same history. */
export class SerfCluster {
  now: Instant = 0;
  readonly #network = new TimerQueue();
  readonly #nodes = new Map<string, ClusterNode>();
  readonly #random: SeededRandom;
  readonly #loss: number;
  readonly #duplicates: number;
  readonly #jitter: Millis;
  readonly #seed: number;
  #hosts = 0;
  /** Packets pass only if this says so, and connections only if it does of both ways. */
  link: (from: ClusterNode, to: ClusterNode) => boolean = () => true;
  /** Packets pass only if this says so as well; connections do not care. */
  udp: (from: ClusterNode, to: ClusterNode) => boolean = () => true;
  /** Addresses at which nobody listens any more, though the host is there. */
  readonly #refusing = new Set<string>();
  /** Addresses whose packets get lost, both ways. */
  readonly #silenced = new Set<string>();
  /** On which side of a cut the nodes are; none of both reaches all. */
  readonly #sides = new Map<string, number>();

  constructor({ duplicates = 0, jitter = 0, loss = 0, seed = 1 }: ClusterOptions = {}) {
    this.#seed = seed;
    this.#loss = loss;
    this.#duplicates = duplicates;
    this.#jitter = jitter;
    this.#random = new SeededRandom(seed, 0xffff);
  }

  /** Starts a node at an address of its own; `host` in the options chooses one. */
  add(name: string, options: NodeOptions = {}): ClusterNode {
    this.#hosts += 1;
    const node = new ClusterNode(name, this.#seed, { host: this.#hosts, ...options });
    this.#nodes.set(formatAddress(node.address), node);
    this.#refusing.delete(formatAddress(node.address));
    node.serf.start(this.now);
    this.settle(node);
    return node;
  }

  /** A group of nodes that have joined the first one and know each other. */
  addGroup(names: readonly string[], options: NodeOptions = {}): ClusterNode[] {
    const nodes = names.map((name) => this.add(name, options));
    const [first, ...others] = nodes;
    if (first !== undefined) for (const node of others) this.join(node, first);
    this.run(5_000);
    return nodes;
  }

  join(node: ClusterNode, target: ClusterNode, replay = false): void {
    node.serf.join(this.now, [{ address: target.address, name: "" }], replay, () => {});
    this.settle(node);
  }

  /** Does something to the cluster at an instant to come. */
  at(when: Instant, run: () => void): void {
    this.#network.at(when, run);
  }

  /** Stops a node without a word. */
  crash(node: ClusterNode): void {
    node.up = false;
    this.#nodes.delete(formatAddress(node.address));
    for (const end of node.streams.values()) this.#close(end, "connection reset");
  }

  /** As {@link crash}, but its host is still there and refuses connections. */
  kill(node: ClusterNode): void {
    this.#refusing.add(formatAddress(node.address));
    this.crash(node);
  }

  /** Stops a node as SIGSTOP does: its sockets stay open and take what fits. */
  pause(node: ClusterNode): void {
    node.waiting = [];
  }

  resume(node: ClusterNode): void {
    const waiting = node.waiting ?? [];
    node.waiting = undefined;
    for (const run of waiting) if (node.up) run();
  }

  /** Loses everything to and from a node that goes on. */
  silence(node: ClusterNode): void {
    this.#silenced.add(formatAddress(node.address));
  }

  heal(node: ClusterNode): void {
    this.#silenced.delete(formatAddress(node.address));
  }

  /** Cuts the network between each of `groups` and the others, until {@link mend}. */
  cut(...groups: readonly (readonly ClusterNode[])[]): void {
    for (const [side, nodes] of groups.entries()) {
      for (const { address } of nodes) this.#sides.set(formatAddress(address), side);
    }
  }

  mend(): void {
    this.#sides.clear();
  }

  /** Carries out what a node wants done, after a command was given to it. */
  settle(node: ClusterNode): void {
    this.perform(node, node.serf.drain());
  }

  perform(node: ClusterNode, outputs: readonly SerfOutput[]): void {
    for (const output of outputs) this.#carryOut(node, output);
  }

  run(duration: Millis): void {
    const end = this.now + duration;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.#network.runDue(this.now);
      for (const node of this.#nodes.values()) {
        if (node.waiting !== undefined) continue;
        if ((node.serf.deadline() ?? Number.POSITIVE_INFINITY) > this.now) continue;
        node.serf.handleTimeout(this.now);
        this.settle(node);
      }
    }
    this.now = end;
  }

  #next(): Instant | undefined {
    let next = this.#network.deadline();
    for (const { serf, waiting } of this.#nodes.values()) {
      if (waiting !== undefined) continue;
      const deadline = serf.deadline();
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline;
    }
    return next;
  }

  #carryOut(node: ClusterNode, output: SerfOutput): void {
    if (!node.up) return;
    switch (output.kind) {
      case "event":
        node.events.push(output.event);
        node.history.push({ at: this.now, event: output.event });
        return;
      case "record":
        node.records.push(output.record);
        return;
      case "stop":
        node.stopped = output.reason;
        this.crash(node);
        return;
      case "packet":
        this.#send(node, output.to, output.payload);
        return;
      case "dial":
        this.#dial(node, output.stream, output.to);
        return;
      case "write": {
        const end = node.streams.get(output.stream);
        if (end !== undefined) this.#later(() => this.#receive(end.peer, output.bytes));
        return;
      }
      case "close": {
        const end = node.streams.get(output.stream);
        if (end === undefined) return;
        node.streams.delete(output.stream);
        end.open = false;
        this.#later(() => this.#close(end.peer, undefined));
        return;
      }
    }
  }

  #send(node: ClusterNode, to: Address, payload: Bytes): void {
    node.sent.push({ to, payload });
    if (this.#random.next() < this.#loss) return;
    if (!this.#isReachable(node.address, to)) return;
    const target = formatAddress(to);
    const deliver = (): void => {
      const receiver = this.#nodes.get(target);
      if (receiver === undefined || !this.link(node, receiver)) return;
      if (!this.udp(node, receiver)) return;
      this.#whenAwake(receiver, () => {
        receiver.serf.receivePacket(this.now, node.address, payload);
        this.settle(receiver);
      });
    };
    const copies = this.#duplicates > 0 && this.#random.next() < this.#duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = this.#jitter > 0 ? Math.floor(this.#random.next() * this.#jitter) : 0;
      this.#network.at(this.now + packetDelay + delay, deliver);
    }
  }

  /** What comes for a node that is paused waits in its sockets. */
  #whenAwake(node: ClusterNode, run: () => void): void {
    if (node.waiting === undefined) run();
    else node.waiting.push(run);
  }

  #isReachable(from: Address, to: Address): boolean {
    const ends = [formatAddress(from), formatAddress(to)] as const;
    if (ends.some((end) => this.#silenced.has(end))) return false;
    const [side, other] = ends.map((end) => this.#sides.get(end));
    return side === undefined || other === undefined || side === other;
  }

  #dial(node: ClusterNode, stream: StreamId, to: Address): void {
    const end = { node, id: stream, open: true } as StreamEnd;
    node.streams.set(stream, end);
    const target = this.#nodes.get(formatAddress(to));
    const links = target === undefined || (this.link(node, target) && this.link(target, node));
    const reachable = links && this.#isReachable(node.address, to);
    const peer = { node: target ?? node, id: undefined, open: true, peer: end } as StreamEnd;
    end.peer = peer;
    const accept = (): void => {
      const id =
        target?.up && reachable ? target.serf.acceptStream(this.now, node.address) : undefined;
      if (target === undefined || id === undefined) {
        peer.open = false;
        const refused = reachable && this.#refusing.has(formatAddress(to));
        this.#close(end, "connection refused", refused);
        return;
      }
      peer.id = id;
      target.streams.set(id, peer);
      this.settle(target);
    };
    this.#later(() => {
      // The system takes the connection, whether the process looks or not.
      if (target?.up && reachable) node.serf.streamStands(stream);
      this.#whenAwake(peer.node, accept);
    });
  }

  #receive(end: StreamEnd, bytes: Bytes): void {
    if (end.node.waiting !== undefined) {
      this.#whenAwake(end.node, () => this.#receive(end, bytes));
      return;
    }
    if (!end.open || end.id === undefined || !end.node.up) return;
    end.node.serf.receiveStream(this.now, end.id, Uint8Array.from(bytes));
    this.settle(end.node);
  }

  #close(end: StreamEnd, reason: string | undefined, refused = false): void {
    if (end.node.waiting !== undefined && end.node.up) {
      this.#whenAwake(end.node, () => this.#close(end, reason, refused));
      return;
    }
    if (!end.open || end.id === undefined) return;
    end.open = false;
    end.node.streams.delete(end.id);
    if (!end.node.up) {
      this.#later(() => this.#close(end.peer, reason));
      return;
    }
    end.node.serf.streamClosed(this.now, end.id, reason, refused);
    this.settle(end.node);
  }

  #later(run: () => void): void {
    this.#network.at(this.now + packetDelay, run);
  }
}
