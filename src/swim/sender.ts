import type { Address } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";
import { compoundPartBytes, packCompound } from "../wire/compound.js";
import { type PacketSealing, sealPacket } from "../wire/envelope.js";
import {
  type Alive,
  type Dead,
  encodePacketMessage,
  type PacketMessage,
  type Ping,
  type Suspect,
} from "../wire/swim-messages.js";
import type { SwimMember } from "./member.js";
import { packetRoom, userPartBytes } from "./packet-room.js";
import type { Parts } from "./parts.js";
import { add, type PacketKind, packetKindOf } from "./traffic.js";

const none: readonly Bytes[] = [];

/**
 * Packs messages into datagrams.
 *
 * A checksum is put on what memberlist puts one on: gossip and the ping to a suspect, if the receiver
 * understands it. All else it sends to an address whose member it does not look up.
 */
export class Sender {
  readonly #parts: Parts;
  readonly #sealing: PacketSealing;
  readonly #sealingWithChecksum: PacketSealing;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { config, host } = parts;
    const { compression, keyring, label } = config;
    const nonce = (): Bytes => host.nonce();
    this.#sealing = { compression, checksum: false, keyring, label, nonce };
    this.#sealingWithChecksum = { ...this.#sealing, checksum: true };
  }

  /** A ping with our source fields, so that the answer finds us behind whatever address it came from. */
  ping(seq: number, node: string): Ping {
    const { advertise, name } = this.#parts.config;
    const { ip, port } = advertise;
    return { kind: "ping", seq, node, sourceIp: ip, sourcePort: port, sourceNode: name };
  }

  /** Sends `message` and, in what room it leaves, whatever is to be gossiped. */
  send(now: Instant, to: Address, message: PacketMessage): void {
    const frame = encodePacketMessage(message);
    const room = packetRoom(this.#parts.config) - frame.length;
    // Only the name in a forged indirect ping makes a message that long; we are nobody's amplifier.
    if (room < 0) return;
    const others = this.#takeBroadcasts(now, room);
    this.#seal(
      to,
      others.length === 0 ? frame : packCompound([frame, ...others]),
      false,
      packetKindOf(message),
    );
  }

  /** Sends exactly `message`, to whoever listens there. */
  sendAlone(to: Address, message: PacketMessage): void {
    this.#seal(to, encodePacketMessage(message), false, packetKindOf(message));
  }

  /** Sends exactly `messages`, of which the first one says what the packet is for. */
  sendTogether(to: SwimMember, messages: readonly [PacketMessage, ...PacketMessage[]]): void {
    const frame = packCompound(messages.map(encodePacketMessage));
    this.#seal(to.address, frame, checksums(to), packetKindOf(messages[0]));
  }

  /** Sends what is to be gossiped; false if there was nothing. */
  gossip(now: Instant, to: SwimMember): boolean {
    const frames = this.#takeBroadcasts(now, packetRoom(this.#parts.config));
    if (frames.length === 0) return false;
    this.#seal(to.address, packCompound(frames), checksums(to), "gossip");
    return true;
  }

  /** Sends one message of the layer above, and nothing with it. */
  sendUser(to: Address, payload: Bytes): void {
    this.#seal(to, encodePacketMessage({ kind: "user", payload }), false, "gossip");
  }

  /**
   * Lets a claim travel with what is sent from now on; it replaces the waiting one of the same name.
   * `finished` is called once, as soon as it needs no more copies or is replaced.
   */
  spread(claim: Alive | Suspect | Dead, name: string, finished?: () => void): void {
    const message = encodePacketMessage(claim);
    if (message.length + compoundPartBytes > packetRoom(this.#parts.config)) {
      // Only a claim with a forged accuser is that long. It would wait for ever.
      finished?.();
      return;
    }
    this.#parts.queue.add(message, finished === undefined ? { name } : { name, finished });
  }

  /** Claims come first; the layer above gets the room they leave. */
  #takeBroadcasts(now: Instant, room: number): readonly Bytes[] {
    const { delegate, queue } = this.#parts;
    if (queue.length === 0 && !delegate.hasBroadcasts()) return none;
    const frames = queue.take(compoundPartBytes, room);
    let left = room;
    for (const frame of frames) left -= frame.length + compoundPartBytes;
    if (left <= userPartBytes) return frames;
    for (const payload of delegate.takeBroadcasts(now, userPartBytes, left)) {
      frames.push(encodePacketMessage({ kind: "user", payload }));
    }
    return frames;
  }

  #seal(to: Address, frame: Bytes, checksum: boolean, kind: PacketKind): void {
    const { counters, host, meter } = this.#parts;
    const payload = sealPacket(frame, checksum ? this.#sealingWithChecksum : this.#sealing);
    counters.packetsSent += 1;
    counters.packetBytesSent += payload.length;
    add(counters.traffic.sent[kind], payload.length);
    meter.count("memberlist.udp.sent", payload.length);
    host.emit({ kind: "packet", to, payload });
  }
}

/** memberlist protocol 5 brought the checksum. */
function checksums(to: SwimMember): boolean {
  return (to.versions[1] ?? 0) >= 5;
}
