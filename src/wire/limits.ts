/**
 * What a peer can make us hold or do, all in one place. Every count on the wire is also checked
 * against the bytes that are there before anything is allocated for it.
 */

const mebibyte = 1_048_576;

/** The largest datagram that is looked at; UDP carries no larger one. */
export const maxPacketBytes = 65_536;

/**
 * What all compressed frames of one datagram together may expand to, nested ones included; one that
 * is broken uses up the rest. A peer packs before it compresses, so an honest packet never expands
 * beyond what a datagram can hold.
 */
export const maxPacketInflatedBytes = 65_536;

/** How deep compound and compress frames may be nested in a packet; peers nest two. */
export const maxPacketDepth = 16;

/** Messages taken from one packet; the rest is one fault. An honest compound has at most 255 parts. */
export const maxPacketMessages = 1_024;

/** After so many bad parts the rest of a packet is not looked at. */
export const maxPacketFaults = 16;

/** Parts we put into one compound: memberlist 0.2.2 checks the count wrongly from 128 on. */
export const maxCompoundParts = 127;

/** A sealed box on a stream (memberlist's maxPushStateBytes). */
export const maxStreamBoxBytes = 20 * mebibyte;

/**
 * A message of Serf's, its push/pull state aside. They travel in packets; a user message on a stream
 * may be longer, but nobody sends one, and what is delivered or kept of it would be as long.
 */
export const maxSerfMessageBytes = 65_536;

/** The plaintext of one exchange on a stream, as it comes or after decompression. */
export const maxStreamBytes = 40 * mebibyte;

/** One MessagePack value on a stream, compressed frames aside: a header, a ping, one member's state. */
export const maxStreamValueBytes = 65_536;

/** The user state in a push/pull. */
export const maxUserStateBytes = 20 * mebibyte;

/** A user message on a stream. */
export const maxUserMessageBytes = 20 * mebibyte;

/**
 * Members in a push/pull, and names in the layer above's part of it. The newest memberlist allows
 * 1,048,576, but not even this many records of a stock agent (81 bytes and more) fit into 20 MiB.
 */
export const maxPushPullMembers = 262_144;

/** Slots of the event buffer in a push/pull; a stock agent sends 512. */
export const maxEventSlots = 65_536;

/** User events in a push/pull, all slots together. */
export const maxBufferedEvents = 65_536;

/** Encoded tags of one member (memberlist's MetaMaxSize). Ours are refused, a peer's are taken as they come. */
export const maxMetaBytes = 512;

/** The longest label; its length is one byte. */
export const maxLabelBytes = 255;
