import { describe, expect, test } from "vitest";
import { packCompound } from "../../src/wire/compound.js";
import { deflateFrame } from "../../src/wire/compression.js";
import {
  maxBufferedEvents,
  maxEventSlots,
  maxPacketDepth,
  maxPacketFaults,
  maxPacketInflatedBytes,
  maxPacketMessages,
  maxPushPullMembers,
  maxStreamBytes,
  maxStreamValueBytes,
} from "../../src/wire/limits.js";
import { compress } from "../../src/wire/lzw.js";
import { Writer } from "../../src/wire/msgpack-writer.js";
import {
  decodeSerfMessage,
  encodeSerfMessage,
  type SerfPushPull,
} from "../../src/wire/serf-messages.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import { decodePacket, encodePacketMessage } from "../../src/wire/swim-messages.js";
import { concat, unhex } from "./vectors.js";

const none = new Uint8Array(0);
const nack = encodePacketMessage({ kind: "nack", seq: 1 });
const userFrame = (size: number): Uint8Array =>
  encodePacketMessage({ kind: "user", payload: new Uint8Array(size) });
const limit = expect.objectContaining({ reason: "limit" });

/** A frame wrapped again and again. */
function nest(depth: number, wrap: (frame: Uint8Array) => Uint8Array): Uint8Array {
  let frame = nack;
  for (let level = 0; level < depth; level += 1) frame = wrap(frame);
  return frame;
}

/** A compound of one part, which our own writer would leave bare. */
const compoundOfOne = (frame: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(7, 1, frame.length >> 8, frame.length & 0xff), frame);

const wraps: [string, (frame: Uint8Array) => Uint8Array][] = [
  ["compounds", compoundOfOne],
  ["compressed frames", deflateFrame],
  ["both in turn", (frame) => compoundOfOne(deflateFrame(frame))],
];

describe("a packet", () => {
  test.for(wraps)("is opened so deep and no deeper: %s", ([name, wrap]) => {
    const deepest = name === "both in turn" ? maxPacketDepth / 2 : maxPacketDepth;
    expect(decodePacket(nest(deepest, wrap))).toMatchObject({ messages: [{ seq: 1 }], faults: [] });
    expect(decodePacket(nest(deepest + 1, wrap))).toEqual({ messages: [], faults: [limit] });
  });

  test("nested fifteen thousand times costs no stack", () => {
    const deep = new Uint8Array(60_000);
    for (let at = 0; at < deep.length; at += 4) {
      const inside = deep.length - at - 4;
      deep.set([7, 1, inside >> 8, inside & 0xff], at);
    }
    expect(decodePacket(deep)).toEqual({ messages: [], faults: [limit] });
  });

  test("expands to so many bytes in all and no more", () => {
    const full = deflateFrame(userFrame(maxPacketInflatedBytes - 1));
    expect(decodePacket(full).messages.length).toBe(1);
    const over = deflateFrame(userFrame(maxPacketInflatedBytes));
    expect(decodePacket(over)).toEqual({ messages: [], faults: [limit] });
  });

  test("shares what it may expand to among all its compressed frames, side by side or nested", () => {
    const third = deflateFrame(userFrame(maxPacketInflatedBytes / 3));
    const { messages, faults } = decodePacket(packCompound([third, third, third, nack]));
    expect(messages.map(({ kind }) => kind)).toEqual(["user", "user", "nack"]);
    expect(faults).toEqual([limit]);
    const nested = deflateFrame(packCompound([third, third, third, third]));
    expect(decodePacket(nested).messages.length).toBe(2);
  });

  test("of nothing but bombs is given up after a few", () => {
    const bomb = concat(unhex("0982a4416c676f00a3427566da"), bombBody(200));
    const { messages, faults } = decodePacket(packCompound(new Array(100).fill(bomb)));
    expect(messages).toEqual([]);
    expect(faults.length).toBe(maxPacketFaults);
  });

  test("has so many messages and no more", () => {
    const parts = new Array<Uint8Array>(100).fill(nack);
    const frame = packCompound(new Array(11).fill(packCompound(parts)));
    const { messages, faults } = decodePacket(frame);
    expect(messages.length).toBe(maxPacketMessages);
    expect(faults).toEqual([limit]);
    const enough = packCompound([
      ...new Array(10).fill(packCompound(parts)),
      ...parts.slice(0, 24),
    ]);
    expect(decodePacket(enough)).toMatchObject({ faults: [] });
  });

  test("has so many faults and no more, and they cost the good parts nothing before that", () => {
    const bad = Uint8Array.of(99);
    const some = packCompound([nack, bad, nack, bad, nack]);
    expect(decodePacket(some)).toMatchObject({ messages: [{}, {}, {}], faults: [{}, {}] });
    const many = decodePacket(packCompound(new Array(127).fill(bad)));
    expect(many.faults.length).toBe(maxPacketFaults);
    const nested = decodePacket(packCompound(new Array(100).fill(packCompound([bad, bad]))));
    expect(nested.faults.length).toBeLessThanOrEqual(maxPacketFaults);
  });

  test("may have a field of sixty thousand nested lists that nobody knows", () => {
    const head = unhex("0382a158");
    const lists = new Uint8Array(60_000).fill(0x91);
    const frame = concat(head, lists, unhex("c0a44e6f6465a162"));
    expect(decodePacket(frame)).toMatchObject({ messages: [{ node: "b" }], faults: [] });
  });
});

