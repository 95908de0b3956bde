import type { Bytes } from "../base/units.js";
import type { DecodeError } from "./errors.js";
import { messageTypes } from "./message-types.js";
import { Writer } from "./msgpack-writer.js";
import { PacketWalk } from "./packet-walk.js";
import { recentClaims } from "./recent-claims.js";
import {
  writeAccusation,
  writeAck,
  writeAlive,
  writeIndirectPing,
  writeNack,
  writePing,
} from "./swim-layouts.js";

/** Who asks, so that the answer finds its way; all three are empty in a ping without source fields. */
export interface PingSource {
  /** Empty if absent. */
  readonly sourceIp: Bytes;
  /** 0 if absent. */
  readonly sourcePort: number;
  /** Empty if absent. */
  readonly sourceNode: string;
}

export interface Ping extends PingSource {
  readonly kind: "ping";
  /** u32. */
  readonly seq: number;
  /** Who is meant; empty means whoever listens. */
  readonly node: string;
}

export interface IndirectPing extends PingSource {
  readonly kind: "indirect-ping";
  readonly seq: number;
  readonly node: string;
  readonly targetIp: Bytes;
  /** 0 means the helper's own bind port. */
  readonly targetPort: number;
  /** True if the asker understands nacks. */
  readonly nack: boolean;
}

export interface Ack {
  readonly kind: "ack";
  readonly seq: number;
  /** A view into what was received: who keeps it copies it. */
  readonly payload: Bytes | undefined;
}

export interface Nack {
  readonly kind: "nack";
  readonly seq: number;
}

/** A claim that `node` is there, made by itself; the only one that carries its data. */
export interface Alive {
  readonly kind: "alive";
  readonly node: string;
  /** u32. */
  readonly incarnation: number;
  readonly ip: Bytes;
  readonly port: number;
  readonly meta: Bytes | undefined;
  /** PMin, PMax, PCur, DMin, DMax, DCur (protocol.md section 1.11); none from a peer that names none. */
  readonly versions: Bytes;
}

export interface Suspect {
  readonly kind: "suspect";
  readonly node: string;
  readonly incarnation: number;
  readonly from: string;
}

/** `from` equal to `node` means that it left on purpose. */
export interface Dead {
  readonly kind: "dead";
  readonly node: string;
  readonly incarnation: number;
  readonly from: string;
}

/** A message of the layer above; in a packet the payload has no length of its own. */
interface UserMessage {
  readonly kind: "user";
  /** A view into what was received: who keeps it copies it. */
  readonly payload: Bytes;
}

export interface ErrorMessage {
  readonly kind: "error";
  readonly error: string;
}

export type RemoteState = "alive" | "suspect" | "dead" | "left";

/** One member as a push/pull describes it. */
export interface MemberState {
  readonly node: string;
  readonly incarnation: number;
  readonly ip: Bytes;
  readonly port: number;
  readonly meta: Bytes | undefined;
  readonly state: RemoteState;
  readonly versions: Bytes;
}

/** The whole of what a member knows, exchanged over a stream. */
export interface PushPull {
  readonly kind: "push-pull";
  readonly join: boolean;
  readonly members: readonly MemberState[];
  /** A view into what was received: who keeps it copies it. */
  readonly userState: Bytes;
}

/** A {@link PushPull} whose members are encoded already; as it is sent, never as it is read. */
export interface EncodedPushPull {
  readonly kind: "encoded-push-pull";
  readonly join: boolean;
  /** How many {@link states} has. */
  readonly members: number;
  /** In pieces, each of any length. */
  readonly states: readonly Bytes[];
  readonly userState: Bytes;
}

/** What a packet may carry. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Alive | Suspect | Dead | UserMessage;

/** What a stream may carry. */
export type StreamMessage = PushPull | Ping | Ack | UserMessage | ErrorMessage;

/** What can be sent over a stream. */
export type SentStreamMessage = StreamMessage | EncodedPushPull;

const writer = new Writer("raw");

/** The frame of one message, type byte included. It must not be written to: others may have it. */
export function encodePacketMessage(message: PacketMessage): Bytes {
  switch (message.kind) {
    case "ping":
      writer.begin(messageTypes.ping);
      writePing(writer, message);
      break;
    case "indirect-ping":
      writer.begin(messageTypes.indirectPing);
      writeIndirectPing(writer, message);
      break;
    case "ack":
      writer.begin(messageTypes.ack);
      writeAck(writer, message);
      break;
    case "nack":
      writer.begin(messageTypes.nack);
      writeNack(writer, message);
      break;
    case "alive":
      writer.begin(messageTypes.alive);
      writeAlive(writer, message);
      return recentClaims.shared(writer.take());
    case "suspect":
      writer.begin(messageTypes.suspect);
      writeAccusation(writer, message);
      break;
    case "dead":
      writer.begin(messageTypes.dead);
      writeAccusation(writer, message);
      break;
    case "user":
      writer.begin(messageTypes.user);
      writer.raw(message.payload);
      break;
  }
  return writer.take();
}

/**
 * The messages in a frame that came out of its envelope, in order, and what was wrong with the rest.
 *
 * Compound and compressed frames are opened wherever they are; a bad part is a fault, the others
 * count. What limits.ts says of packets holds for all nested frames together.
 */
export function decodePacket(frame: Bytes): { messages: PacketMessage[]; faults: DecodeError[] } {
  const { messages, faults } = new PacketWalk(frame);
  return { messages, faults };
}
