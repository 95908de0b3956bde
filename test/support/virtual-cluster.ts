import { createHash } from "node:crypto";
import { type Address, formatAddress } from "../../src/base/address.js";
import { SeededRandom } from "../../src/base/random.js";
import { TimerQueue } from "../../src/base/timers.js";
import type { Instant, Millis } from "../../src/base/units.js";
import type { SwimConfig } from "../../src/swim/config.js";
import type { Output, StreamId } from "../../src/swim/host.js";
import { Swim } from "../../src/swim/swim.js";
import { swimConfig, TestDelegate, TestHost } from "./swim-host.js";

export interface ClusterOptions {
  readonly seed: number;
  readonly members: number;
  /** The share of packets that get lost; streams lose nothing. */
  readonly loss?: number;
  readonly config?: Partial<SwimConfig>;
}

/** One machine of the cluster and what the network needs to know of it. */
interface Node {
  readonly name: string;
  readonly address: Address;
  readonly host: TestHost;
  readonly delegate: TestDelegate;
  readonly swim: Swim;
  up: boolean;
  /** The earliest instant at which it will be woken; undefined if none is arranged. */
  wakeAt: Instant | undefined;
  /** The other end of each of its streams; undefined until it is accepted. */
  readonly peers: Map<StreamId, { node: Node; stream: StreamId } | undefined>;
  /** What was written to a stream that is not accepted yet. */
  readonly unsent: Map<StreamId, Output[]>;
}

