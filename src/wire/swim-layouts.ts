import type { Bytes } from "../base/units.js";
import { DecodeError } from "./errors.js";
import { Fields, fieldCount, maxU16, maxU32, type Reader } from "./msgpack-reader.js";
import type { Writer } from "./msgpack-writer.js";
import type {
  Ack,
  Alive,
  Dead,
  IndirectPing,
  Nack,
  Ping,
  PingSource,
  Suspect,
} from "./swim-messages.js";

/*
 * How each message of a packet lies in MessagePack (protocol.md section 3.1). Writers give the keys in
 * byte order; the lists for readers are in the order of the Go structs (memberlist net.go).
 */

export const noBytes: Bytes = new Uint8Array(0);
const versionsBytes = 6;

const pingFields = new Fields("SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode");

export function writePing(writer: Writer, ping: Ping): void {
  writer.map(2 + sourceCount(ping));
  writer.text("Node");
  writer.text(ping.node);
  writer.text("SeqNo");
  writer.int(ping.seq);
  writeSource(writer, ping);
}

export function readPing(reader: Reader): Ping {
  let seq = 0;
  let node = "";
  let sourceIp = noBytes;
  let sourcePort = 0;
  let sourceNode = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(pingFields, struct, index)) {
      case "SeqNo":
        seq = reader.uint(maxU32);
        break;
      case "Node":
        node = reader.text();
        break;
      case "SourceAddr":
        sourceIp = reader.ownBytes() ?? noBytes;
        break;
      case "SourcePort":
        sourcePort = reader.uint(maxU16);
        break;
      case "SourceNode":
        sourceNode = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "ping", seq, node, sourceIp, sourcePort, sourceNode };
}

const indirectPingFields = new Fields(
  "SeqNo",
  "Target",
  "Port",
  "Node",
  "Nack",
  "SourceAddr",
  "SourcePort",
  "SourceNode",
);

export function writeIndirectPing(writer: Writer, ping: IndirectPing): void {
  writer.map(5 + sourceCount(ping));
  writer.text("Nack");
  writer.bool(ping.nack);
  writer.text("Node");
  writer.text(ping.node);
  writer.text("Port");
  writer.int(ping.targetPort);
  writer.text("SeqNo");
  writer.int(ping.seq);
  writeSource(writer, ping);
  writer.text("Target");
  writer.bytes(ping.targetIp);
}

export function readIndirectPing(reader: Reader): IndirectPing {
  let seq = 0;
  let node = "";
  let targetIp = noBytes;
  let targetPort = 0;
  let nack = false;
  let sourceIp = noBytes;
  let sourcePort = 0;
  let sourceNode = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(indirectPingFields, struct, index)) {
      case "SeqNo":
        seq = reader.uint(maxU32);
        break;
      case "Target":
        targetIp = reader.ownBytes() ?? noBytes;
        break;
      case "Port":
        targetPort = reader.uint(maxU16);
        break;
      case "Node":
        node = reader.text();
        break;
      case "Nack":
        nack = reader.bool();
        break;
      case "SourceAddr":
        sourceIp = reader.ownBytes() ?? noBytes;
        break;
      case "SourcePort":
        sourcePort = reader.uint(maxU16);
        break;
      case "SourceNode":
        sourceNode = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return {
    kind: "indirect-ping",
    seq,
    node,
    targetIp,
    targetPort,
    nack,
    sourceIp,
    sourcePort,
    sourceNode,
  };
}

function sourceCount(source: PingSource): number {
  const ip = source.sourceIp.length > 0 ? 1 : 0;
  const port = source.sourcePort > 0 ? 1 : 0;
  return ip + port + (source.sourceNode === "" ? 0 : 1);
}

/** The only fields that are left out when they are empty. */
function writeSource(writer: Writer, source: PingSource): void {
  if (source.sourceIp.length > 0) {
    writer.text("SourceAddr");
    writer.bytes(source.sourceIp);
  }
  if (source.sourceNode !== "") {
    writer.text("SourceNode");
    writer.text(source.sourceNode);
  }
  if (source.sourcePort > 0) {
    writer.text("SourcePort");
    writer.int(source.sourcePort);
  }
}

