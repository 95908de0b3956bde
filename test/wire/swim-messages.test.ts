import { describe, expect, test } from "vitest";
import { packCompound } from "../../src/wire/compound.js";
import { deflateFrame, inflateFrame } from "../../src/wire/compression.js";
import { openPacket, sealPacket } from "../../src/wire/envelope.js";
import { DecodeError } from "../../src/wire/errors.js";
import { Reader } from "../../src/wire/msgpack-reader.js";
import { Writer } from "../../src/wire/msgpack-writer.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import { readPushPullHeader, writePushPullHeader } from "../../src/wire/stream-layouts.js";
import {
  decodePacket,
  encodePacketMessage,
  type PacketMessage,
  type StreamMessage,
} from "../../src/wire/swim-messages.js";
import { hex, loadVectors, unhex } from "./vectors.js";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly hex_head?: string;
}

const vectors = loadVectors<{ memberlist: Vector[] }>("messages.json").memberlist;

function vectorOf(name: string): Vector {
  const vector = vectors.find((one) => one.name === name);
  if (vector === undefined) throw new Error(`no vector named ${name}`);
  return vector;
}

const none = new Uint8Array(0);
const noSource = { sourceIp: none, sourcePort: 0, sourceNode: "" };
const alpha = { sourceIp: unhex("7f000001"), sourcePort: 7_946, sourceNode: "alpha" };
const stock = unhex("010502020504");
const roleWeb = unhex("ff81a4726f6c65a3776562");

/** What each vector of a packet says, in our words. */
const packets: Record<string, PacketMessage> = {
  ping: { kind: "ping", node: "beta", seq: 42, ...alpha },
  ping_minimal: { kind: "ping", node: "beta", seq: 1, ...noSource },
  ping_bigseq: { kind: "ping", node: "b", seq: 4_294_967_295, ...noSource },
  indirect_ping: {
    kind: "indirect-ping",
    node: "gamma",
    seq: 300,
    targetIp: unhex("c0a800c8"),
    targetPort: 7_946,
    nack: true,
    ...alpha,
  },
  ack_nil_payload: { kind: "ack", seq: 42, payload: undefined },
  nack: { kind: "nack", seq: 300 },
  suspect: { kind: "suspect", node: "beta", incarnation: 7, from: "alpha" },
  alive: {
    kind: "alive",
    node: "beta",
    incarnation: 3,
    ip: unhex("c0a800c8"),
    port: 7_946,
    meta: roleWeb,
    versions: stock,
  },
  alive_nil_meta: {
    kind: "alive",
    node: "beta",
    incarnation: 1,
    ip: unhex("7f000001"),
    port: 7_946,
    meta: undefined,
    versions: unhex("010502000000"),
  },
  alive_ipv6_longname: {
    kind: "alive",
    node: "node-with-a-long-name-of-exactly-40-bytes",
    incarnation: 200,
    ip: unhex("fd000000000000000000000000000009"),
    port: 65_535,
    meta: unhex("ff80"),
    versions: stock,
  },
  dead: { kind: "dead", node: "beta", incarnation: 3, from: "alpha" },
  dead_left: { kind: "dead", node: "beta", incarnation: 3, from: "beta" },
  user_msg_packet: { kind: "user", payload: unhex("0102030405") },
};

const streams: Record<string, StreamMessage> = {
  err: { kind: "error", error: "remote state is encrypted and encryption is not configured" },
  push_pull_stream: {
    kind: "push-pull",
    join: true,
    members: [
      {
        node: "alpha",
        incarnation: 1,
        ip: unhex("7f000001"),
        port: 7_946,
        meta: roleWeb,
        state: "alive",
        versions: stock,
      },
      {
        node: "beta",
        incarnation: 900,
        ip: unhex("c0a800c8"),
        port: 7_946,
        meta: undefined,
        state: "left",
        versions: stock,
      },
    ],
    userState: unhex("027573657273746174652d6279746573"),
  },
  user_msg_stream: { kind: "user", payload: unhex("0102030405") },
};

const plainStream = {
  compression: false,
  keyring: undefined,
  label: "",
  dialled: true,
  nonce: () => none,
};

