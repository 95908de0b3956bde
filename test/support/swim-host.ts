import { type Address, formatAddress, parseIp } from "../../src/base/address.js";
import type { Fields, Log } from "../../src/base/log.js";
import { SeededRandom } from "../../src/base/random.js";
import { TimerQueue } from "../../src/base/timers.js";
import type { Bytes, Instant, Millis } from "../../src/base/units.js";
import { profiles, type SwimConfig } from "../../src/swim/config.js";
import type { Delegate } from "../../src/swim/delegate.js";
import type { Host, Output, StreamId } from "../../src/swim/host.js";
import type { SwimMember } from "../../src/swim/member.js";
import type { Observation } from "../../src/swim/observation.js";
import type { Rival } from "../../src/swim/rival.js";
import { Swim } from "../../src/swim/swim.js";
import { packCompound } from "../../src/wire/compound.js";
import { openPacket } from "../../src/wire/envelope.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import {
  type Alive,
  decodePacket,
  encodePacketMessage,
  type MemberState,
  type PacketMessage,
  type StreamMessage,
} from "../../src/wire/swim-messages.js";
import { RecordedMeter } from "./recorded-meter.js";

/** What a stock agent announces. */
export const stockVersions: Bytes = Uint8Array.of(1, 5, 2, 2, 5, 5);

export function address(text: string): Address {
  const [ip, port] = text.split(":");
  return { ip: parseIp(ip as string) as Bytes, port: Number(port) };
}

export const noBytes: Bytes = new Uint8Array();
export const text = (value: string): Bytes => new TextEncoder().encode(value);

/** The member of the tests: 10.0.0.1:7946, nothing compressed, lan. */
export function swimConfig(changes: Partial<SwimConfig> = {}): SwimConfig {
  return {
    name: "me",
    advertise: address("10.0.0.1:7946"),
    bindPort: 7_946,
    timing: profiles.lan,
    compression: false,
    keyring: undefined,
    label: "",
    versions: stockVersions,
    ...changes,
  };
}

