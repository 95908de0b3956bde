import type { Bytes } from "../base/units.js";
import { unpackCompound } from "./compound.js";
import { inflateFrame } from "./compression.js";
import { DecodeError } from "./errors.js";
import {
  maxPacketDepth,
  maxPacketFaults,
  maxPacketInflatedBytes,
  maxPacketMessages,
} from "./limits.js";
import { messageTypes } from "./message-types.js";
import { Reader } from "./msgpack-reader.js";
import { recentClaims } from "./recent-claims.js";
import {
  readAccusation,
  readAck,
  readAlive,
  readIndirectPing,
  readNack,
  readPing,
} from "./swim-layouts.js";
import type { PacketMessage } from "./swim-messages.js";

/** One way through all frames of a packet, nested as they may be, on one budget. */
export class PacketWalk {
  /** At most `maxPacketMessages`. */
  readonly messages: PacketMessage[] = [];
  /** At most `maxPacketFaults`: then the rest is left alone. */
  readonly faults: DecodeError[] = [];
  #inflatableBytes = maxPacketInflatedBytes;

  constructor(frame: Bytes) {
    this.#enter(frame, 0);
  }

  #enter(frame: Bytes, depth: number): void {
    try {
      this.#read(frame, depth);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.faults.push(error);
    }
  }

  #read(frame: Bytes, depth: number): void {
    const type = frame[0];
    if (type !== messageTypes.compound && type !== messageTypes.compressed) {
      this.messages.push(readPacketMessage(frame));
      return;
    }
    if (depth === maxPacketDepth) throw new DecodeError("limit", "frames are nested too deeply");
    if (type === messageTypes.compound) this.#readParts(frame, depth);
    else this.#readCompressed(frame, depth);
  }

  #readParts(frame: Bytes, depth: number): void {
    const { parts, cut } = unpackCompound(frame);
    for (const { end, start } of parts) {
      if (this.faults.length >= maxPacketFaults) return;
      if (this.messages.length >= maxPacketMessages) {
        throw new DecodeError("limit", "packet has too many messages");
      }
      const known =
        frame[start] === messageTypes.alive ? recentClaims.find(frame, start, end) : undefined;
      if (known === undefined) this.#enter(frame.subarray(start, end), depth + 1);
      else this.messages.push(known);
    }
    if (cut) throw new DecodeError("truncated", "compound ends within a part");
  }

  #readCompressed(frame: Bytes, depth: number): void {
    const limit = this.#inflatableBytes;
    // One that fails uses up the budget: what it has cost by then cannot be told.
    this.#inflatableBytes = 0;
    const inflated = inflateFrame(frame, limit);
    this.#inflatableBytes = limit - inflated.length;
    this.#enter(inflated, depth + 1);
  }
}

function readPacketMessage(frame: Bytes): PacketMessage {
  const reader = new Reader(frame, 1);
  switch (frame[0]) {
    case messageTypes.ping:
      return readPing(reader);
    case messageTypes.indirectPing:
      return readIndirectPing(reader);
    case messageTypes.ack:
      return readAck(reader);
    case messageTypes.suspect:
      return readAccusation(reader, "suspect");
    case messageTypes.alive: {
      const claim = readAlive(reader);
      recentClaims.note(frame, claim);
      return claim;
    }
    case messageTypes.dead:
      return readAccusation(reader, "dead");
    case messageTypes.user:
      return { kind: "user", payload: frame.subarray(1) };
    case messageTypes.nack:
      return readNack(reader);
    case undefined:
      throw new DecodeError("truncated", "frame is empty");
    default:
      throw new DecodeError("type", `UDP msg type (${frame[0]}) not supported`);
  }
}
