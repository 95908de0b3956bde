import type { Bytes } from "../base/units.js";

/**
 * memberlist's protocol versions, the least and the most that we understand and the one we speak, then
 * Serf's; the one of these that we speak is configured (protocol.md section 1.11).
 */
const versions = [1, 5, 2, 2, 5] as const;

/** PMin, PMax, PCur, DMin, DMax, DCur of a member that speaks this version of Serf's protocol. */
export function versionsOf(delegateVersion: number): Bytes {
  return Uint8Array.of(...versions, delegateVersion);
}
