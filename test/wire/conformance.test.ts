import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/errors.js";
import { packCompound } from "../../src/wire/compound.js";
import { openPacket, type PacketSealing, sealPacket } from "../../src/wire/envelope.js";
import { AuthenticationError, DecodeError } from "../../src/wire/errors.js";
import { Keyring } from "../../src/wire/keyring.js";
import { compress, decompress } from "../../src/wire/lzw.js";
import { Reader } from "../../src/wire/msgpack-reader.js";
import { Writer } from "../../src/wire/msgpack-writer.js";
import {
  decodeSerfMessage,
  encodeAckPayload,
  encodeSerfMessage,
  encodeTags,
  type QueryMessage,
  type SerfPushPull,
} from "../../src/wire/serf-messages.js";
import { StreamReader, type StreamSealing, sealStream } from "../../src/wire/stream.js";
import {
  type Alive,
  decodePacket,
  encodePacketMessage,
  type PacketMessage,
  type Ping,
  type PushPull,
} from "../../src/wire/swim-messages.js";
import { capturedKey, concat, hex, loadCaptures, loadVectors, unhex } from "./vectors.js";

/*
 * The lines of the checklist in protocol.md section 7 that can be seen in the bytes, under their
 * numbers. What a line says of behaviour is tested where that behaviour is.
 */

const none = new Uint8Array(0);
const stock = unhex("010502020505");
const loopback = unhex("7f000001");
const nonce = (): Uint8Array => unhex("000102030405060708090a0b");
const ascii = (text: string): string => Buffer.from(text).toString("hex");
const keyring = new Keyring([capturedKey]);

const alive = (fields: Partial<Alive> = {}): Alive => ({
  kind: "alive",
  node: "beta",
  incarnation: 1,
  ip: loopback,
  port: 7_946,
  meta: undefined,
  versions: stock,
  ...fields,
});
const ping: Ping = {
  kind: "ping",
  seq: 1,
  node: "beta",
  sourceIp: none,
  sourcePort: 0,
  sourceNode: "",
};
const fromAlpha: Ping = { ...ping, sourceIp: loopback, sourcePort: 7_946, sourceNode: "alpha" };
const query: QueryMessage = {
  kind: "query",
  ltime: 1,
  id: 7,
  ip: loopback,
  port: 7_946,
  sourceNode: "alpha",
  filters: undefined,
  flags: 0,
  relayFactor: 0,
  timeout: 15_000,
  name: "uptime",
  payload: undefined,
};
const state: SerfPushPull = {
  kind: "push-pull",
  ltime: 1,
  eventLtime: 1,
  queryLtime: 1,
  statusLtimes: new Map([["alpha", 1]]),
  leftMembers: [],
  events: new Array<undefined>(512).fill(undefined),
};
const plain: PacketSealing = {
  compression: false,
  checksum: false,
  keyring: undefined,
  label: "",
  nonce,
};
const stream: StreamSealing = { ...plain, dialled: false };

const wire = (message: PacketMessage): string => hex(encodePacketMessage(message));

/** How often each key of a struct is in `bytes`, in the order in which they are there. */
function keysIn(bytes: Uint8Array, keys: readonly string[]): string[] {
  const text = hex(bytes);
  const found = keys.map((key) => {
    const header = (0xa0 | key.length).toString(16);
    return { key, at: text.indexOf(header + ascii(key)) };
  });
  return found
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at)
    .map(({ key }) => key);
}

