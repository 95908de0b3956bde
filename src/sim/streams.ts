import { type Address, formatAddress } from "../base/address.js";
import { intBelow, type Random } from "../base/random.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { StreamId } from "../swim/host.js";
import type { Network } from "./network.js";
import type { Process } from "./process.js";

/** What TCP asks of the world around it. */
export interface StreamSurroundings {
  readonly network: Network;
  readonly random: Random;
  now(): Instant;
  at(when: Instant, run: () => void): void;
  /** Which node's host has `address`, whether a process runs there or not; undefined if none answers. */
  nodeAt(address: Address): number | undefined;
  /** The process that listens at `address`; undefined if there is none. */
  listenerAt(address: Address): Process | undefined;
  /** Gives `process` an input, at once or when its event loop runs again. */
  input(process: Process, input: (now: Instant) => void): void;
}

/** One end of a connection. */
export interface StreamEnd {
  /** Undefined until somebody listens there. */
  process: Process | undefined;
  /** Where it is, also before anybody listens. */
  node: number;
  /** Undefined until the process was told of it. */
  id: StreamId | undefined;
  /** False once the core has closed it, or was told that it is broken. */
  open: boolean;
  /** What is to be sent, in order; the first may be under way again and again. */
  readonly unsent: Item[];
  /** True while somebody takes care of {@link unsent}. */
  sending: boolean;
  /** When what was sent last arrives: nothing overtakes it. */
  lastArrival: Instant;
  peer: StreamEnd;
}

/** `end`: no more comes from there. `reset`: there is nobody any more. */
type Item =
  | { readonly kind: "data"; readonly bytes: Bytes }
  | { readonly kind: "end" }
  | { readonly kind: "reset" };

/** Waits before a connection is tried again and before a segment is sent again, as Linux has them. */
const connectWaits: readonly Millis[] = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];
const resendWaits: readonly Millis[] = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600];

/** What one segment holds. */
const segmentBytes = 1_448;

/**
 * TCP as a driver tells of it: nothing is lost or overtaken, but it may take long; a process that has
 * ended resets its connections, one that stands still takes them and is silent, and behind a cut there
 * is nothing at all until somebody's patience is at its end.
 */
export class Streams {
  readonly #around: StreamSurroundings;

  constructor(surroundings: StreamSurroundings) {
    this.#around = surroundings;
  }

  dial(process: Process, id: StreamId, to: Address): void {
    const here = newEnd(process, process.node, id);
    const there = newEnd(undefined, this.#around.nodeAt(to) ?? -1, undefined);
    here.peer = there;
    there.peer = here;
    here.sending = true;
    process.streams.set(id, here);
    this.#connect(here, to, 0);
  }

  write(process: Process, id: StreamId, bytes: Bytes): void {
    const end = process.streams.get(id);
    if (end === undefined) return;
    for (let from = 0; from < bytes.length; ) {
      // Segments are read one by one or many together.
      const size = segmentBytes * (1 + intBelow(this.#around.random, 16));
      end.unsent.push({ kind: "data", bytes: bytes.slice(from, from + size) });
      from += size;
    }
    this.#send(end);
  }

  /** The core has done with it. */
  close(process: Process, id: StreamId): void {
    const end = process.streams.get(id);
    if (end === undefined) return;
    process.streams.delete(id);
    end.open = false;
    end.unsent.push({ kind: "end" });
    this.#send(end);
  }

  /** The process has ended; if its host has as well, nobody is told. */
  cut(process: Process, hostEnded: boolean): void {
    for (const end of process.streams.values()) {
      end.open = false;
      end.unsent.length = 0;
      if (hostEnded) continue;
      end.unsent.push({ kind: "reset" });
      this.#send(end);
    }
    process.streams.clear();
  }

  #connect(here: StreamEnd, to: Address, attempt: number): void {
    const { at, listenerAt, network, nodeAt, now } = this.#around;
    if (here.process?.up !== true) return;
    // Gone already: but the listener would see a connection that ends at once.
    if (!here.open && here.unsent.length === 0) return;
    const node = nodeAt(to);
    const way = node === undefined ? undefined : network.segment(now(), here.node, node, 0);
    const back = node === undefined ? undefined : network.segment(now(), node, here.node, 0);
    if (node === undefined || way === undefined || back === undefined) {
      const wait = connectWaits[attempt];
      if (wait !== undefined) at(now() + wait, () => this.#connect(here, to, attempt + 1));
      else this.#break(here, `dial tcp ${formatAddress(to)}: connect: connection timed out`);
      return;
    }
    at(now() + way, () => {
      const listener = network.refuses(node) ? undefined : listenerAt(to);
      if (listener !== undefined) this.#offer(here, listener);
      at(now() + back, () => {
        if (listener === undefined) {
          this.#break(here, `dial tcp ${formatAddress(to)}: connect: connection refused`, true);
          return;
        }
        here.sending = false;
        if (here.open && here.id !== undefined) here.process?.serf.streamStands(here.id);
        this.#send(here);
      });
    });
  }

  /** The system takes the connection, whether the process looks or not. */
  #offer(here: StreamEnd, listener: Process): void {
    const there = here.peer;
    there.process = listener;
    there.node = listener.node;
    const from = here.process?.address ?? listener.address;
    this.#around.input(listener, (now) => {
      const id = listener.serf.acceptStream(now, from);
      if (id === undefined) {
        there.open = false;
        there.unsent.push({ kind: "reset" });
        this.#send(there);
        return;
      }
      there.id = id;
      listener.streams.set(id, there);
    });
  }