const ackFields = new Fields("SeqNo", "Payload");

export function writeAck(writer: Writer, ack: Ack): void {
  writer.map(2);
  writer.text("Payload");
  writer.bytes(ack.payload);
  writer.text("SeqNo");
  writer.int(ack.seq);
}

export function readAck(reader: Reader): Ack {
  let seq = 0;
  let payload: Bytes | undefined;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(ackFields, struct, index)) {
      case "SeqNo":
        seq = reader.uint(maxU32);
        break;
      case "Payload":
        payload = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "ack", seq, payload };
}

const nackFields = new Fields("SeqNo");

export function writeNack(writer: Writer, nack: Nack): void {
  writer.map(1);
  writer.text("SeqNo");
  writer.int(nack.seq);
}

export function readNack(reader: Reader): Nack {
  let seq = 0;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    if (reader.field(nackFields, struct, index) === "SeqNo") seq = reader.uint(maxU32);
    else reader.skip();
  }
  return { kind: "nack", seq };
}

const accusationFields = new Fields("Incarnation", "Node", "From");

/** Suspect and dead have one layout. */
export function writeAccusation(writer: Writer, accusation: Suspect | Dead): void {
  writer.map(3);
  writer.text("From");
  writer.text(accusation.from);
  writer.text("Incarnation");
  writer.int(accusation.incarnation);
  writer.text("Node");
  writer.text(accusation.node);
}

export function readAccusation(reader: Reader, kind: "suspect" | "dead"): Suspect | Dead {
  let node = "";
  let incarnation = 0;
  let from = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(accusationFields, struct, index)) {
      case "Incarnation":
        incarnation = reader.uint(maxU32);
        break;
      case "Node":
        node = reader.text();
        break;
      case "From":
        from = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { kind, node, incarnation, from };
}

const aliveFields = new Fields("Incarnation", "Node", "Addr", "Port", "Meta", "Vsn");

export function writeAlive(writer: Writer, alive: Alive): void {
  writer.map(6);
  writer.text("Addr");
  writer.bytes(alive.ip);
  writer.text("Incarnation");
  writer.int(alive.incarnation);
  writer.text("Meta");
  writer.bytes(alive.meta);
  writer.text("Node");
  writer.text(alive.node);
  writer.text("Port");
  writer.int(alive.port);
  writer.text("Vsn");
  writeVersions(writer, alive.versions);
}

export function readAlive(reader: Reader): Alive {
  let node = "";
  let incarnation = 0;
  let ip = noBytes;
  let port = 0;
  let meta: Bytes | undefined;
  let versions = noBytes;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(aliveFields, struct, index)) {
      case "Incarnation":
        incarnation = reader.uint(maxU32);
        break;
      case "Node":
        node = reader.text();
        break;
      case "Addr":
        ip = reader.ownBytes() ?? noBytes;
        break;
      case "Port":
        port = reader.uint(maxU16);
        break;
      case "Meta":
        meta = reader.ownBytes();
        break;
      case "Vsn":
        versions = readVersions(reader);
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "alive", node, incarnation, ip, port, meta, versions };
}

/** Always six bytes: memberlist 0.2.2 dies of fewer. What a peer did not say is zero. */
export function writeVersions(writer: Writer, versions: Bytes): void {
  let six = versions;
  if (versions.length !== versionsBytes) {
    six = new Uint8Array(versionsBytes);
    six.set(versions.subarray(0, versionsBytes));
  }
  writer.bytes(six);
}

/** Six bytes, or none from a peer that says nothing of its versions. */
export function readVersions(reader: Reader): Bytes {
  const versions = reader.ownBytes() ?? noBytes;
  if (versions.length === versionsBytes || versions.length === 0) return versions;
  if (versions.length > versionsBytes) return versions.slice(0, versionsBytes);
  throw new DecodeError("malformed", "a member's versions have six bytes");
}