describe("a stream", () => {
  const secrets = { keyring: undefined, label: "", dialled: false };
  const sealing = { ...secrets, compression: false, nonce: () => none };

  test("expands to so many bytes and no more", () => {
    // The type byte and the header of a user message take 17 bytes.
    const userBytes = 20 * 1_048_576;
    const message = { kind: "user", payload: new Uint8Array(userBytes) } as const;
    const bytes = sealStream(message, { ...sealing, compression: true });
    expect(bytes.length).toBeLessThan(200_000);
    const read = new StreamReader(secrets).feed(bytes);
    expect(read?.kind === "user" && read.payload.length).toBe(userBytes);
    const writer = new Writer("raw");
    writer.begin(9);
    writer.map(1);
    writer.text("Buf");
    writer.bytes(compress(new Uint8Array(maxStreamBytes + 1)));
    const bomb = writer.take();
    expect(() => new StreamReader(secrets).feed(bomb)).toThrow(
      expect.objectContaining({ reason: "limit", answered: true }),
    );
  });

  test("in clear is read no further than that either", () => {
    const reader = new StreamReader(secrets);
    expect(reader.feed(unhex("0681a54e6f64657302"))).toBeUndefined();
    expect(() => reader.feed(new Uint8Array(maxStreamBytes))).toThrow(limit);
  });

  test("has values of so many bytes and no more", () => {
    const ping = (size: number): Uint8Array => {
      const writer = new Writer("raw");
      writer.begin(0);
      writer.map(1);
      writer.text("Node");
      writer.bytes(new Uint8Array(size).fill(0x61));
      return writer.take();
    };
    const headers = 1 + 5 + 3;
    const largest = ping(maxStreamValueBytes - headers);
    expect(new StreamReader(secrets).feed(largest)).toMatchObject({ kind: "ping" });
    const over = ping(maxStreamValueBytes - headers + 1);
    expect(() => new StreamReader(secrets).feed(over.slice(0, 20))).toThrow(limit);
  });

  test("in clear takes work in proportion to its bytes, however small the pieces", () => {
    // One member with a field of nested lists: looked at anew with each byte it would take an hour.
    const head = unhex("0682a54e6f64657301ac5573657253746174654c656ece00030d40");
    const state = concat(
      unhex("82a158"),
      new Uint8Array(60_000).fill(0x91),
      unhex("c0a44e616d65a162"),
    );
    const bytes = concat(head, state, new Uint8Array(200_000));
    const reader = new StreamReader(secrets);
    let message: unknown;
    for (let index = 0; index < bytes.length; index += 1) {
      message = reader.feed(bytes.subarray(index, index + 1));
    }
    expect(message).toMatchObject({ kind: "push-pull", members: [{ node: "b" }] });
  });

  test("lists as many members as it may", () => {
    const header = (members: number): Uint8Array => {
      const writer = new Writer("raw");
      writer.begin(6);
      writer.map(1);
      writer.text("Nodes");
      writer.int(members);
      return writer.take();
    };
    const reader = new StreamReader(secrets);
    expect(reader.feed(header(maxPushPullMembers))).toBeUndefined();
    const message = reader.feed(new Uint8Array(maxPushPullMembers).fill(0x80));
    expect(message?.kind === "push-pull" && message.members.length).toBe(maxPushPullMembers);
    expect(() => new StreamReader(secrets).feed(header(maxPushPullMembers + 1))).toThrow(limit);
  });
});

describe("Serf's part of a push/pull", () => {
  const state: SerfPushPull = {
    kind: "push-pull",
    ltime: 1,
    eventLtime: 1,
    queryLtime: 1,
    statusLtimes: new Map(),
    leftMembers: [],
    events: [],
  };
  const decode = (part: Partial<SerfPushPull>): SerfPushPull =>
    decodeSerfMessage(encodeSerfMessage({ ...state, ...part })) as SerfPushPull;
  const event = { name: "", payload: undefined };

  test("has so many slots, events and names and no more", () => {
    const slots = new Array<undefined>(maxEventSlots).fill(undefined);
    expect(decode({ events: slots }).events.length).toBe(maxEventSlots);
    expect(() => decode({ events: [...slots, undefined] })).toThrow(limit);

    const half = { ltime: 1, events: new Array(maxBufferedEvents / 2).fill(event) };
    expect(decode({ events: [half, half] }).events.length).toBe(2);
    expect(() => decode({ events: [half, half, { ltime: 2, events: [event] }] })).toThrow(limit);

    const names = new Array<string>(maxPushPullMembers + 1).fill("");
    expect(() => decode({ leftMembers: names })).toThrow(limit);
    expect(decode({ leftMembers: names.slice(1) }).leftMembers.length).toBe(maxPushPullMembers);
    const ltimes = new Map(names.map((_, index) => [String(index), 1]));
    expect(() => decode({ statusLtimes: ltimes })).toThrow(limit);
  });
});

/** The length and the LZW bytes of a frame that expands to `kibibytes`, far more than a packet may. */
function bombBody(kibibytes: number): Uint8Array {
  const lzw = compress(new Uint8Array(1_024 * kibibytes));
  return concat(Uint8Array.of(lzw.length >> 8, lzw.length & 0xff), lzw);
}
