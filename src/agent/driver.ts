import { performance } from "node:perf_hooks";
import type { Address } from "../base/address.js";
import { type Instant, longestTimer } from "../base/units.js";
import type { SerfEvent, SerfOutput } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import type { SnapshotRecord } from "../serf/snapshot.js";
import type { TcpStreams } from "./tcp.js";
import type { UdpSocket } from "./udp.js";

/** The agent's only clock. */
export function now(): Instant {
  return performance.now();
}

export interface DriverParts {
  readonly udp: UdpSocket;
  readonly tcp: TcpStreams;
  /** Must return at once; it may feed the driver again. */
  readonly onEvent: (event: SerfEvent) => void;
  /** Called only with a snapshot. */
  readonly onRecord?: (record: SnapshotRecord) => void;
  /** Another member has the better right to our name. */
  readonly onStop: (reason: string) => void;
}

/** What Node.js reads of a socket in one turn of its loop, however much waits (libuv, uv__udp_recvmsg). */
const datagramsPerTurn = 32;

/** More turns than a full socket buffer takes: what goes on for longer is a flood, and timers have to run. */
const maxReadTurns = 64;

/**
 * Runs one {@link Serf} on real sockets and the real clock: feeds one input, carries out what was
 * drained, arms one timer.
 */
export class Driver {
  readonly #serf: Serf;
  readonly #parts: DriverParts;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires; infinite if none is armed. */
  #armedFor: Instant = Number.POSITIVE_INFINITY;
  /** Datagrams that were read. */
  #datagrams = 0;
  #settling = false;
  #stopped: Promise<unknown> | undefined;

  constructor(serf: Serf, parts: DriverParts) {
    this.#serf = serf;
    this.#parts = parts;
  }

  start(): void {
    const { udp, tcp } = this.#parts;
    const serf = this.#serf;
    udp.start((from, payload) => {
      this.#datagrams += 1;
      this.feed((at) => serf.receivePacket(at, from, payload));
    });
    tcp.start({
      accept: (from: Address) => this.feed((at) => serf.acceptStream(at, from)),
      stands: (stream) => serf.streamStands(stream),
      receive: (stream, chunk) => this.feed((at) => serf.receiveStream(at, stream, chunk)),
      closed: (stream, reason, refused) =>
        this.feed((at) => serf.streamClosed(at, stream, reason, refused)),
    });
    this.feed((at) => serf.start(at));
  }

  /**
   * Gives the machine one input, and does what it wants done. What `input` throws, an
   * {@link OperatorError} of a command, is thrown on after that.
   */
  feed<Result>(input: (now: Instant) => Result): Result {
    try {
      return input(now());
    } finally {
      this.#settle();
    }
  }

  /** Ends without a word to anybody. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopped ??= Promise.all([this.#parts.udp.close(), this.#parts.tcp.stop()]);
    await this.#stopped;
  }

  #settle(): void {
    // An event may lead to another input: what that gives is carried out after what is under way.
    if (this.#settling || this.#stopped !== undefined) return;
    this.#settling = true;
    try {
      for (let outputs = this.#serf.drain(); outputs.length > 0; outputs = this.#serf.drain()) {
        for (const output of outputs) this.#carryOut(output);
      }
    } finally {
      this.#settling = false;
    }
    this.#arm();
  }

  #carryOut(output: SerfOutput): void {
    const { udp, tcp, onEvent } = this.#parts;
    switch (output.kind) {
      case "packet":
        udp.send(output.to, output.payload);
        return;
      case "dial":
        tcp.dial(output.stream, output.to);
        return;
      case "write":
        tcp.write(output.stream, output.bytes);
        return;
      case "close":
        tcp.close(output.stream);
        return;
      case "event":
        onEvent(output.event);
        return;
      case "record":
        this.#parts.onRecord?.(output.record);
        return;
      case "stop":
        this.#parts.onStop(output.reason);
    }
  }

  /** A timer that fires too early does no harm, so it is only replaced by an earlier one. */
  #arm(): void {
    const deadline = this.#serf.deadline();
    if (deadline === undefined || deadline >= this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = deadline;
    const wait = Math.min(Math.max(Math.ceil(deadline - now()), 0), longestTimer);
    this.#timer = setTimeout(() => this.#fire(maxReadTurns), wait);
  }

  /**
   * Node.js runs timers before it reads sockets: after a stall, acks that came long ago would count
   * as missing, and members that answered as failed. So what waits is read first, all of it.
   */
  #fire(turns: number): void {
    const before = this.#datagrams;
    setImmediate(() => {
      if (this.#datagrams - before >= datagramsPerTurn && turns > 1) {
        this.#fire(turns - 1);
        return;
      }
      this.#armedFor = Number.POSITIVE_INFINITY;
      if (!this.#stopped) this.feed((at) => this.#serf.handleTimeout(at));
    });
  }
}
