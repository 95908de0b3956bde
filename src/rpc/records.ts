import type { QueryRecord, RpcEvent } from "./api.js";
import { decodeBody, encodeBody } from "./bodies.js";
import { FramingError, packValues } from "./framing.js";
import { answerRecord, memberRecord, queryRecord, responseHeader, userRecord } from "./protocol.js";

/** A record as it follows the header of the request that it belongs to. */
export function packRecord(seq: number | bigint, record: object): Uint8Array {
  return packValues(encodeBody(responseHeader, { Error: "", Seq: seq }), record);
}

export function encodeAnswer(record: QueryRecord): object {
  return encodeBody(answerRecord, {
    From: record.kind === "done" ? "" : record.from,
    Payload: record.kind === "response" ? record.payload : new Uint8Array(0),
    Type: record.kind,
  });
}

/**
 * A record of a query; throws FramingError if `record` is none. Undefined for one that says
 * nothing: Serf can send an answer of nobody when an answer and the deadline come together.
 */
export function decodeAnswer(record: unknown): QueryRecord | undefined {
  const { From: from, Payload: payload, Type: kind } = decodeBody(answerRecord, record);
  switch (kind) {
    case "done":
      return { kind };
    case "ack":
      return from === "" ? undefined : { kind, from };
    case "response":
      return from === "" ? undefined : { kind, from, payload };
    default:
      throw new FramingError(`a query has no records of the type ${JSON.stringify(kind)}`);
  }
}

/** A record of an event stream; throws FramingError if `record` is none. */
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