describe("memberlist's messages", () => {
  test.for(Object.entries(packets))("%s is written and read as by Serf", ([name, message]) => {
    const frame = unhex(vectorOf(name).hex);
    expect(hex(encodePacketMessage(message))).toBe(hex(frame));
    expect(decodePacket(frame)).toEqual({ messages: [message], faults: [] });
  });

  test.for(Object.entries(streams))("%s is written and read as by Serf", ([name, message]) => {
    const frame = unhex(vectorOf(name).hex);
    expect(hex(sealStream(message, plainStream))).toBe(hex(frame));
    expect(new StreamReader(plainStream).feed(frame)).toEqual(message);
  });

  test("push_pull_header_large is written as by 0.9.4 and read from both generations", () => {
    const vector = vectorOf("push_pull_header_large");
    const header = { join: false, members: 200, userStateBytes: 70_000 };
    const writer = new Writer("raw");
    writePushPullHeader(writer, header);
    expect(hex(writer.take())).toBe(vector.hex);
    expect(readPushPullHeader(new Reader(unhex(vector.hex)))).toEqual(header);
    expect(readPushPullHeader(new Reader(unhex(vector.hex_head as string)))).toEqual(header);
  });

  test("compound_ping_suspect is put together and taken apart", () => {
    const frame = unhex(vectorOf("compound_ping_suspect").hex);
    const parts = [packets.ping, packets.suspect] as PacketMessage[];
    expect(hex(packCompound(parts.map(encodePacketMessage)))).toBe(hex(frame));
    expect(decodePacket(frame)).toEqual({ messages: parts, faults: [] });
  });

  test.for([
    ["compress_compound", "compound_ping_suspect"],
    ["compress_push_pull", "push_pull_stream"],
  ] as const)("%s is compressed and decompressed", ([name, plain]) => {
    const frame = unhex(vectorOf(plain).hex);
    expect(hex(deflateFrame(frame))).toBe(vectorOf(name).hex);
    expect(hex(inflateFrame(unhex(vectorOf(name).hex), frame.length))).toBe(hex(frame));
  });

  test("crc_suspect gets and loses its checksum", () => {
    const packet = unhex(vectorOf("crc_suspect").hex);
    const frame = encodePacketMessage(packets.suspect as PacketMessage);
    expect(hex(sealPacket(frame, { ...plainStream, checksum: true }))).toBe(hex(packet));
    expect(hex(openPacket(packet, plainStream))).toBe(hex(frame));
  });

  test("every vector is one of these tests", () => {
    const others = [
      "push_pull_header_large",
      "compound_ping_suspect",
      "compress_compound",
      "compress_push_pull",
      "crc_suspect",
    ];
    const tested = [...Object.keys(packets), ...Object.keys(streams), ...others];
    expect(vectors.map(({ name }) => name).sort()).toEqual(tested.sort());
  });
});

describe("a frame in a packet", () => {
  const alive = packets.alive as Extract<PacketMessage, { kind: "alive" }>;

  test("may leave out any field, and give it as nil", () => {
    const empty = { kind: "suspect", node: "", incarnation: 0, from: "" };
    expect(decodePacket(unhex("0380")).messages).toEqual([empty]);
    expect(decodePacket(unhex("03c0")).messages).toEqual([empty]);
    expect(
      decodePacket(unhex("0383a446726f6dc0ab496e6361726e6174696f6ec0a44e6f6465c0")).messages,
    ).toEqual([empty]);
  });

  test.for([
    { name: "ping", frame: "00952aa462657461a47f000001cd1f0aa5616c706861" },
    {
      name: "indirect_ping",
      frame: "0198cd012ca4c0a800c8cd1f0aa567616d6d61c3a47f000001cd1f0aa5616c706861",
    },
    { name: "suspect", frame: "039307a462657461a5616c706861" },
    {
      name: "alive",
      frame: "049603a462657461a4c0a800c8cd1f0aabff81a4726f6c65a3776562a6010502020504",
    },
    { name: "dead", frame: "059303a462657461a5616c706861" },
    { name: "ack_nil_payload", frame: "02912a" },
    { name: "nack", frame: "0b91cd012c" },
  ])("may hold $name as an array in the order of the Go struct", ({ name, frame }) => {
    expect(decodePacket(unhex(frame))).toEqual({ messages: [packets[name]], faults: [] });
  });

  test("is never kept alive by what was decoded, except through payloads", () => {
    const frame = Buffer.from(encodePacketMessage(alive));
    const { messages } = decodePacket(frame);
    frame.fill(0);
    expect(messages).toEqual([alive]);
  });

  test.for([6, 9, 10, 12, 13, 14, 0x7f, 0xf4, 0xff])("of type %i alone is a fault", (type) => {
    const { messages, faults } = decodePacket(Uint8Array.of(type));
    expect(messages).toEqual([]);
    expect(faults).toEqual([expect.any(DecodeError)]);
  });

  test("with versions of one to five bytes is refused, for it would end a real Serf", () => {
    for (let length = 0; length <= 8; length += 1) {
      const frame = encodeWithVersions(new Uint8Array(length).fill(2));
      const { messages, faults } = decodePacket(frame);
      if (length >= 1 && length <= 5) {
        expect(faults).toEqual([expect.objectContaining({ reason: "malformed" })]);
      } else {
        const versions = new Uint8Array(Math.min(length, 6)).fill(2);
        expect(messages).toEqual([{ ...alive, versions }]);
      }
    }
  });

  /** As a peer might write it; our own writer never would. */
  function encodeWithVersions(versions: Uint8Array): Uint8Array {
    const frame = encodePacketMessage(alive);
    const writer = new Writer("raw");
    writer.raw(frame.subarray(0, frame.length - 7));
    writer.bytes(versions);
    return writer.take();
  }
});
