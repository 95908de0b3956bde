import { type Address, formatAddress } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";
import type { DecodeError } from "../wire/errors.js";
import { StreamReader, sealStream } from "../wire/stream.js";
import type { SentStreamMessage, StreamMessage } from "../wire/swim-messages.js";
import type { StreamId } from "./host.js";
import type { Parts } from "./parts.js";
import { add, streamKindOf } from "./traffic.js";

/** Connections of others that are open at once. */
const maxInboundStreams = 2_048;

/** Of these, so many may have sent a part of their message (memberlist's maxPushPullRequests less one). */
const maxInboundReading = 127;

/** What all these parts may take together; one message may have 20 MiB. */
const maxInboundBytes = 64 * 1_048_576;

/** How an exchange that we began ended: with what the other side sent, or with why it did not. */
export type Outcome =
  | { readonly kind: "answer"; readonly message: StreamMessage }
  /** `refused` as in {@link Swim.streamClosed}. */
  | { readonly kind: "failure"; readonly reason: string; readonly refused?: boolean };

/** Answers what came on a stream that somebody else opened; `reply` sends before the stream closes. */
export type Serve = (
  now: Instant,
  from: Address,
  message: StreamMessage,
  reply: (message: SentStreamMessage) => void,
) => void;

/** A connection of ours that is open, or is being made. */
export interface Dialled {
  /** True once it stood: the other side's kernel took it, or a byte came. */
  readonly stood: boolean;
  /** True once it was ended by the other side, or broke. */
  readonly ended: boolean;
}

interface Exchange {
  readonly stream: StreamId;
  readonly peer: Address;
  readonly reader: StreamReader;
  /** Present if and only if we dialled. */
  readonly done: ((now: Instant, outcome: Outcome) => void) | undefined;
  stood: boolean;
  ended: boolean;
  receivedBytes: number;
  /** What came so far of a message of somebody who dialled us. */
  heldBytes: number;
}

/** The TCP connections: each carries one message, usually one in return, and has a deadline. */
export class Streams {
  /** Those of others within the limits above, and ours: a probe's, a push/pull's and the joins'. */
  readonly #open = new Map<StreamId, Exchange>();
  readonly #parts: Parts;
  readonly #serve: Serve;
  #lastStream: StreamId = 0;
  #inbound = 0;
  #inboundReading = 0;
  #inboundBytes = 0;

  constructor(parts: Parts, serve: Serve) {
    this.#parts = parts;
    this.#serve = serve;
  }

  /** Connections that are open or being made. */
  get size(): number {
    return this.#open.size;
  }

  /** Connects and sends `message`; `done` is called once, at `deadline` at the latest. */
  dial(
    to: Address,
    message: SentStreamMessage,
    deadline: Instant,
    done: (now: Instant, outcome: Outcome) => void,
  ): Dialled {
    const exchange = this.#begin(to, deadline, done);
    this.#parts.counters.streamsDialled += 1;
    this.#parts.host.emit({ kind: "dial", stream: exchange.stream, to });
    this.#write(exchange, message);
    return exchange;
  }

  /** One of ours stands; the core needs that only to tell how it failed. */
  stands(stream: StreamId): void {
    const exchange = this.#open.get(stream);
    if (exchange !== undefined) exchange.stood = true;
  }

  /** Undefined if there are too many already. */
  accept(now: Instant, from: Address): StreamId | undefined {
    const { config, counters, host } = this.#parts;
    if (this.#inbound >= maxInboundStreams) {
      counters.streamsRefused += 1;
      host.log.debug({ from: formatAddress(from) }, "too many streams are open");
      return undefined;
    }
    host.log.debug({}, `Stream connection from=${formatAddress(from)}`);
    counters.streamsAccepted += 1;
    this.#inbound += 1;
    return this.#begin(from, now + config.timing.streamTimeout, undefined).stream;
  }

  receive(now: Instant, stream: StreamId, chunk: Bytes): void {
    const exchange = this.#open.get(stream);
    if (exchange === undefined) return;
    const { counters, faults } = this.#parts;
    counters.streamBytesReceived += chunk.length;
    exchange.stood = true;
    exchange.receivedBytes += chunk.length;
    let message: StreamMessage | undefined;
    try {
      message = exchange.reader.feed(chunk);
    } catch (thrown) {
      this.#refuse(now, exchange, faults.note(exchange.peer, thrown));
      return;
    }
    if (message === undefined) this.#hold(exchange, chunk.length);
    else this.#finish(now, exchange, message);
  }

