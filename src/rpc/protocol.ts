import { type Bytes, type Millis, nanosPerMilli } from "../base/units.js";
import type { RpcCoordinate, RpcMember, Stats } from "./api.js";

/** The only version of the protocol there is. */
export const rpcVersion = 1;

/** 104 days: what is longer is no exact number of nanoseconds any more. */
export const longestQuery: Millis = Math.floor(Number.MAX_SAFE_INTEGER / nanosPerMilli);

/** What a field holds in our types. On the wire an empty `bytes` or `texts` is nil. */
export interface FieldValues {
  readonly text: string;
  readonly bytes: Bytes;
  readonly flag: boolean;
  /** A whole number; beyond 2^53 it is rounded. */
  readonly integer: number;
  /** A whole number that is echoed exactly, whatever its size. */
  readonly sequence: number | bigint;
  readonly texts: readonly string[];
  readonly pairs: ReadonlyMap<string, string>;
  readonly members: readonly RpcMember[];
  /** Whole numbers by name. */
  readonly counts: ReadonlyMap<string, number>;
  /** A field that is never filled. */
  readonly nil: undefined;
}

export type FieldKind = keyof FieldValues;

/** The fields of a map in wire order, which is the byte order of their names. */
export type Fields = Readonly<Record<string, FieldKind>>;

export type Body<F extends Fields> = { readonly [Name in keyof F]: FieldValues[F[Name]] };

export const requestHeader = { Command: "text", Seq: "sequence" } as const satisfies Fields;
export const responseHeader = { Error: "text", Seq: "sequence" } as const satisfies Fields;

const keyChange = {
  Keys: "nil",
  Messages: "pairs",
  NumErr: "integer",
  NumNodes: "integer",
  NumResp: "integer",
} as const satisfies Fields;

const keyList = { ...keyChange, Keys: "counts" } as const satisfies Fields;

/**
 * Every command, as both ends see it: the fields of the body that follows the request's header, and
 * of the body that follows the response's header (also if that carries an error). Without fields
 * there is no body. Two bodies are not a flat set of fields: `sections` is a map of maps, and in
 * `coordinate` every number is a float, whatever its value.
 */
export const commands = {
  // Ours alone; Serf answers "Unsupported command". Both texts are JSON, see observe/topics.ts.
  ask: { request: { Body: "text", Topic: "text" }, response: { Body: "text" } },
  auth: { request: { AuthKey: "text" } },
  event: { request: { Coalesce: "flag", Name: "text", Payload: "bytes" } },
  "force-leave": { request: { Node: "text", Prune: "flag" } },
  "get-coordinate": { request: { Node: "text" }, response: "coordinate" },
  handshake: { request: { Version: "integer" } },
  "install-key": { request: { Key: "text" }, response: keyChange },
  join: { request: { Existing: "texts", Replay: "flag" }, response: { Num: "integer" } },
  leave: {},
  "list-keys": { response: keyList },
  members: { response: { Members: "members" } },
  "members-filtered": {
    request: { Name: "text", Status: "text", Tags: "pairs" },
    response: { Members: "members" },
  },
  monitor: { request: { LogLevel: "text" } },
  query: {
    request: {
      FilterNodes: "texts",
      FilterTags: "pairs",
      Name: "text",
      Payload: "bytes",
      RelayFactor: "integer",
      RequestAck: "flag",
      Timeout: "integer",
    },
  },
  "remove-key": { request: { Key: "text" }, response: keyChange },
  respond: { request: { ID: "integer", Payload: "bytes" } },
  stats: { response: "sections" },
  stop: { request: { Stop: "sequence" } },
  stream: { request: { Type: "text" } },
  tags: { request: { DeleteTags: "texts", Tags: "pairs" } },
  "use-key": { request: { Key: "text" }, response: keyChange },
} as const satisfies Record<
  string,
  { readonly request?: Fields; readonly response?: Fields | "sections" | "coordinate" }
>;

export type CommandName = keyof typeof commands;

export type RequestBody<C extends CommandName> = (typeof commands)[C] extends {
  readonly request: infer F extends Fields;
}
  ? Body<F>
  : undefined;

export type ResponseBody<C extends CommandName> = (typeof commands)[C] extends {
  readonly response: infer F;
}
  ? F extends Fields
    ? Body<F>
    : F extends "sections"
      ? Stats
      : RpcCoordinate | undefined
  : undefined;

/** A command with its body. */
export type Request = {
  [C in CommandName]: { readonly command: C; readonly body: RequestBody<C> };
}[CommandName];

export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(commands, text);
}

/** Records of the subscriptions; each follows a response header with the Seq of its request. */
export const memberRecord = { Event: "text", Members: "members" } as const satisfies Fields;
export const userRecord = {
  Coalesce: "flag",
  Event: "text",
  LTime: "integer",
  Name: "text",
  Payload: "bytes",
} as const satisfies Fields;
export const queryRecord = {
  Event: "text",
  ID: "integer",
  LTime: "integer",
  Name: "text",
  Payload: "bytes",
} as const satisfies Fields;
export const logRecord = { Log: "text" } as const satisfies Fields;
/** `Type` is ack, response or done. */
export const answerRecord = {
  From: "text",
  Payload: "bytes",
  Type: "text",
} as const satisfies Fields;

/** Errors that clients know by their text. */
export const rpcErrors = {
  handshakeRequired: "Handshake required",
  handshakeRepeated: "Handshake already performed",
  version: "Unsupported IPC version",
  command: "Unsupported command",
  authRequired: "Authentication required",
  authInvalid: "Invalid authentication token",
  streamExists: "Stream with given sequence exists",
  monitorExists: "Monitor already exists",
  query: "No pending queries matching ID",
} as const;
