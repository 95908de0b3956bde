import { compoundOverheadBytes, compoundPartBytes } from "../wire/compound.js";
import { encryptionOverheadBytes, labelOverheadBytes } from "../wire/envelope.js";
import type { SwimConfig } from "./config.js";

/** What memberlist puts into one datagram; the checksum comes on top. */
const packetBytes = 1_400;

/** What a message of the layer above costs in a packet besides its own bytes, the type byte included. */
export const userPartBytes = compoundPartBytes + 1;

/** What a packet can carry besides the overhead of its envelope and of a compound. */
export function packetRoom({ keyring, label }: Pick<SwimConfig, "keyring" | "label">): number {
  const envelope = labelOverheadBytes(label) + encryptionOverheadBytes(keyring);
  return packetBytes - compoundOverheadBytes - envelope;
}
