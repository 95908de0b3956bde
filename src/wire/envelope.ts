import type { Bytes } from "../base/units.js";
import type { Keyring } from "./keyring.js";

/** What our own cluster expects of a packet. */
export interface PacketSecrets {
  readonly keyring: Keyring | undefined;
  /** Empty for none. */
  readonly label: string;
}

export interface PacketSealing extends PacketSecrets {
  readonly compression: boolean;
  /** True if the receiver is known to understand checksums (PMax at least 5). */
  readonly checksum: boolean;
  /** 12 bytes, never twice the same with one key; called only if there is a keyring. */
  readonly nonce: () => Bytes;
}

/** Takes label, encryption and checksum off a datagram. The frame may be a view into it. */
export function openPacket(_datagram: Bytes, _secrets: PacketSecrets): Bytes {
  throw new Error("not yet");
}

export function sealPacket(_frame: Bytes, _sealing: PacketSealing): Bytes {
  throw new Error("not yet");
}

export function encryptionOverheadBytes(keyring: Keyring | undefined): number {
  return keyring === undefined ? 0 : 29;
}

export function labelOverheadBytes(label: string): number {
  return label === "" ? 0 : 2 + Buffer.byteLength(label);
}
