import type { Bytes, Millis } from "../base/units.js";
import type { KnownValues } from "./encoded-list.js";
import { DecodeError } from "./errors.js";
import { Reader } from "./msgpack-reader.js";
import { Writer } from "./msgpack-writer.js";
import {
  readConflictResponse,
  readKeyRequest,
  readKeyResponse,
  readRelay,
  writeConflictResponse,
  writeKeyRequest,
  writeKeyResponse,
  writeRelay,
} from "./serf-answer-layouts.js";
import {
  readCoordinate,
  readTagFilter,
  readTags,
  readTexts,
  writeCoordinate,
  writeTagFilter,
  writeTags,
  writeTexts,
} from "./serf-field-layouts.js";
import {
  readJoin,
  readLeave,
  readQuery,
  readQueryResponse,
  readUserEvent,
  writeJoin,
  writeLeave,
  writeQuery,
  writeQueryResponse,
  writeUserEvent,
} from "./serf-layouts.js";
import {
  type EncodedLtimes,
  readSerfPushPull,
  writeSerfPushPull,
  writeStatusLtime,
} from "./serf-push-pull-layout.js";
import { decodeText, encodeText } from "./text.js";

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

/** Of a decoded message all byte fields are views into what was received: who keeps one copies it. */
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

/** The first byte of each message (protocol.md section 5.1). */
const types = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const;

const writer = new Writer("raw");

/** {@link encodeSerfMessage}, with `ltimes` in place of those in the message. */
export function encodeSerfPushPull(message: SerfPushPull, ltimes: EncodedLtimes): Bytes {
  writer.begin(types.pushPull);
  writeSerfPushPull(writer, message, ltimes);
  return writer.take();
}

/** An entry of {@link SerfPushPull.statusLtimes}. */
export function encodeStatusLtime(name: string, ltime: LamportTime): Bytes {
  writer.start();
  writeStatusLtime(writer, name, ltime);
  return writer.take();
}

/** The bytes of one message, type byte included; the caller owns them. */
export function encodeSerfMessage(message: SerfMessage): Bytes {
  switch (message.kind) {
    case "leave":
      writer.begin(types.leave);
      writeLeave(writer, message);
      break;
    case "join":
      writer.begin(types.join);
      writeJoin(writer, message);
      break;
    case "push-pull":
      writer.begin(types.pushPull);
      writeSerfPushPull(writer, message);
      break;
    case "user-event":
      writer.begin(types.userEvent);
      writeUserEvent(writer, message);
      break;
    case "query":
      writer.begin(types.query);
      writeQuery(writer, message);
      break;
    case "query-response":
      writer.begin(types.queryResponse);
      writeQueryResponse(writer, message);
      break;
    case "conflict-response":
      writer.begin(types.conflictResponse);
      writeConflictResponse(writer, message);
      break;
    case "key-request":
      writer.begin(types.keyRequest);
      writeKeyRequest(writer, message);
      break;
    case "key-response":
      writer.begin(types.keyResponse);
      writeKeyResponse(writer, message);
      break;
    case "relay":
      writer.begin(types.relay);
      writeRelay(writer, message);
      break;
  }
  return writer.take();
}

/**
 * The message in a user message or user state; throws {@link DecodeError}. In a push/pull, Lamport times
 * that are `known` are passed over.
 */
export function decodeSerfMessage(payload: Bytes, known?: KnownValues): SerfMessage {
  const reader = new Reader(payload, 1);
  switch (payload[0]) {
    case types.leave:
      return readLeave(reader);
    case types.join:
      return readJoin(reader);
    case types.pushPull:
      return readSerfPushPull(reader, known);
    case types.userEvent:
      return readUserEvent(reader);
    case types.query:
      return readQuery(reader);
    case types.queryResponse:
      return readQueryResponse(reader);
    case types.conflictResponse:
      return readConflictResponse(reader);
    case types.keyRequest:
      return readKeyRequest(reader);
    case types.keyResponse:
      return readKeyResponse(reader);
    case types.relay:
      return readRelay(reader);
    case undefined:
      throw new DecodeError("truncated", "Serf message is empty");
    default:
      throw new DecodeError("type", `Serf message type (${payload[0]}) is not known`);
  }
}

const filterTypes = { nodes: 0, tag: 1 } as const;

/** One entry of a query's filters; never empty. */
export function encodeFilter(filter: QueryFilter): Bytes {
  writer.begin(filterTypes[filter.kind]);
  if (filter.kind === "nodes") writeTexts(writer, filter.nodes);
  else writeTagFilter(writer, filter);
  return writer.take();
}

/** Throws {@link DecodeError}, also for kinds that no version of Serf knows. */
export function decodeFilter(bytes: Bytes): QueryFilter {
  const reader = new Reader(bytes, 1);
  switch (bytes[0]) {
    case filterTypes.nodes:
      return { kind: "nodes", nodes: readTexts(reader) ?? [] };
    case filterTypes.tag:
      return readTagFilter(reader);
    case undefined:
      throw new DecodeError("truncated", "filter is empty");
    default:
      throw new DecodeError("type", `filter type (${bytes[0]}) is not known`);
  }
}

/** What stands before encoded tags, and before nothing else. */
const tagsMarker = 0xff;
const firstDelegateVersionWithTags = 3;

/** The meta of a member; before protocol 3 that is its role alone. */
export function encodeTags(tags: ReadonlyMap<string, string>, delegateVersion: number): Bytes {
  if (delegateVersion < firstDelegateVersionWithTags) return encodeText(tags.get("role") ?? "");
  writer.begin(tagsMarker);
  writeTags(writer, tags);
  return writer.take();
}

/**
 * The tags in a member's meta; if that has no marker, all of it is the role. Never throws: of a
 * broken map the tags before the fault count, as in Serf.
 */
export function decodeTags(meta: Bytes): Map<string, string> {
  if (meta[0] !== tagsMarker) return new Map([["role", decodeText(meta)]]);
  const tags = new Map<string, string>();
  try {
    readTags(new Reader(meta, 1), tags);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return tags;
}

const pingVersion = 1;

/** The payload of an ack to a ping over UDP. */
export function encodeAckPayload(coordinate: CoordinateMessage): Bytes {
  writer.begin(pingVersion);
  writeCoordinate(writer, coordinate);
  return writer.take();
}

/** Undefined for no payload and for versions that we do not know; throws {@link DecodeError}. */
export function decodeAckPayload(payload: Bytes): CoordinateMessage | undefined {
  if (payload[0] !== pingVersion) return undefined;
  return readCoordinate(new Reader(payload, 1));
}