  /** The other side closed, or the connection broke or never stood. */
  closed(now: Instant, stream: StreamId, reason: string | undefined, refused: boolean): void {
    const exchange = this.#open.get(stream);
    if (exchange === undefined) return;
    exchange.ended = true;
    this.#forget(exchange);
    if (reason === undefined) this.#close(exchange);
    exchange.done?.(now, { kind: "failure", reason: reason ?? "EOF", refused });
  }

  #begin(peer: Address, deadline: Instant, done: Exchange["done"]): Exchange {
    const { config, host, members } = this.#parts;
    const { keyring, label } = config;
    const stream = ++this.#lastStream;
    const secrets = { keyring, label, dialled: done !== undefined };
    const reader = new StreamReader(secrets, () => members.states?.known());
    const exchange: Exchange = {
      stream,
      peer,
      reader,
      done,
      stood: false,
      ended: false,
      receivedBytes: 0,
      heldBytes: 0,
    };
    this.#open.set(stream, exchange);
    // By number: what a stream held is let go when it closes, not when its time is over.
    host.timers.at(deadline, (now) => this.#expire(now, stream));
    return exchange;
  }

  #expire(now: Instant, stream: StreamId): void {
    const exchange = this.#open.get(stream);
    if (exchange === undefined) return;
    this.#forget(exchange);
    this.#close(exchange);
    exchange.done?.(now, { kind: "failure", reason: "i/o timeout" });
  }

  #refuse(now: Instant, exchange: Exchange, fault: DecodeError): void {
    this.#forget(exchange);
    if (exchange.done === undefined && fault.answered) {
      this.#write(exchange, { kind: "error", error: fault.message });
    }
    this.#close(exchange);
    exchange.done?.(now, { kind: "failure", reason: fault.message });
  }

  #finish(now: Instant, exchange: Exchange, message: StreamMessage): void {
    const { received } = this.#parts.counters.traffic.streamed;
    add(received[message.kind], exchange.receivedBytes);
    if (message.kind === "push-pull") {
      this.#parts.meter.sample("memberlist.size.remote", exchange.receivedBytes);
    }
    this.#forget(exchange);
    if (exchange.done !== undefined) {
      this.#close(exchange);
      exchange.done(now, outcomeOf(message));
      return;
    }
    try {
      this.#serve(now, exchange.peer, message, (reply) => this.#write(exchange, reply));
    } catch (thrown) {
      this.#parts.faults.note(exchange.peer, thrown);
    }
    this.#close(exchange);
  }

  /** Cuts the stream if those of others that are half read hold too much with it. */
  #hold(exchange: Exchange, chunkBytes: number): void {
    if (exchange.done !== undefined || chunkBytes === 0) return;
    if (exchange.heldBytes === 0) this.#inboundReading += 1;
    exchange.heldBytes += chunkBytes;
    this.#inboundBytes += chunkBytes;
    if (this.#inboundReading <= maxInboundReading && this.#inboundBytes <= maxInboundBytes) return;
    const { counters, host } = this.#parts;
    counters.streamsRefused += 1;
    host.log.debug({ from: formatAddress(exchange.peer) }, "Too many pending push/pull requests");
    this.#forget(exchange);
    this.#close(exchange);
  }

  #forget(exchange: Exchange): void {
    this.#open.delete(exchange.stream);
    if (exchange.done !== undefined) return;
    this.#inbound -= 1;
    if (exchange.heldBytes > 0) this.#inboundReading -= 1;
    this.#inboundBytes -= exchange.heldBytes;
  }

  #write(exchange: Exchange, message: SentStreamMessage): void {
    const { config, counters, host, meter } = this.#parts;
    const { compression, keyring, label } = config;
    const dialled = exchange.done !== undefined;
    const nonce = (): Bytes => host.nonce();
    const bytes = sealStream(message, { compression, keyring, label, dialled, nonce });
    counters.streamBytesSent += bytes.length;
    add(counters.traffic.streamed.sent[streamKindOf(message)], bytes.length);
    meter.count("memberlist.tcp.sent", bytes.length);
    if (message.kind === "push-pull" || message.kind === "encoded-push-pull") {
      meter.gauge("memberlist.size.local", bytes.length);
    }
    host.emit({ kind: "write", stream: exchange.stream, bytes });
  }

  #close(exchange: Exchange): void {
    this.#parts.host.emit({ kind: "close", stream: exchange.stream });
  }
}

function outcomeOf(message: StreamMessage): Outcome {
  if (message.kind !== "error") return { kind: "answer", message };
  return { kind: "failure", reason: `remote error: ${message.error}` };
}