  #send(end: StreamEnd): void {
    if (end.sending) return;
    end.sending = true;
    this.#sendFirst(end, 0);
  }

  /** Head of line first: what follows waits until it has got through. */
  #sendFirst(end: StreamEnd, attempt: number): void {
    const { at, network, now } = this.#around;
    for (let item = end.unsent[0]; item !== undefined; item = end.unsent[0]) {
      const bytes = item.kind === "data" ? item.bytes.length : 0;
      const delay = network.segment(now(), end.node, end.peer.node, bytes);
      if (delay === undefined) {
        const wait = resendWaits[attempt];
        if (wait !== undefined) at(now() + wait, () => this.#sendFirst(end, attempt + 1));
        return;
      }
      end.unsent.shift();
      end.lastArrival = Math.max(end.lastArrival, now() + delay);
      const arrived = item;
      at(end.lastArrival, () => this.#arrive(end.peer, arrived));
    }
    end.sending = false;
  }

  #arrive(end: StreamEnd, item: Item): void {
    const { process } = end;
    if (process === undefined) return;
    if (!process.up) {
      if (item.kind === "data") this.#break(end.peer, "connection reset by peer");
      return;
    }
    this.#around.input(process, (now) => {
      if (!end.open || end.id === undefined) return;
      switch (item.kind) {
        case "data":
          process.serf.receiveStream(now, end.id, item.bytes);
          return;
        case "end":
          process.serf.streamClosed(now, end.id, undefined);
          return;
        case "reset":
          this.#close(end, now, "connection reset by peer");
      }
    });
  }

  #break(end: StreamEnd, reason: string, refused = false): void {
    const { process } = end;
    if (process?.up !== true || !end.open) return;
    this.#around.input(process, (now) => this.#close(end, now, reason, refused));
  }

  #close(end: StreamEnd, now: Instant, reason: string, refused = false): void {
    if (!end.open || end.id === undefined) return;
    end.open = false;
    end.process?.streams.delete(end.id);
    end.process?.serf.streamClosed(now, end.id, reason, refused);
  }
}

function newEnd(process: Process | undefined, node: number, id: StreamId | undefined): StreamEnd {
  const end: Omit<StreamEnd, "peer"> = {
    process,
    node,
    id,
    open: true,
    unsent: [],
    sending: false,
    lastArrival: 0,
  };
  return Object.assign(end, { peer: end as StreamEnd });
}
