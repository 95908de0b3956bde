import { crc32 } from "node:zlib";
import type { Bytes } from "../base/units.js";
import { boxOverheadBytes, open, seal } from "./aead.js";
import { deflateFrame } from "./compression.js";
import { DecodeError } from "./errors.js";
import type { Keyring } from "./keyring.js";
import { addLabel, labelHeaderBytes } from "./label.js";
import { maxPacketBytes } from "./limits.js";
import { messageTypes } from "./message-types.js";
import { plainBytes } from "./plain-bytes.js";
import { encodeText } from "./text.js";
import { readU32, writeU32 } from "./u32.js";

/** What makes a packet one of our own cluster. */
export interface PacketSecrets {
  /** Present if and only if the cluster is encrypted. */
  readonly keyring: Keyring | undefined;
  /** Empty for none; at most 255 bytes. */
  readonly label: string;
}

export interface PacketSealing extends PacketSecrets {
  /** Whether to compress what becomes shorter by it. */
  readonly compression: boolean;
  /** True if the receiver is known to understand checksums (its PMax is at least 5). */
  readonly checksum: boolean;
  /** 12 bytes, never the same twice with one key; called only if there is a keyring. */
  readonly nonce: () => Bytes;
}

const checksumBytes = 5;

/** What encryption adds to each packet. */
export function encryptionOverheadBytes(keyring: Keyring | undefined): number {
  return keyring === undefined ? 0 : boxOverheadBytes;
}

/** What the label adds to each packet. */
export function labelOverheadBytes(label: string): number {
  return addLabel(label, new Uint8Array(0)).length;
}

/**
 * Takes label, encryption and checksum off a datagram: what is left is a frame, maybe a view into
 * the datagram. Throws {@link DecodeError}, {@link AuthenticationError} if it is not of our cluster.
 */
export function openPacket(datagram: Bytes, secrets: PacketSecrets): Bytes {
  if (datagram.length > maxPacketBytes) throw new DecodeError("limit", "datagram is too large");
  const start = labelHeaderBytes(datagram, secrets.label);
  if (start === undefined) throw new DecodeError("truncated", "datagram ends in its label");
  let frame = plainBytes(datagram).subarray(start);
  if (secrets.keyring !== undefined) {
    frame = open(secrets.keyring, frame, encodeText(secrets.label));
  }
  if (frame[0] !== messageTypes.checksum || frame.length < checksumBytes) return frame;
  const inner = frame.subarray(checksumBytes);
  if (crc32(inner) !== readU32(frame, 1)) {
    throw new DecodeError("checksum", "checksum of the packet does not match");
  }
  return inner;
}

/** Makes a datagram of a frame: compressed if that is shorter, then checksum, encryption, label. */
export function sealPacket(frame: Bytes, sealing: PacketSealing): Bytes {
  let packet = frame;
  if (sealing.compression) {
    const deflated = deflateFrame(frame);
    if (deflated.length < frame.length) packet = deflated;
  }
  if (sealing.checksum) packet = addChecksum(packet);
  if (sealing.keyring !== undefined) {
    packet = seal(sealing.keyring, sealing.nonce(), packet, encodeText(sealing.label));
  }
  return addLabel(sealing.label, packet);
}

function addChecksum(frame: Bytes): Bytes {
  const packet = new Uint8Array(checksumBytes + frame.length);
  packet[0] = messageTypes.checksum;
  writeU32(packet, 1, crc32(frame));
  packet.set(frame, checksumBytes);
  return packet;
}
