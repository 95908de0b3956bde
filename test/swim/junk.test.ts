import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamId } from "../../src/swim/host.js";
import { packCompound } from "../../src/wire/compound.js";
import { sealPacket } from "../../src/wire/envelope.js";
import { Keyring } from "../../src/wire/keyring.js";
import { sealStream } from "../../src/wire/stream.js";
import {
  encodePacketMessage,
  type PacketMessage,
  type StreamMessage,
} from "../../src/wire/swim-messages.js";
import { address, SwimBench, stockVersions, text } from "../support/swim-host.js";

const from = address("10.0.0.2:7946");
const runs = { seed: 11, numRuns: 150 };

/** Few names, so that messages meet; our own among them. */
const name = fc.constantFrom("me", "m2", "m3", "m4", "", "__proto__", "x".repeat(1_500));
const u32 = fc.oneof(fc.nat(5), fc.constantFrom(0xffff_fffe, 0xffff_ffff));
const port = fc.constantFrom(0, 1, 7_946, 65_535);
const bytes = fc.uint8Array({ maxLength: 40 });
const ip = fc.oneof(
  fc.constantFrom(Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2), new Uint8Array(16)),
  fc.uint8Array({ maxLength: 18 }),
);
const versions = fc.oneof(
  fc.constant(stockVersions),
  fc.uint8Array({ minLength: 6, maxLength: 6, max: 6 }),
);
const source = { sourceIp: ip, sourcePort: port, sourceNode: name };

const packetMessage: fc.Arbitrary<PacketMessage> = fc.oneof(
  fc.record({ kind: fc.constant("ping" as const), seq: u32, node: name, ...source }),
  fc.record({
    kind: fc.constant("indirect-ping" as const),
    seq: u32,
    node: name,
    targetIp: ip,
    targetPort: port,
    nack: fc.boolean(),
    ...source,
  }),
  fc.record({ kind: fc.constant("ack" as const), seq: u32, payload: bytes }),
  fc.record({ kind: fc.constant("nack" as const), seq: u32 }),
  fc.record({
    kind: fc.constant("alive" as const),
    node: name,
    incarnation: u32,
    ip,
    port,
    meta: bytes,
    versions,
  }),
  fc.record({ kind: fc.constant("suspect" as const), node: name, incarnation: u32, from: name }),
  fc.record({ kind: fc.constant("dead" as const), node: name, incarnation: u32, from: name }),
  fc.record({ kind: fc.constant("user" as const), payload: bytes }),
);

const streamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("push-pull" as const),
    join: fc.boolean(),
    userState: bytes,
    members: fc.array(
      fc.record({
        node: name,
        incarnation: u32,
        ip,
        port,
        meta: bytes,
        versions,
        state: fc.constantFrom(
          "alive" as const,
          "suspect" as const,
          "dead" as const,
          "left" as const,
        ),
      }),
      { maxLength: 8 },
    ),
  }),
  fc.record({ kind: fc.constant("ping" as const), seq: u32, node: name, ...source }),
  fc.record({ kind: fc.constant("user" as const), payload: bytes }),
);

/** Overwrites, cuts or lengthens some of the bytes. */
function damaged(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const damage = fc.record({ at: fc.nat(200), byte: fc.nat(255) });
  return fc
    .tuple(whole, fc.array(damage, { maxLength: 4 }), fc.nat(400))
    .map(([original, damages, keep]) => {
      const copy = original.slice(0, Math.max(1, keep));
      for (const { at, byte } of damages) copy[at % copy.length] = byte;
      return copy;
    });
}

const frame = fc
  .array(packetMessage, { minLength: 1, maxLength: 6 })
  .map((messages) => packCompound(messages.map(encodePacketMessage)));

/** As it may come: well formed, damaged, or nothing but noise. */
const packet = fc.oneof(
  frame,
  frame.map((inner) => sealPacket(inner, { ...plain, compression: true, checksum: true })),
  damaged(frame),
  fc.uint8Array({ maxLength: 300 }),
);

const plain = {
  compression: false,
  checksum: false,
  keyring: undefined,
  label: "",
  nonce: () => new Uint8Array(12),
};

