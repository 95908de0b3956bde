import type { Bytes } from "../base/units.js";
import type { RpcMember } from "./api.js";
import { decodeBody } from "./bodies.js";
import { memberRecord, queryRecord, userRecord } from "./protocol.js";

/** A record of an event stream as a client sees it. */
export type RpcEvent =
  | { readonly kind: "member"; readonly event: string; readonly members: readonly RpcMember[] }
  | {
      readonly kind: "user";
      readonly ltime: number;
      readonly name: string;
      readonly payload: Bytes;
      readonly coalesce: boolean;
    }
  | {
      readonly kind: "query";
      /** For {@link RpcClient.respond}; of this connection. */
      readonly id: number;
      readonly ltime: number;
      readonly name: string;
      readonly payload: Bytes;
    };

/** Throws FramingError if `record` is none. */
export function decodeEvent(record: unknown): RpcEvent {
  const { Event: event, Members: members } = decodeBody(memberRecord, record);
  if (event === "user") {
    const body = decodeBody(userRecord, record);
    return {
      kind: "user",
      ltime: body.LTime,
      name: body.Name,
      payload: body.Payload,
      coalesce: body.Coalesce,
    };
  }
  if (event === "query") {
    const body = decodeBody(queryRecord, record);
    return {
      kind: "query",
      id: body.ID,
      ltime: body.LTime,
      name: body.Name,
      payload: body.Payload,
    };
  }
  return { kind: "member", event, members };
}
