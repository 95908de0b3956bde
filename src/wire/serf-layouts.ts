import { assert } from "../base/assert.js";
import type { Bytes, Millis } from "../base/units.js";
import { DecodeError } from "./errors.js";
import {
  Fields,
  fieldCount,
  maxLtime,
  maxU8,
  maxU16,
  maxU32,
  type Reader,
} from "./msgpack-reader.js";
import type { Writer } from "./msgpack-writer.js";
import type {
  JoinIntent,
  LeaveIntent,
  QueryMessage,
  QueryResponse,
  UserEventMessage,
} from "./serf-messages.js";
import { noBytes } from "./swim-layouts.js";

/*
 * How each Serf message lies in MessagePack (protocol.md section 5.2). Writers give the keys in byte
 * order; the lists for readers are in the order of the Go structs (serf messages.go).
 */

const nanosecondsPerMilli = 1_000_000;

const leaveFields = new Fields("LTime", "Node", "Prune");

export function writeLeave(writer: Writer, leave: LeaveIntent): void {
  writer.map(3);
  writer.text("LTime");
  writer.int(leave.ltime);
  writer.text("Node");
  writer.text(leave.node);
  writer.text("Prune");
  writer.bool(leave.prune);
}

export function readLeave(reader: Reader): LeaveIntent {
  let ltime = 0;
  let node = "";
  let prune = false;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(leaveFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "Node":
        node = reader.text();
        break;
      case "Prune":
        prune = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "leave", ltime, node, prune };
}

const joinFields = new Fields("LTime", "Node");

export function writeJoin(writer: Writer, join: JoinIntent): void {
  writer.map(2);
  writer.text("LTime");
  writer.int(join.ltime);
  writer.text("Node");
  writer.text(join.node);
}

export function readJoin(reader: Reader): JoinIntent {
  let ltime = 0;
  let node = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(joinFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "Node":
        node = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "join", ltime, node };
}

const userEventFields = new Fields("LTime", "Name", "Payload", "CC");

export function writeUserEvent(writer: Writer, event: UserEventMessage): void {
  writer.map(4);
  writer.text("CC");
  writer.bool(event.coalesce);
  writer.text("LTime");
  writer.int(event.ltime);
  writer.text("Name");
  writer.text(event.name);
  writer.text("Payload");
  writer.bytes(event.payload);
}

export function readUserEvent(reader: Reader): UserEventMessage {
  let ltime = 0;
  let name = "";
  let payload: Bytes | undefined;
  let coalesce = false;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(userEventFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "Name":
        name = reader.text();
        break;
      case "Payload":
        payload = reader.bytes();
        break;
      case "CC":
        coalesce = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "user-event", ltime, name, payload, coalesce };
}

const queryFields = new Fields(
  "LTime",
  "ID",
  "Addr",
  "Port",
  "SourceNode",
  "Filters",
  "Flags",
  "RelayFactor",
  "Timeout",
  "Name",
  "Payload",
);

export function writeQuery(writer: Writer, query: QueryMessage): void {
  writer.map(11);
  writer.text("Addr");
  writer.bytes(query.ip);
  writer.text("Filters");
  if (query.filters === undefined || query.filters.length === 0) writer.nil();
  else writeFilters(writer, query.filters);
  writer.text("Flags");
  writer.int(query.flags);
  writer.text("ID");
  writer.int(query.id);
  writer.text("LTime");
  writer.int(query.ltime);
  writer.text("Name");
  writer.text(query.name);
  writer.text("Payload");
  writer.bytes(query.payload);
  writer.text("Port");
  writer.int(query.port);
  writer.text("RelayFactor");
  writer.int(query.relayFactor);
  writer.text("SourceNode");
  writer.text(query.sourceNode);
  writer.text("Timeout");
  writer.int(Math.round(query.timeout * nanosecondsPerMilli));
}

export function readQuery(reader: Reader): QueryMessage {
  let ltime = 0;
  let id = 0;
  let ip = noBytes;
  let port = 0;
  let sourceNode = "";
  let filters: Bytes[] | undefined;
  let flags = 0;
  let relayFactor = 0;
  let timeout: Millis = 0;
  let name = "";
  let payload: Bytes | undefined;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(queryFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "ID":
        id = reader.uint(maxU32);
        break;
      case "Addr":
        ip = reader.bytes() ?? noBytes;
        break;
      case "Port":
        port = reader.uint(maxU16);
        break;
      case "SourceNode":
        sourceNode = reader.text();
        break;
      case "Filters":
        filters = readFilters(reader);
        break;
      case "Flags":
        flags = reader.uint(maxU32);
        break;
      case "RelayFactor":
        relayFactor = reader.uint(maxU8);
        break;
      case "Timeout":
        timeout = reader.int() / nanosecondsPerMilli;
        break;
      case "Name":
        name = reader.text();
        break;
      case "Payload":
        payload = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  return {
    kind: "query",
    ltime,
    id,
    ip,
    port,
    sourceNode,
    filters,
    flags,
    relayFactor,
    timeout,
    name,
    payload,
  };
}

/** Real Serf dies of an empty filter: none is ever sent. */
function writeFilters(writer: Writer, filters: readonly Bytes[]): void {
  writer.array(filters.length);
  for (const filter of filters) {
    assert(filter.length > 0, "a filter has a type byte");
    writer.bytes(filter);
  }
}

/** A query with an empty filter is refused whole, for passing it on would end others. */
function readFilters(reader: Reader): Bytes[] | undefined {
  const count = reader.array() ?? 0;
  const filters: Bytes[] = [];
  for (let index = 0; index < count; index += 1) {
    const filter = reader.bytes() ?? noBytes;
    if (filter.length === 0) throw new DecodeError("malformed", "query has an empty filter");
    filters.push(filter);
  }
  return count === 0 ? undefined : filters;
}

const responseFields = new Fields("LTime", "ID", "From", "Flags", "Payload");

export function writeQueryResponse(writer: Writer, response: QueryResponse): void {
  writer.map(5);
  writer.text("Flags");
  writer.int(response.flags);
  writer.text("From");
  writer.text(response.from);
  writer.text("ID");
  writer.int(response.id);
  writer.text("LTime");
  writer.int(response.ltime);
  writer.text("Payload");
  writer.bytes(response.payload);
}

export function readQueryResponse(reader: Reader): QueryResponse {
  let ltime = 0;
  let id = 0;
  let from = "";
  let flags = 0;
  let payload: Bytes | undefined;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(responseFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "ID":
        id = reader.uint(maxU32);
        break;
      case "From":
        from = reader.text();
        break;
      case "Flags":
        flags = reader.uint(maxU32);
        break;
      case "Payload":
        payload = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "query-response", ltime, id, from, flags, payload };
}