const streamBytes = streamMessage.map((message) =>
  sealStream(message, { ...plain, dialled: true }),
);
const stream = fc.oneof(streamBytes, damaged(streamBytes), fc.uint8Array({ maxLength: 300 }));

/** What must hold whatever was said: a table in order, ourselves in it, nothing that only grows. */
function checkOrder(bench: SwimBench, lastIncarnation: number): void {
  const { swim } = bench;
  const members = [...swim.members()];
  const here = members.filter(({ state }) => state === "alive" || state === "suspect");
  expect(new Set(members.map((member) => member.name)).size).toBe(swim.knownCount);
  expect(here.length).toBe(swim.aliveCount);
  expect(swim.member("me")).toBe(swim.local);
  expect(swim.local).toMatchObject({ state: "alive", address: bench.config.advertise });
  expect(swim.local.incarnation).toBeGreaterThanOrEqual(lastIncarnation);
  expect(swim.queuedClaims).toBeLessThanOrEqual(swim.knownCount + 1);
  for (const member of members) {
    expect(member.versions).toHaveLength(6);
    expect([4, 16]).toContain(member.address.ip.length);
    expect(member.address.port).toBeGreaterThan(0);
  }
}

test("whatever packets come, nothing is thrown and the table stays in order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(packet, fc.nat(900)), { maxLength: 25 }), (packets) => {
      const bench = SwimBench.started();
      let incarnation = 1;
      for (const [datagram, pause] of packets) {
        bench.swim.receivePacket(bench.now, from, datagram);
        bench.run(pause);
        checkOrder(bench, incarnation);
        incarnation = bench.swim.local.incarnation;
        for (const { bytes: length } of bench.takePackets()) expect(length).toBeLessThan(1_406);
      }
      bench.run(60_000);
      checkOrder(bench, incarnation);
    }),
    runs,
  );
});

test("whatever comes on streams, nothing is thrown and each is closed", () => {
  const piece = fc.integer({ min: 1, max: 80 });
  fc.assert(
    fc.property(fc.array(fc.tuple(stream, piece), { maxLength: 12 }), (streams) => {
      const bench = SwimBench.started();
      const open = new Set<StreamId>();
      for (const [whole, size] of streams) {
        const id = bench.swim.acceptStream(bench.now, from) as StreamId;
        open.add(id);
        for (let at = 0; at < whole.length; at += size) {
          bench.swim.receiveStream(bench.now, id, whole.slice(at, at + size));
        }
        checkOrder(bench, 1);
      }
      bench.run(10_000);
      for (const output of bench.takeOutputs())
        if (output.kind === "close") open.delete(output.stream);
      expect(open).toEqual(new Set());
    }),
    runs,
  );
});

test("nor does junk open what is encrypted", () => {
  const keyring = new Keyring([text("0123456789abcdef")]);
  fc.assert(
    fc.property(fc.array(fc.tuple(packet, stream), { maxLength: 8 }), (inputs) => {
      const bench = SwimBench.started({ keyring });
      for (const [datagram, whole] of inputs) {
        bench.swim.receivePacket(0, from, datagram);
        bench.swim.receiveStream(0, bench.swim.acceptStream(0, from) as StreamId, whole);
      }
      expect(bench.view()).toEqual({ me: "alive 1" });
      expect(bench.delegate.userMessages).toEqual([]);
    }),
    runs,
  );
});

test("a flood of names is taken, and what waits to be gossiped has its bound", () => {
  const bench = SwimBench.started();
  const ten = Uint8Array.of(10, 0, 0, 9);
  for (let index = 0; index < 20_000; index += 20) {
    const claims = Array.from({ length: 20 }, (_, offset) =>
      encodePacketMessage({
        kind: "alive",
        node: `flood${index + offset}`,
        incarnation: 1,
        ip: ten,
        port: 1,
        meta: undefined,
        versions: stockVersions,
      }),
    );
    bench.swim.receivePacket(0, from, packCompound(claims));
  }
  expect(bench.swim.knownCount).toBe(20_001);
  expect(bench.swim.queuedClaims).toBe(20_001);
});
