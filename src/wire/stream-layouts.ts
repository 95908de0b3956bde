import type { Bytes } from "../base/units.js";
import { Fields, fieldCount, maxU16, maxU32, type Reader } from "./msgpack-reader.js";
import type { Writer } from "./msgpack-writer.js";
import { noBytes, readVersions, writeVersions } from "./swim-layouts.js";
import type { ErrorMessage, MemberState, RemoteState } from "./swim-messages.js";

/*
 * How what only streams carry lies in MessagePack; the rules are those of the packet layouts.
 */

const headerFields = new Fields("Nodes", "UserStateLen", "Join");

/** What stands before the members in a push/pull. */
export interface PushPullHeader {
  readonly join: boolean;
  readonly members: number;
  readonly userStateBytes: number;
}

export function writePushPullHeader(writer: Writer, header: PushPullHeader): void {
  writer.map(3);
  writer.text("Join");
  writer.bool(header.join);
  writer.text("Nodes");
  writer.int(header.members);
  writer.text("UserStateLen");
  writer.int(header.userStateBytes);
}

/** The caller checks the counts against its limits; they are at least 0. */
export function readPushPullHeader(reader: Reader): PushPullHeader {
  let join = false;
  let members = 0;
  let userStateBytes = 0;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(headerFields, struct, index)) {
      case "Nodes":
        members = reader.uint(maxU32);
        break;
      case "UserStateLen":
        userStateBytes = reader.uint(maxU32);
        break;
      case "Join":
        join = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  return { join, members, userStateBytes };
}

const userFields = new Fields("UserMsgLen");

export function writeUserHeader(writer: Writer, payloadBytes: number): void {
  writer.map(1);
  writer.text("UserMsgLen");
  writer.int(payloadBytes);
}

export function readUserHeader(reader: Reader): number {
  let payloadBytes = 0;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    if (reader.field(userFields, struct, index) === "UserMsgLen") {
      payloadBytes = reader.uint(maxU32);
    } else reader.skip();
  }
  return payloadBytes;
}

const stateFields = new Fields("Name", "Addr", "Port", "Meta", "Incarnation", "State", "Vsn");
const states: readonly RemoteState[] = ["alive", "suspect", "dead", "left"];

export function writeMemberState(writer: Writer, member: MemberState): void {
  writer.map(7);
  writer.text("Addr");
  writer.bytes(member.ip);
  writer.text("Incarnation");
  writer.int(member.incarnation);
  writer.text("Meta");
  writer.bytes(member.meta);
  writer.text("Name");
  writer.text(member.node);
  writer.text("Port");
  writer.int(member.port);
  writer.text("State");
  writer.int(states.indexOf(member.state));
  writer.text("Vsn");
  writeVersions(writer, member.versions);
}

/** Undefined for a state that is none of the four, which memberlist passes over. */
export function readMemberState(reader: Reader): MemberState | undefined {
  let node = "";
  let incarnation = 0;
  let ip = noBytes;
  let port = 0;
  let meta: Bytes | undefined;
  let state: RemoteState | undefined = "alive";
  let versions = noBytes;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(stateFields, struct, index)) {
      case "Name":
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
      case "Incarnation":
        incarnation = reader.uint(maxU32);
        break;
      case "State":
        state = states[reader.int()];
        break;
      case "Vsn":
        versions = readVersions(reader);
        break;
      default:
        reader.skip();
    }
  }
  return state && { node, incarnation, ip, port, meta, state, versions };
}

const errorFields = new Fields("Error");

export function writeError(writer: Writer, message: ErrorMessage): void {
  writer.map(1);
  writer.text("Error");
  writer.text(message.error);
}

export function readError(reader: Reader): ErrorMessage {
  let error = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    if (reader.field(errorFields, struct, index) === "Error") error = reader.text();
    else reader.skip();
  }
  return { kind: "error", error };
}
