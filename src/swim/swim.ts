import { type Address, formatAddress } from "../base/address.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import { openPacket } from "../wire/envelope.js";
import {
  decodePacket,
  type PacketMessage,
  type Ping,
  type RemoteState,
  type SentStreamMessage,
  type StreamMessage,
} from "../wire/swim-messages.js";
import { Asking, type Question } from "./asking.js";
import { Claims } from "./claims.js";
import { type SwimConfig, wholeThoroughness } from "./config.js";
import type { SwimCounters } from "./counters.js";
import type { Delegate } from "./delegate.js";
import { Gossiper } from "./gossiper.js";
import type { Host, StreamId } from "./host.js";
import type { Isolation } from "./isolation.js";
import { type JoinResult, type JoinTarget, joinAll } from "./join.js";
import { LocalMember } from "./local-member.js";
import { isGone, type SwimMember } from "./member.js";
import { OwnName } from "./own-name.js";
import { createParts, type Parts } from "./parts.js";
import { Prober } from "./prober.js";
import { PushPull } from "./push-pull.js";
import { Refusals } from "./refusals.js";
import { answerTo, Relay } from "./relay.js";
import { Sender } from "./sender.js";
import { Streams } from "./streams.js";
import { Surge } from "./surge.js";
import { add, packetKindOf, type ReceivedPacketKind } from "./traffic.js";

/** Somebody is suspected, and has not refuted it yet. */
export interface OpenSuspicion {
  readonly node: string;
  /** The first one first; at most 16 are remembered. */
  readonly accusers: readonly string[];
  readonly since: Instant;
}

/** What is under way in SWIM at a moment. */
export interface SwimHoldings {
  readonly pendingAcks: number;
  readonly openStreams: number;
  readonly questions: number;
  readonly inquiries: number;
}

/**
 * Membership and failure detection of one member: SWIM with Lifeguard, as memberlist speaks it.
 *
 * It is fed with packets, streams and, through the host's timers, with time; what it wants done it
 * emits to the host. {@link start} comes first. Nothing that a peer sends makes a call throw.
 */
export class Swim {
  readonly ownName: OwnName;
  readonly #parts: Parts;
  readonly #sender: Sender;
  readonly #self: LocalMember;
  readonly #claims: Claims;
  readonly #asking: Asking;
  readonly #streams: Streams;
  readonly #pushPull: PushPull;
  readonly #relay: Relay;
  readonly #gossiper: Gossiper;
  readonly #refusals: Refusals;
  readonly #prober: Prober;