describe("conformance", () => {
  test.for([32, 100, 255, 256])("1. a string of %i bytes begins da, never d9", (length) => {
    const name = "n".repeat(length);
    const header = `da${length.toString(16).padStart(4, "0")}${ascii("nn")}`;
    for (const message of [
      encodePacketMessage(alive({ node: name })),
      encodePacketMessage({ kind: "suspect", node: name, from: name, incarnation: 1 }),
      encodeSerfMessage({ kind: "join", ltime: 1, node: name }),
      encodeSerfMessage({ ...query, name }),
      encodeTags(new Map([["role", name]]), 5),
    ]) {
      expect(hex(message)).toContain(header);
      expect(hex(message)).not.toContain(`d9${length.toString(16).padStart(2, "0")}6e6e`);
    }
  });

  test("2. byte fields are raw in gossip and bin in RPC, and read as either", () => {
    for (const [dialect, form] of [
      ["raw", "a47f000001"],
      ["bin", "c4047f000001"],
    ] as const) {
      const writer = new Writer(dialect);
      writer.bytes(loopback);
      expect(hex(writer.take())).toBe(form);
    }
    for (const form of ["a4", "d904", "da0004", "db00000004", "c404", "c50004", "c600000004"]) {
      const frame = wire(alive()).replace("a47f000001", `${form}7f000001`);
      expect(decodePacket(unhex(frame)).messages).toEqual([alive()]);
      const name = wire(alive()).replace(`a4${ascii("beta")}`, `${form}${ascii("beta")}`);
      expect(decodePacket(unhex(name)).messages).toEqual([alive()]);
      const key = wire(alive()).replace(`a4${ascii("Meta")}`, `${form}${ascii("Meta")}`);
      expect(decodePacket(unhex(key)).messages).toEqual([alive()]);
    }
  });

  test("3. struct keys are in byte order", () => {
    const keys = ["Node", "SeqNo", "SourceAddr", "SourceNode", "SourcePort"];
    expect(keysIn(encodePacketMessage(fromAlpha), keys.toReversed())).toEqual(keys);
    const aliveKeys = ["Addr", "Incarnation", "Meta", "Node", "Port", "Vsn"];
    expect(keysIn(encodePacketMessage(alive()), aliveKeys.toReversed())).toEqual(aliveKeys);
  });

  test("4. only a ping leaves out fields, and only its source", () => {
    expect(wire(ping)).toBe(`0082a4${ascii("Node")}a4${ascii("beta")}a5${ascii("SeqNo")}01`);
    expect(wire(fromAlpha).slice(0, 4)).toBe("0085");
    const empty = { node: "", from: "", incarnation: 0, seq: 0 };
    expect(wire(alive({ node: "", incarnation: 0, ip: none, port: 0 })).slice(0, 4)).toBe("0486");
    expect(wire({ kind: "dead", ...empty }).slice(0, 4)).toBe("0583");
    expect(wire({ kind: "ack", ...empty, payload: undefined }).slice(0, 4)).toBe("0282");
    expect(hex(encodeSerfMessage({ kind: "leave", ltime: 0, node: "", prune: false }))).toMatch(
      /^0083/,
    );
    expect(
      hex(encodeSerfMessage({ ...query, ip: none, port: 0, sourceNode: "", name: "" })),
    ).toMatch(/^048b/);
  });

  test("5. nil, empty bytes, empty lists and empty tags each have their own form", () => {
    const payload = `a7${ascii("Payload")}`;
    expect(wire({ kind: "ack", seq: 1, payload: undefined })).toContain(`${payload}c0`);
    expect(wire({ kind: "ack", seq: 1, payload: none })).toContain(`${payload}a0`);
    expect(hex(encodeSerfMessage(state))).toContain(`ab${ascii("LeftMembers")}90`);
    expect(hex(encodeTags(new Map(), 5))).toBe("ff80");
  });

  test("6. whole-number floats are cb and eight bytes", () => {
    const vec = [0, 1, -1, 0, 0, 0, 0, 0];
    const payload = hex(encodeAckPayload({ vec, error: 2, adjustment: 0, height: 0 }));
    expect(payload.match(/cb/g)?.length).toBe(11);
    expect(payload).toContain(`a5${ascii("Error")}cb4000000000000000`);
    expect(payload).toContain("98cb0000000000000000cb3ff0000000000000cbbff0000000000000");
  });

  test("7. positive numbers are read as either generation writes them", () => {
    for (const form of ["ccc8", "d100c8", "cd00c8", "d2000000c8"]) {
      expect(new Reader(unhex(form)).int()).toBe(200);
      expect(new Reader(unhex(form)).uint(0xff)).toBe(200);
    }
    const encoded = hex(encodeSerfMessage(query));
    expect(encoded).toContain("cf000000037e11d600");
    const signed = encoded.replace("cf000000037e11d600", "d3000000037e11d600");
    expect(decodeSerfMessage(unhex(signed))).toEqual(query);
  });

  test("8. no integer is ever written as a float", () => {
    const sizes = [0, 127, 128, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER];
    for (const ltime of sizes) {
      const encoded = encodeSerfMessage({ kind: "join", ltime, node: "" });
      expect(hex(encoded)).not.toMatch(/c[ab]/);
      expect(decodeSerfMessage(encoded)).toMatchObject({ ltime });
    }
    expect(() => encodeSerfMessage({ kind: "join", ltime: 1.5, node: "" })).toThrow(InvariantError);
  });

  test("9. unknown and missing keys do not fail decoding", () => {
    const nested = "82a15894c0d40501c702010203810192c2c3a159cb3ff0000000000000";
    const suspect = { kind: "suspect", node: "beta", from: "", incarnation: 0 };
    const withUnknown = unhex(`0382a3${ascii("New")}${nested}a4${ascii("Node")}a4${ascii("beta")}`);
    expect(decodePacket(withUnknown)).toEqual({ messages: [suspect], faults: [] });
    const wrongCase = unhex(
      `0382a4${ascii("node")}a1${ascii("x")}a4${ascii("Node")}a4${ascii("beta")}`,
    );
    expect(decodePacket(wrongCase)).toEqual({ messages: [suspect], faults: [] });
  });

  test("10. packets are compressed only if shorter, streams always", () => {
    const short = encodePacketMessage(ping);
    expect(sealPacket(short, { ...plain, compression: true })).toEqual(short);
    const captured = loadCaptures().find(
      ({ transport, kind }) => transport === "tcp" && kind === "ping",
    );
    const message = new StreamReader(stream).feed(unhex(captured?.hex ?? ""));
    expect(message?.kind).toBe("ping");
    if (message === undefined) return;
    expect(sealStream(message, stream).length).toBe(61);
    expect(sealStream(message, { ...stream, compression: true }).length).toBe(74);
  });

  test("11. LZW of nothing is 00 03 02, and its end code must be there", () => {
    expect(hex(compress(none))).toBe("000302");
    expect(() => decompress(unhex("0003"), 10)).toThrow(DecodeError);
  });

  test("12. the checksum covers the compressed frame and is inside the encryption", () => {
    const frame = encodePacketMessage({ kind: "user", payload: new Uint8Array(300).fill(1) });
    const compressed = sealPacket(frame, { ...plain, compression: true });
    expect(compressed[0]).toBe(9);
    const summed = sealPacket(frame, { ...plain, compression: true, checksum: true });
    expect(hex(summed.subarray(5))).toBe(hex(compressed));
    expect(hex(sealPacket(unhex(ascii("123456789")), { ...plain, checksum: true }))).toMatch(
      /^0ccbf43926/,
    );
    const sealed = sealPacket(frame, { ...plain, compression: true, checksum: true, keyring });
    expect(sealed.length).toBe(summed.length + 29);
    expect(hex(openPacket(sealed, { keyring, label: "" }))).toBe(hex(compressed));
  });

  test("13. a packet carries a checksum if and only if that is asked for", () => {
    const frame = encodePacketMessage({ kind: "nack", seq: 1 });
    expect(sealPacket(frame, plain)).toEqual(frame);
    expect(sealPacket(frame, { ...plain, checksum: true })[0]).toBe(12);
  });

  test("14. encrypted packets begin with the version, streams with 0a and their length", () => {
    const packet = hex(sealPacket(encodePacketMessage(ping), { ...plain, keyring }));
    expect(packet.startsWith(`01${hex(nonce())}`)).toBe(true);
    const bytes = sealStream(ping, { ...stream, keyring });
    const header = concat(Uint8Array.of(0x0a, 0, 0, 0), Uint8Array.of(bytes.length - 5));
    expect(hex(bytes).startsWith(`${hex(header)}01${hex(nonce())}`)).toBe(true);
    // With other bytes before it the box does not open: they are authenticated.
    expect(() => openPacket(bytes.subarray(5), { keyring, label: "" })).toThrow(
      AuthenticationError,
    );
  });

  interface CryptoVector {
    readonly name: string;
    readonly key: string;
    readonly plain: string;
    readonly out: string;
  }

  const { vectors } = loadVectors<{ vectors: CryptoVector[] }>("crypto.json");

  test.for(["packet_v0_aes128", "packet_v0_aes128_block_multiple"])(
    "15. boxes of version 0 are opened: %s",
    (name) => {
      const vector = vectors.find((one) => one.name === name) as CryptoVector;
      const ring = new Keyring([unhex(vector.key)]);
      expect(hex(openPacket(unhex(vector.out), { keyring: ring, label: "" }))).toBe(vector.plain);
    },
  );

  test("16. any key of the ring decrypts, only the first encrypts", () => {
    const old = new Uint8Array(32).fill(1);
    const ring = new Keyring([capturedKey, old]);
    const frame = encodePacketMessage(ping);
    const byOld = sealPacket(frame, { ...plain, keyring: new Keyring([old]) });
    expect(openPacket(byOld, { keyring: ring, label: "" })).toEqual(frame);
    expect(sealPacket(frame, { ...plain, keyring: ring })).toEqual(
      sealPacket(frame, { ...plain, keyring }),
    );
  });

  test("17. a push/pull in clear is answered with an encrypted err frame", () => {
    const pushPull: PushPull = { kind: "push-pull", join: true, members: [], userState: none };
    const reader = new StreamReader({ keyring, label: "", dialled: false });
    let answer: Uint8Array | undefined;
    try {
      reader.feed(sealStream(pushPull, { ...stream, dialled: true }));
    } catch (error) {
      if (!(error instanceof DecodeError) || !error.answered) throw error;
      answer = sealStream(
        { kind: "error", error: error.message },
        { ...stream, compression: true, keyring },
      );
    }
    expect(answer?.[0]).toBe(0x0a);
    const dialler = new StreamReader({ keyring, label: "", dialled: true });
    expect(dialler.feed(answer as Uint8Array)).toEqual({
      kind: "error",
      error: "Encryption is configured but remote state is not encrypted",
    });
  });

  test("18. a ping on a stream may name nobody", () => {
    const anyone = sealStream({ ...ping, node: "" }, stream);
    expect(new StreamReader(stream).feed(anyone)).toEqual({ ...ping, node: "" });
    expect(new StreamReader(stream).feed(unhex("0080"))).toMatchObject({ kind: "ping", node: "" });
  });

  test("22. each member in a push/pull has six bytes of versions", () => {
    const members = [none, unhex("0105"), stock, unhex("01050202050599")].map(
      (versions, index) => ({
        node: `n${index}`,
        incarnation: 1,
        ip: loopback,
        port: 1,
        meta: none,
        state: "dead" as const,
        versions,
      }),
    );
    const bytes = sealStream({ kind: "push-pull", join: false, members, userState: none }, stream);
    const vsn = hex(bytes)
      .split(`a3${ascii("Vsn")}`)
      .slice(1)
      .map((after) => after.slice(0, 14));
    expect(vsn).toEqual(["a6000000000000", "a6010500000000", "a6010502020505", "a6010502020505"]);
  });

  test("23. user state has 512 event slots", () => {
    const encoded = encodeSerfMessage(state);
    expect(hex(encoded)).toContain(`a6${ascii("Events")}dc0200${"c0".repeat(512)}`);
    expect(decodeSerfMessage(encoded)).toEqual(state);
    const slots = (count: number): number => {
      const events = new Array<undefined>(count).fill(undefined);
      return (decodeSerfMessage(encodeSerfMessage({ ...state, events })) as SerfPushPull).events
        .length;
    };
    expect([0, 3, 2_000].map(slots)).toEqual([0, 3, 2_000]);
  });

  test("47. nothing is written that ends a real Serf", () => {
    const frame = encodePacketMessage(ping);
    expect(() => packCompound([frame, none])).toThrow(InvariantError);
    expect(() => sealPacket(none, { ...plain, compression: true })).toThrow(InvariantError);
    expect(wire(alive({ versions: none }))).toContain(`a3${ascii("Vsn")}a6000000000000`);
    expect(() => encodeSerfMessage({ ...query, filters: [none] })).toThrow(InvariantError);
  });

  test("48. the encryption version sent is 1 and versions are sent as given", () => {
    expect(sealPacket(encodePacketMessage(ping), { ...plain, keyring })[0]).toBe(1);
    expect(wire(alive())).toContain(`a3${ascii("Vsn")}a6010502020505`);
  });
});
