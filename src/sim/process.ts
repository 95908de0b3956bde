import type { Address } from "../base/address.js";
import type { TimerCallback } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import type { SerfOutput } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import type { SnapshotState } from "../serf/snapshot.js";
import type { StreamId } from "../swim/host.js";
import type { DriftingClock } from "./clock.js";
import type { StreamEnd } from "./streams.js";

/** What a process that does not read can have waiting; what comes then is dropped (Linux: rmem_max). */
const socketBufferBytes = 212_992;

/** What a blocked process can want to send; what it wants then is dropped. More than minutes of gossip. */
const maxUnsent = 65_536;

/** What a process is begun with. */
export interface Life {
  readonly node: { readonly index: number; readonly name: string; readonly address: Address };
  readonly serf: Serf;
  readonly clock: DriftingClock;
  readonly startedAt: Instant;
  readonly recovered: SnapshotState | undefined;
}

/** One life of a node: from a start to the leave or crash that ends it. */
export class Process {
  /** The node that it is a life of. */
  readonly node: number;
  readonly name: string;
  readonly address: Address;
  readonly serf: Serf;
  readonly clock: DriftingClock;
  readonly startedAt: Instant;
  /** What its disk told it when it was started; undefined without a snapshot. */
  readonly recovered: SnapshotState | undefined;
  readonly streams = new Map<StreamId, StreamEnd>();
  /** False once it has ended, however that came. */
  up = true;
  /** True while its event loop stands still. */
  paused = false;
  /** True while it neither sends nor handles messages, though its timers run. */
  blocked = false;
  /** True if, blocked, whatever wants to send stops there and comes no further. */
  hangs = false;
  /** When it is to be woken, in virtual time; infinite if nobody asked for it. */
  wakeAt: Instant = Number.POSITIVE_INFINITY;
  /** What came while it did not read; datagrams up to {@link socketBufferBytes}. */
  #inbox: (() => void)[] = [];
  #inboxBytes = 0;
  /** What it wanted to send while it was blocked, in order; up to {@link maxUnsent}. */
  #unsent: SerfOutput[] = [];
  /** What was about to send then: one for each periodic task, probe and relayed ping. */
  #held: TimerCallback[] = [];

  constructor(life: Life) {
    const { address, name } = life.node;
    this.node = life.node.index;
    this.name = name;
    this.address = address;
    this.serf = life.serf;
    this.clock = life.clock;
    this.startedAt = life.startedAt;
    this.recovered = life.recovered;
  }

  /** True if it is up and its event loop runs. */
  get runs(): boolean {
    return this.up && !this.paused;
  }

  /** True if what comes to it is handled at once. */
  get reads(): boolean {
    return this.runs && !this.blocked;
  }

  /** Keeps an input until it {@link reads} again; false if the buffer of its socket is full. */
  keep(input: () => void, datagramBytes = 0): boolean {
    if (this.#inboxBytes + datagramBytes > socketBufferBytes) return false;
    this.#inboxBytes += datagramBytes;
    this.#inbox.push(input);
    return true;
  }

  takeInbox(): (() => void)[] {
    const inbox = this.#inbox;
    this.#inbox = [];
    this.#inboxBytes = 0;
    return inbox;
  }

  /** Keeps what is about to send until it is blocked no more. */
  hold(run: TimerCallback): void {
    this.#held.push(run);
  }

  takeHeld(): TimerCallback[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** Keeps what is to be sent until it is blocked no more. */
  keepUnsent(output: SerfOutput): void {
    if (this.#unsent.length < maxUnsent) this.#unsent.push(output);
  }

  takeUnsent(): SerfOutput[] {
    const unsent = this.#unsent;
    this.#unsent = [];
    return unsent;
  }
}