/** Swim machines on one virtual clock and a lossy network, all of it determined by the seed. */
export class VirtualCluster {
  readonly nodes = new Map<string, Node>();
  now: Instant = 0;
  /** The share of packets that get lost. */
  loss: number;
  /** Packets and streams from the one to the other node pass only if this says so. */
  link: (from: string, to: string) => boolean = () => true;
  /** False if no connection can be made between any two. */
  streamsPass = true;
  readonly #events = new TimerQueue();
  readonly #random: SeededRandom;
  readonly #history = createHash("sha256");
  readonly #options: ClusterOptions;
  readonly #byAddress = new Map<string, Node>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed, 0xffff);
    this.loss = options.loss ?? 0;
    for (let number = 1; number <= options.members; number += 1) this.add(`n${number}`);
  }

  /** Starts a member; one that was crashed under this name starts from nothing. */
  add(name: string): Node {
    const number = Number(name.slice(1));
    const address = { ip: Uint8Array.of(10, 1, number >> 8, number & 0xff), port: 7_946 };
    const host = new TestHost(this.#options.seed * 10_007 + number + this.now);
    const delegate = new TestDelegate();
    const config = swimConfig({ ...this.#options.config, name, advertise: address });
    const swim = new Swim(config, host, delegate);
    const maps = { peers: new Map(), unsent: new Map() };
    const node: Node = {
      name,
      address,
      host,
      delegate,
      swim,
      up: true,
      wakeAt: undefined,
      ...maps,
    };
    this.nodes.set(name, node);
    this.#byAddress.set(formatAddress(address), node);
    this.#step(node, () => swim.start(this.now));
    return node;
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Runs a command on a member and carries out what follows. */
  tell(name: string, command: (swim: Swim, now: Instant) => void): void {
    const node = this.node(name);
    this.#step(node, () => command(node.swim, this.now));
  }

  /** Everybody joins the first member at once. */
  joinAll(): void {
    const { address } = this.node("n1");
    for (const name of this.nodes.keys()) {
      if (name === "n1") continue;
      this.tell(name, (swim, now) => swim.join(now, [{ address, name: "" }], () => {}));
    }
  }

  crash(name: string): void {
    this.node(name).up = false;
  }

  run(time: Millis): void {
    this.runUntil(() => false, time);
  }

  /** Runs until `reached`, asked after every event; returns how long that took, or Infinity. */
  runUntil(reached: () => boolean, limit: Millis): Millis {
    const start = this.now;
    const end = start + limit;
    for (let due = this.#events.deadline(); due !== undefined; due = this.#events.deadline()) {
      if (due > end) break;
      this.now = due;
      this.#events.runDue(due);
      if (reached()) return this.now - start;
    }
    this.now = end;
    return Number.POSITIVE_INFINITY;
  }

  /** How many of those that are up see `name` in which state. */
  viewsOf(name: string): Record<string, number> {
    const views: Record<string, number> = {};
    for (const node of this.nodes.values()) {
      if (!node.up || node.name === name) continue;
      const state = node.swim.member(name)?.state ?? "unknown";
      views[state] = (views[state] ?? 0) + 1;
    }
    return views;
  }

  /** True if all that are up see all of them alive, and nobody else. */
  converged(): boolean {
    const up = [...this.nodes.values()].filter((node) => node.up);
    return up.every(({ swim }) => {
      if (swim.aliveCount !== up.length) return false;
      return up.every(({ name }) => swim.member(name)?.state === "alive");
    });
  }

  /** A digest of all that all members sent and were told, in order. */
  history(): string {
    for (const { delegate, name } of this.nodes.values()) {
      this.#history.update(`${name}: ${delegate.events.join()}`);
    }
    return this.#history.copy().digest("hex");
  }

  #step(node: Node, input: () => void): void {
    if (!node.up) return;
    input();
    for (const output of node.host.outputs.splice(0)) this.#carryOut(node, output);
    const due = node.host.timers.deadline();
    if (due === undefined || (node.wakeAt !== undefined && node.wakeAt <= due)) return;
    node.wakeAt = due;
    this.#events.at(due, (now) => {
      if (node.wakeAt === due) node.wakeAt = undefined;
      this.#step(node, () => node.host.timers.runDue(now));
    });
  }

  #carryOut(node: Node, output: Output): void {
    this.#history.update(`${this.now} ${node.name} ${output.kind} `);
    switch (output.kind) {
      case "packet": {
        this.#history.update(formatAddress(output.to)).update(output.payload);
        const to = this.#byAddress.get(formatAddress(output.to));
        const lost = this.#random.next() < this.loss;
        if (to === undefined || lost || !this.link(node.name, to.name)) return;
        this.#later(() => {
          this.#step(to, () => to.swim.receivePacket(this.now, node.address, output.payload));
        });
        return;
      }
      case "dial":
        node.unsent.set(output.stream, []);
        this.#later(() => this.#connect(node, output.stream, output.to));
        return;
      case "write":
      case "close": {
        if (output.kind === "write") this.#history.update(output.bytes);
        const unsent = node.unsent.get(output.stream);
        if (unsent === undefined) this.#pass(node, output);
        else unsent.push(output);
        return;
      }
    }
  }

  #connect(node: Node, stream: StreamId, address: Address): void {
    const to = this.#byAddress.get(formatAddress(address));
    const unsent = node.unsent.get(stream) ?? [];
    node.unsent.delete(stream);
    if (to !== undefined && !this.#connects(node.name, to.name)) return;
    this.#step(to ?? node, () => {
      const accepted = to?.up ? to.swim.acceptStream(this.now, node.address) : undefined;
      if (to === undefined || accepted === undefined) return;
      node.peers.set(stream, { node: to, stream: accepted });
      to.peers.set(accepted, { node, stream });
    });
    if (node.peers.has(stream)) for (const output of unsent) this.#pass(node, output);
    else this.#step(node, () => node.swim.streamClosed(this.now, stream, "connection refused"));
  }

  /** If not, the one who dials hears nothing at all. */
  #connects(from: string, to: string): boolean {
    return this.streamsPass && this.link(from, to) && this.link(to, from);
  }

  #pass(node: Node, output: Output): void {
    if (output.kind !== "write" && output.kind !== "close") return;
    const peer = node.peers.get(output.stream);
    if (output.kind === "close") node.peers.delete(output.stream);
    if (peer === undefined) return;
    // Always as late as the slowest packet, so that nothing on a stream overtakes anything.
    this.#events.at(this.now + 2, () => {
      const { swim } = peer.node;
      this.#step(peer.node, () => {
        if (output.kind === "close") swim.streamClosed(this.now, peer.stream, undefined);
        else swim.receiveStream(this.now, peer.stream, output.bytes.slice());
      });
    });
  }

  /** After 0.2 to 2 ms, so that packets may overtake each other. */
  #later(run: () => void): void {
    this.#events.at(this.now + 0.2 + this.#random.next() * 1.8, run);
  }
}