/** An array for an outbox; time stands still until somebody moves it. */
export class TestHost implements Host {
  readonly timers = new TimerQueue();
  readonly sendTimers = this.timers;
  readonly random: SeededRandom;
  readonly outputs: Output[] = [];
  readonly lines: string[] = [];
  readonly log: Log;
  readonly meter = new RecordedMeter();
  readonly observations: Observation[] = [];
  #nonces = 0;

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
    const write =
      (level: string) =>
      (_fields: Fields, message: string): void => {
        this.lines.push(`${level} ${message}`);
      };
    this.log = {
      trace: write("trace"),
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
    };
  }

  emit(output: Output): void {
    this.outputs.push(output);
  }

  observe(observation: Observation): void {
    this.observations.push(observation);
  }

  nonce(): Bytes {
    this.#nonces += 1;
    return Uint8Array.from({ length: 12 }, (_, index) => (this.#nonces >> (8 * index)) & 0xff);
  }
}

/** Writes down what it is told, and answers what it was given. */
export class TestDelegate implements Delegate {
  readonly events: string[] = [];
  readonly merges: { state: string; join: boolean; ours: boolean }[] = [];
  readonly userMessages: string[] = [];
  metaBytes: Bytes = text("meta");
  state: Bytes = noBytes;
  payload: Bytes | undefined = text("coordinate");
  /** Each is handed out once, if it fits. */
  broadcasts: Bytes[] = [];
  askedFor: { overhead: number; budget: number }[] = [];
  /** Thrown at the next message or state of the layer above. */
  fault: Error | undefined;

  meta(): Bytes {
    return this.metaBytes;
  }

  ackPayload(): Bytes | undefined {
    return this.payload;
  }

  handleRoundTrip(_now: Instant, member: SwimMember, rtt: Millis, payload?: Bytes): void {
    const said = payload === undefined ? "nothing" : new TextDecoder().decode(payload);
    this.events.push(`rtt ${member.name} ${rtt} ${said}`);
  }

  handleUserMessage(_now: Instant, payload: Bytes): void {
    if (this.fault !== undefined) throw this.fault;
    this.userMessages.push(new TextDecoder().decode(payload));
  }

  hasBroadcasts(): boolean {
    return this.broadcasts.length > 0;
  }

  waitingBytes(): number {
    return this.broadcasts.reduce((sum, { length }) => sum + length, 0);
  }

  takeBroadcasts(_now: Instant, overhead: number, budget: number): Bytes[] {
    this.askedFor.push({ overhead, budget });
    const [first] = this.broadcasts;
    if (first === undefined || first.length + overhead > budget) return [];
    this.broadcasts.shift();
    return [first];
  }

  localState(): Bytes {
    return this.state;
  }

  mergeRemoteState(_now: Instant, state: Bytes, join: boolean, ours: boolean): void {
    if (this.fault !== undefined) throw this.fault;
    this.merges.push({ state: new TextDecoder().decode(state), join, ours });
  }

  handleJoin(_now: Instant, member: SwimMember): void {
    this.events.push(`join ${member.name}`);
  }

  handleLeave(_now: Instant, member: SwimMember): void {
    this.events.push(`${member.state} ${member.name}`);
  }

  handleUpdate(_now: Instant, member: SwimMember): void {
    this.events.push(`update ${member.name}`);
  }

  handleRival(_now: Instant, rival: Rival): void {
    const { address, incarnation, source, state } = rival;
    this.events.push(`rival ${formatAddress(address)} ${state} ${incarnation} by ${source}`);
  }

  handleConflict(_now: Instant, existing: SwimMember, claimed: Address): void {
    const addresses = `${formatAddress(existing.address)} ${formatAddress(claimed)}`;
    this.events.push(`conflict ${existing.name} ${addresses}`);
  }
}

/** A datagram as a test looks at it. */
export interface SentPacket {
  readonly to: string;
  readonly messages: readonly PacketMessage[];
  /** Read off the first byte: true only if the packet is neither encrypted nor labelled. */
  readonly checksum: boolean;
  readonly bytes: number;
}

/** One machine on a bench, with the test for a network and a clock. */
export class SwimBench {
  now: Instant = 0;
  readonly host: TestHost;
  readonly delegate: TestDelegate;
  readonly config: SwimConfig;
  readonly swim: Swim;

  constructor(changes: Partial<SwimConfig> = {}, seed = 1) {
    this.host = new TestHost(seed);
    this.delegate = new TestDelegate();
    this.config = swimConfig(changes);
    this.swim = new Swim(this.config, this.host, this.delegate);
  }

  /** As a member that is alone so far, with nothing sent and nothing told. */
  static started(changes: Partial<SwimConfig> = {}, seed = 1): SwimBench {
    const bench = new SwimBench(changes, seed);
    bench.swim.start(0);
    bench.delegate.events.length = 0;
    return bench;
  }

  /** Moves the clock, instant by instant. */
  run(time: Millis): void {
    const end = this.now + time;
    const { timers } = this.host;
    for (let due = timers.deadline(); due !== undefined && due <= end; due = timers.deadline()) {
      this.now = Math.max(this.now, due);
      timers.runDue(this.now);
    }
    this.now = end;
  }

  /** Moves the clock until a packet with such a message was sent; returns the packet. */
  runUntilSent(kind: PacketMessage["kind"], limit: Millis = 10_000): SentPacket {
    const end = this.now + limit;
    const { timers } = this.host;
    for (;;) {
      const found = this.takePackets().find(({ messages }) => messages[0]?.kind === kind);
      if (found !== undefined) return found;
      const due = timers.deadline();
      if (due === undefined || due > end) throw new Error(`no ${kind} within ${limit} ms`);
      this.now = Math.max(this.now, due);
      timers.runDue(this.now);
    }
  }

  /** One datagram with all of `messages`. */
  receive(from: string, ...messages: PacketMessage[]): void {
    const frame = packCompound(messages.map(encodePacketMessage));
    this.swim.receivePacket(this.now, address(from), frame);
  }

  /** All packets sent since the last call. */
  takePackets(): SentPacket[] {
    return this.takeOutputs()
      .filter((output) => output.kind === "packet")
      .map(({ to, payload }) => ({
        to: formatAddress(to),
        messages: decodePacket(openPacket(payload, this.config)).messages,
        checksum: payload[0] === 12,
        bytes: payload.length,
      }));
  }

  takeOutputs(): Output[] {
    return this.host.outputs.splice(0);
  }

  /** Connects to the machine and sends `message`; what came back, and whether it closed. */
  request(message: StreamMessage): { reply: StreamMessage | undefined; closed: boolean } {
    const { keyring, label } = this.config;
    const stream = this.swim.acceptStream(this.now, address("10.9.9.9:40000")) as StreamId;
    const nonce = (): Bytes => this.host.nonce();
    const sealing = { compression: false, keyring, label, dialled: true, nonce };
    this.takeOutputs();
    this.swim.receiveStream(this.now, stream, sealStream(message, sealing));
    const outputs = this.takeOutputs();
    const reader = new StreamReader({ keyring, label, dialled: true });
    let reply: StreamMessage | undefined;
    for (const output of outputs) if (output.kind === "write") reply = reader.feed(output.bytes);
    return { reply, closed: outputs.some((output) => output.kind === "close") };
  }

  /** What the machine writes to a stream that it dialled, and the stream; undefined if it dialled none. */
  takeDial(): { to: string; stream: StreamId; message: StreamMessage | undefined } | undefined {
    const outputs = this.takeOutputs();
    const dial = outputs.find((output) => output.kind === "dial");
    if (dial === undefined) return undefined;
    const { keyring, label } = this.config;
    const reader = new StreamReader({ keyring, label, dialled: false });
    let message: StreamMessage | undefined;
    for (const output of outputs) {
      if (output.kind === "write" && output.stream === dial.stream) {
        message = reader.feed(output.bytes);
      }
    }
    return { to: formatAddress(dial.to), stream: dial.stream, message };
  }

  /** The other side's answer on a stream that the machine dialled. */
  answer(stream: StreamId, message: StreamMessage): void {
    const { keyring, label } = this.config;
    const nonce = (): Bytes => this.host.nonce();
    const sealing = { compression: false, keyring, label, dialled: false, nonce };
    this.swim.receiveStream(this.now, stream, sealStream(message, sealing));
  }

  /** `name`, incarnation and state of all that are known. */
  view(): Record<string, string> {
    const members = [...this.swim.members()].map(
      ({ incarnation, name, state }) => [name, `${state} ${incarnation}`] as const,
    );
    return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}

/** An alive claim of a member at 10.0.0.N:7946, where N is the number in its name. */
export function aliveClaim(name: string, changes: Partial<Alive> = {}): Alive {
  const number = Number(/\d+/.exec(name)?.[0] ?? 99);
  return {
    kind: "alive",
    node: name,
    incarnation: 1,
    ip: Uint8Array.of(10, 0, number >> 8, number & 0xff),
    port: 7_946,
    meta: text("meta"),
    versions: stockVersions,
    ...changes,
  };
}

/** The same member in a push/pull. */
export function memberState(name: string, changes: Partial<MemberState> = {}): MemberState {
  const { kind: _, ...claim } = aliveClaim(name);
  return { ...claim, state: "alive", ...changes };
}
