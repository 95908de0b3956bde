import { assert } from "../base/assert.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";
import { Fields, fieldCount, maxU8, maxU16, maxU32, type Reader } from "./msgpack-reader.js";
import type { Writer } from "./msgpack-writer.js";
import { readTags, readTexts, writeTags, writeTexts } from "./serf-field-layouts.js";
import type {
  ConflictMember,
  ConflictResponse,
  KeyRequest,
  KeyResponse,
  Relay,
} from "./serf-messages.js";
import { noBytes } from "./swim-layouts.js";

/*
 * How that lies in MessagePack which goes to one member and not to all: relays, and what internal
 * queries ask and answer.
 */

const relayFields = new Fields("DestAddr", "DestName");
const udpAddressFields = new Fields("IP", "Port", "Zone");

type UdpAddress = Pick<Relay, "destIp" | "destPort" | "destZone">;

export function writeRelay(writer: Writer, relay: Relay): void {
  assert(relay.message.length > 0, "a relayed message has a type byte");
  writer.map(2);
  writer.text("DestAddr");
  writer.map(3);
  writer.text("IP");
  writer.bytes(relay.destIp);
  writer.text("Port");
  writer.int(relay.destPort);
  writer.text("Zone");
  writer.text(relay.destZone);
  writer.text("DestName");
  writer.text(relay.destNode);
  writer.raw(relay.message);
}

export function readRelay(reader: Reader): Relay {
  let address: UdpAddress = { destIp: noBytes, destPort: 0, destZone: "" };
  let destNode = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(relayFields, struct, index)) {
      case "DestAddr":
        address = readUdpAddress(reader);
        break;
      case "DestName":
        destNode = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  const message = reader.rest();
  if (message.length === 0) throw new DecodeError("truncated", "relay without a message");
  return { kind: "relay", ...address, destNode, message };
}

function readUdpAddress(reader: Reader): UdpAddress {
  let destIp = noBytes;
  let destPort = 0;
  let destZone = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(udpAddressFields, struct, index)) {
      case "IP":
        destIp = reader.bytes() ?? noBytes;
        break;
      case "Port":
        destPort = reader.uint(maxU16);
        break;
      case "Zone":
        destZone = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { destIp, destPort, destZone };
}

const memberFields = new Fields(
  "Name",
  "Addr",
  "Port",
  "Tags",
  "Status",
  "ProtocolMin",
  "ProtocolMax",
  "ProtocolCur",
  "DelegateMin",
  "DelegateMax",
  "DelegateCur",
);

export function writeConflictResponse(writer: Writer, response: ConflictResponse): void {
  if (response.member === undefined) writer.nil();
  else writeConflictMember(writer, response.member);
}

function writeConflictMember(writer: Writer, member: ConflictMember): void {
  writer.map(11);
  writer.text("Addr");
  writer.bytes(member.ip);
  writer.text("DelegateCur");
  writer.int(member.delegateCur);
  writer.text("DelegateMax");
  writer.int(member.delegateMax);
  writer.text("DelegateMin");
  writer.int(member.delegateMin);
  writer.text("Name");
  writer.text(member.name);
  writer.text("Port");
  writer.int(member.port);
  writer.text("ProtocolCur");
  writer.int(member.protocolCur);
  writer.text("ProtocolMax");
  writer.int(member.protocolMax);
  writer.text("ProtocolMin");
  writer.int(member.protocolMin);
  writer.text("Status");
  writer.int(member.status);
  writer.text("Tags");
  writeTags(writer, member.tags);
}

export function readConflictResponse(reader: Reader): ConflictResponse {
  const member = reader.nil() ? undefined : readConflictMember(reader);
  return { kind: "conflict-response", member };
}

function readConflictMember(reader: Reader): ConflictMember {
  let name = "";
  let ip = noBytes;
  let port = 0;
  let tags: ReadonlyMap<string, string> = new Map();
  let status = 0;
  let protocolMin = 0;
  let protocolMax = 0;
  let protocolCur = 0;
  let delegateMin = 0;
  let delegateMax = 0;
  let delegateCur = 0;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(memberFields, struct, index)) {
      case "Name":
        name = reader.text();
        break;
      case "Addr":
        ip = reader.bytes() ?? noBytes;
        break;
      case "Port":
        port = reader.uint(maxU16);
        break;
      case "Tags":
        tags = readTags(reader, new Map());
        break;
      case "Status":
        status = reader.uint(maxU32);
        break;
      case "ProtocolMin":
        protocolMin = reader.uint(maxU8);
        break;
      case "ProtocolMax":
        protocolMax = reader.uint(maxU8);
        break;
      case "ProtocolCur":
        protocolCur = reader.uint(maxU8);
        break;
      case "DelegateMin":
        delegateMin = reader.uint(maxU8);
        break;
      case "DelegateMax":
        delegateMax = reader.uint(maxU8);
        break;
      case "DelegateCur":
        delegateCur = reader.uint(maxU8);
        break;
      default:
        reader.skip();
    }
  }
  return {
    name,
    ip,
    port,
    tags,
    status,
    protocolMin,
    protocolMax,
    protocolCur,
    delegateMin,
    delegateMax,
    delegateCur,
  };
}

const keyRequestFields = new Fields("Key");

export function writeKeyRequest(writer: Writer, request: KeyRequest): void {
  writer.map(1);
  writer.text("Key");
  writer.bytes(request.key);
}

export function readKeyRequest(reader: Reader): KeyRequest {
  let key: Bytes | undefined;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    if (reader.field(keyRequestFields, struct, index) === "Key") key = reader.bytes();
    else reader.skip();
  }
  return { kind: "key-request", key };
}

const keyResponseFields = new Fields("Result", "Message", "Keys", "PrimaryKey");

export function writeKeyResponse(writer: Writer, response: KeyResponse): void {
  writer.map(4);
  writer.text("Keys");
  if (response.keys === undefined) writer.nil();
  else writeTexts(writer, response.keys);
  writer.text("Message");
  writer.text(response.message);
  writer.text("PrimaryKey");
  writer.text(response.primaryKey);
  writer.text("Result");
  writer.bool(response.result);
}

export function readKeyResponse(reader: Reader): KeyResponse {
  let result = false;
  let message = "";
  let keys: string[] | undefined;
  let primaryKey = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(keyResponseFields, struct, index)) {
      case "Result":
        result = reader.bool();
        break;
      case "Message":
        message = reader.text();
        break;
      case "Keys":
        keys = readTexts(reader);
        break;
      case "PrimaryKey":
        primaryKey = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "key-response", result, message, keys, primaryKey };
}