  constructor(config: SwimConfig, host: Host, delegate: Delegate) {
    const parts = createParts(config, host, delegate);
    this.#parts = parts;
    const { surge: watches } = config.thoroughness ?? wholeThoroughness;
    const surge = watches
      ? new Surge(parts, (now) => this.#pushPull.exchangeWithSomebody(now))
      : undefined;
    this.#sender = new Sender(parts);
    this.#gossiper = new Gossiper(parts, this.#sender);
    this.#self = new LocalMember(parts, this.#sender);
    this.#streams = new Streams(parts, (...request) => this.#serve(...request));
    this.#asking = new Asking(parts, this.#sender, this.#streams);
    this.#claims = new Claims(parts, this.#sender, this.#self, this.#asking, surge);
    this.#pushPull = new PushPull(parts, this.#claims, this.#streams, surge);
    this.#relay = new Relay(parts, this.#sender);
    this.#refusals = new Refusals(parts, this.#claims, this.#sender, this.#streams);
    const accusing = [this.#claims, this.#sender, this.#streams, this.#refusals] as const;
    this.#prober = new Prober(parts, ...accusing);
    this.ownName = new OwnName(parts, this.#sender, this.#self, this.#asking, this.#pushPull);
  }

  get counters(): SwimCounters {
    return this.#parts.counters;
  }

  get local(): SwimMember {
    return this.#parts.local;
  }

  /** Members we know of, whatever their state. */
  get knownCount(): number {
    return this.#parts.members.known;
  }

  /** Members that are neither dead nor left, ourselves included. */
  get aliveCount(): number {
    return this.#parts.members.here;
  }

  /** How badly we do ourselves: 0 is healthy. */
  get health(): number {
    return this.#parts.awareness.score;
  }

  /** Claims that wait to be gossiped. */
  get queuedClaims(): number {
    return this.#parts.queue.length;
  }

  holdings(): SwimHoldings {
    return {
      pendingAcks: this.#parts.acks.size,
      openStreams: this.#streams.size,
      questions: this.#asking.size,
      inquiries: this.#claims.inquiries,
    };
  }

  /** In no particular order. */
  members(): Iterable<SwimMember> {
    return this.#parts.members.all();
  }

  /** How many members we hold for what. */
  instances(): Readonly<Record<RemoteState, number>> {
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
    for (const { state } of this.members()) counts[state] += 1;
    return counts;
  }

  /**
   * True while somebody suspects `name` and nobody has refuted it. Suspicions that are our own silence
   * ({@link Isolation}) say nothing of others.
   */
  suspects(name: string): boolean {
    const suspicion = this.#parts.members.get(name)?.suspicion;
    return suspicion !== undefined && !suspicion.unheard;
  }

  /** Those of whom {@link suspects} is true, in no particular order; to be read before the next input. */
  *suspicions(): Iterable<OpenSuspicion> {
    const { members } = this.#parts;
    for (const { changedAt: since, name: node, suspicion } of members.all()) {
      if (suspicion === undefined || suspicion.unheard) continue;
      yield { node, accusers: [...suspicion.accusers], since };
    }
  }

  /**
   * True if there should be others and we hear none of them, for three probe intervals: our own probes
   * alone would have brought an answer from whoever is there.
   */
  isIsolated(now: Instant): boolean {
    const { config, isolation, members } = this.#parts;
    return members.known > 1 && isolation.silentSince(now - 3 * config.timing.probeInterval);
  }

  member(name: string): SwimMember | undefined {
    return this.#parts.members.get(name);
  }

  start(now: Instant): void {
    const parts = this.#parts;
    this.#self.introduce(now, parts.delegate.meta());
    this.#prober.start(now);
    this.#gossiper.start(now);
    this.#pushPull.start(now);
  }

  /** The layer above has something to gossip ({@link Delegate.takeBroadcasts}). */
  noteBroadcast(): void {
    this.#gossiper.wake();
  }

  /** `datagram` is only read during the call. */
  receivePacket(now: Instant, from: Address, datagram: Bytes): void {
    if (datagram.length === 0) return;
    const { config, counters, faults, meter } = this.#parts;
    counters.packetsReceived += 1;
    counters.packetBytesReceived += datagram.length;
    meter.count("memberlist.udp.received", datagram.length);
    let kind: ReceivedPacketKind = "unreadable";
    try {
      const packet = decodePacket(openPacket(datagram, config));
      const [first] = packet.messages;
      if (first !== undefined) kind = packetKindOf(first);
      this.#claims.handleSound(now);
      this.#prober.noteSound(from);
      for (const fault of packet.faults) faults.note(from, fault);
      for (const message of packet.messages) this.#handle(now, from, message);
    } catch (thrown) {
      faults.note(from, thrown);
    } finally {
      add(counters.traffic.received[kind], datagram.length);
    }
  }

  /** Somebody connected. Undefined: close at once. */
  acceptStream(now: Instant, from: Address): StreamId | undefined {
    return this.#streams.accept(now, from);
  }

  /** `chunk` is ours from now on. */
  receiveStream(now: Instant, stream: StreamId, chunk: Bytes): void {
    this.#claims.handleSound(now);
    this.#streams.receive(now, stream, chunk);
  }

  /** A connection that we asked for stands. */
  streamStands(stream: StreamId): void {
    this.#streams.stands(stream);
  }

  /**
   * The peer closed (no `reason`), the connection broke, or it could not be made. `refused` is true only
   * if the peer's host answered that nobody listens there: timeouts, resets of a connection that stood
   * and what routers say (unreachable, prohibited) are no such answer.
   */
  streamClosed(now: Instant, stream: StreamId, reason: string | undefined, refused = false): void {
    this.#streams.closed(now, stream, reason, refused);
  }

  /** Becomes one group with those that `targets` belong to. */
  join(now: Instant, targets: readonly JoinTarget[], done: (result: JoinResult) => void): void {
    joinAll(now, this.#pushPull, targets, done);
  }

  /**
   * Tells the group that we leave on purpose. `done(true)` once that was sent as often as a broadcast
   * is, at once if there is nobody else. We still answer pings until the driver stops.
   */
  leave(now: Instant, timeout: Millis, done: (inTime: boolean) => void): void {
    if (this.#self.leaving) done(true);
    else this.#untilSpread(now, timeout, done, (finished) => this.#claims.leave(now, finished));
  }

  /** Announces {@link Delegate.meta} anew; `done` as with {@link leave}, false at once after it. */
  updateMeta(now: Instant, timeout: Millis, done: (inTime: boolean) => void): void {
    if (this.#self.leaving) {
      done(false);
      return;
    }
    const meta = this.#parts.delegate.meta();
    this.#untilSpread(now, timeout, done, (finished) => this.#self.update(now, meta, finished));
  }

  /** Learns whether somebody answers by a name at an address, as {@link Asking.ask}. */
  ask(
    now: Instant,
    question: Question,
    time: Millis,
    done: (now: Instant, answered: boolean) => void,
  ): void {
    this.#asking.ask(now, question, time, done);
  }

  /** Exchanges all with who is at `address`, without becoming one group on purpose. */
  exchange(now: Instant, address: Address): void {
    this.#pushPull.exchange(now, address, false, () => {});
  }

  /** Sends one datagram with one message of the layer above; it may get lost. */
  sendUser(to: Address, payload: Bytes): void {
    this.#sender.sendUser(to, payload);
  }

  #untilSpread(
    now: Instant,
    timeout: Millis,
    done: (inTime: boolean) => void,
    spread: (finished: () => void) => void,
  ): void {
    const { config, host, local } = this.#parts;
    const deadline = now + timeout;
    let open = true;
    const settle = (inTime: boolean): void => {
      if (!open) return;
      open = false;
      done(inTime);
    };
    const isAlone = (): boolean => this.aliveCount <= (isGone(local) ? 0 : 1);
    // Whoever could hear it may go as well: of two that leave at once neither has anybody left to tell.
    const watch = (then: Instant): void => {
      if (!open) return;
      if (then >= deadline) settle(false);
      else if (isAlone()) settle(true);
      else host.timers.at(Math.min(then + config.timing.gossipInterval, deadline), watch);
    };
    const alone = isAlone();
    spread(() => settle(true));
    if (alone) settle(true);
    else watch(now);
  }

  #handle(now: Instant, from: Address, message: PacketMessage): void {
    try {
      this.#dispatch(now, from, message);
    } catch (thrown) {
      // One bad part, and be it the layer above that finds it bad, does not spoil the others.
      this.#parts.faults.note(from, thrown);
    }
  }

  #dispatch(now: Instant, from: Address, message: PacketMessage): void {
    const { acks, delegate } = this.#parts;
    switch (message.kind) {
      case "ping": {
        if (!this.#isMeant(now, message, from)) return;
        const payload = delegate.ackPayload(now);
        this.#sender.send(now, answerTo(message, from), { kind: "ack", seq: message.seq, payload });
        return;
      }
      case "indirect-ping":
        this.#relay.handleIndirectPing(now, message, from);
        return;
      case "ack":
        acks.handleAck(now, message.seq, message.payload, from);
        return;
      case "nack":
        acks.handleNack(now, message.seq);
        return;
      case "alive":
        this.#claims.handleAlive(now, message);
        return;
      case "suspect":
        this.#claims.handleSuspect(now, message);
        this.#refusals.handleSuspicion(now, message, from);
        return;
      case "dead":
        this.#claims.handleDead(now, message);
        return;
      case "user":
        if (message.payload.length > 0) delegate.handleUserMessage(now, message.payload);
        return;
    }
  }

  #serve(
    now: Instant,
    from: Address,
    message: StreamMessage,
    reply: (message: SentStreamMessage) => void,
  ): void {
    const { delegate, host } = this.#parts;
    switch (message.kind) {
      case "push-pull":
        this.#pushPull.answer(now, from, message, reply);
        return;
      case "ping":
        if (!this.#isMeant(now, message, from)) return;
        reply({ kind: "ack", seq: message.seq, payload: seenAs(message, from) });
        return;
      case "user":
        if (message.payload.length > 0) delegate.handleUserMessage(now, message.payload);
        return;
      case "ack":
      case "error":
        host.log.debug({ from: formatAddress(from), kind: message.kind }, "not a request");
        return;
    }
  }

  #isMeant(now: Instant, ping: Ping, from: Address): boolean {
    if (ping.node === "" || ping.node === this.#parts.local.name) {
      this.#asking.handlePing(now, ping);
      return true;
    }
    const text = `Got ping for unexpected node '${ping.node}' from=${formatAddress(from)}`;
    this.#parts.host.log.warn({ node: ping.node }, text);
    return false;
  }
}

/**
 * Whoever names neither itself nor us is no member: one of our agents wants to know from which address it
 * is seen. memberlist names both in a ping over TCP, and looks at no payload of the answer.
 */
function seenAs({ node, sourceNode, sourcePort }: Ping, from: Address): Bytes | undefined {
  return node === "" && sourceNode === "" && sourcePort === 0 ? from.ip : undefined;
}
