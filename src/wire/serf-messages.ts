import type { Bytes, Millis } from "../base/units.js";

/**
 * Lamport times are numbers up to 2^53 - 1; a message with a larger one is refused (no cluster can
 * reach it, and a clock that has been pushed there could not tick any more).
 */
export type LamportTime = number;

export interface LeaveIntent {
  readonly kind: "leave";
  readonly ltime: LamportTime;
  readonly node: string;
  readonly prune: boolean;
}

export interface JoinIntent {
  readonly kind: "join";
  readonly ltime: LamportTime;
  readonly node: string;
}

/** All user events of one Lamport time, as a push/pull carries them. */
export interface EventSlot {
  readonly ltime: LamportTime;
  readonly events: readonly { readonly name: string; readonly payload: Bytes | undefined }[];
}

export interface SerfPushPull {
  readonly kind: "push-pull";
  readonly ltime: LamportTime;
  readonly eventLtime: LamportTime;
  readonly queryLtime: LamportTime;
  readonly statusLtimes: ReadonlyMap<string, LamportTime>;
  readonly leftMembers: readonly string[];
  /** 512 from a stock agent; any number is accepted. */
  readonly events: readonly (EventSlot | undefined)[];
}

export interface UserEventMessage {
  readonly kind: "user-event";
  readonly ltime: LamportTime;
  readonly name: string;
  readonly payload: Bytes | undefined;
  /** True if the receivers may merge it with others of its name (CC). */
  readonly coalesce: boolean;
}

export interface QueryMessage {
  readonly kind: "query";
  readonly ltime: LamportTime;
  /** u32 that tells apart queries of one Lamport time. */
  readonly id: number;
  /** Where answers go. */
  readonly ip: Bytes;
  readonly port: number;
  readonly sourceNode: string;
  /** Encoded filters, see {@link QueryFilter}; undefined when there are none. */
  readonly filters: readonly Bytes[] | undefined;
  /** Bit 0: acks are wanted. Bit 1: not to be broadcast again. */
  readonly flags: number;
  readonly relayFactor: number;
  /** On the wire in nanoseconds. */
  readonly timeout: Millis;
  readonly name: string;
  readonly payload: Bytes | undefined;
}

export interface QueryResponse {
  readonly kind: "query-response";
  readonly ltime: LamportTime;
  readonly id: number;
  readonly from: string;
  /** Bit 0: an ack. */
  readonly flags: number;
  readonly payload: Bytes | undefined;
}

/** A message that `destNode` cannot be sent directly: the receiver passes `message` on. */
export interface Relay {
  readonly kind: "relay";
  readonly destIp: Bytes;
  readonly destPort: number;
  readonly destZone: string;
  readonly destNode: string;
  /** The wrapped Serf message, type byte included. */
  readonly message: Bytes;
}

/** What the answer to `_serf_conflict` says about a member. */
export interface ConflictMember {
  readonly name: string;
  readonly ip: Bytes;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  /** 0 none, 1 alive, 2 leaving, 3 left, 4 failed. */
  readonly status: number;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCur: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCur: number;
}

export interface ConflictResponse {
  readonly kind: "conflict-response";
  /** Undefined if the answerer does not know the name. */
  readonly member: ConflictMember | undefined;
}

export interface KeyRequest {
  readonly kind: "key-request";
  readonly key: Bytes | undefined;
}

export interface KeyResponse {
  readonly kind: "key-response";
  readonly result: boolean;
  readonly message: string;
  readonly keys: readonly string[] | undefined;
  readonly primaryKey: string;
}

export type SerfMessage =
  | LeaveIntent
  | JoinIntent
  | SerfPushPull
  | UserEventMessage
  | QueryMessage
  | QueryResponse
  | ConflictResponse
  | KeyRequest
  | KeyResponse
  | Relay;

export type QueryFilter =
  | { readonly kind: "nodes"; readonly nodes: readonly string[] }
  | { readonly kind: "tag"; readonly tag: string; readonly expr: string };

/** The coordinate in a ping ack, in seconds (protocol.md section 5.9). */
export interface CoordinateMessage {
  readonly vec: readonly number[];
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}

export function encodeSerfMessage(_message: SerfMessage): Bytes {
  throw new Error("not yet");
}

export function decodeSerfMessage(_payload: Bytes): SerfMessage {
  throw new Error("not yet");
}

export function encodeFilter(_filter: QueryFilter): Bytes {
  throw new Error("not yet");
}

export function decodeFilter(_bytes: Bytes): QueryFilter {
  throw new Error("not yet");
}

export function encodeTags(_tags: ReadonlyMap<string, string>, _delegateVersion: number): Bytes {
  throw new Error("not yet");
}

export function decodeTags(_meta: Bytes): Map<string, string> {
  throw new Error("not yet");
}

export function encodeAckPayload(_coordinate: CoordinateMessage): Bytes {
  throw new Error("not yet");
}

export function decodeAckPayload(_payload: Bytes): CoordinateMessage | undefined {
  throw new Error("not yet");
}
