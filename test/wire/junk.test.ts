import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deflateFrame } from "../../src/wire/compression.js";
import { openPacket } from "../../src/wire/envelope.js";
import { DecodeError } from "../../src/wire/errors.js";
import { Keyring } from "../../src/wire/keyring.js";
import {
  maxPacketFaults,
  maxPacketInflatedBytes,
  maxPacketMessages,
} from "../../src/wire/limits.js";
import { compress, decompress } from "../../src/wire/lzw.js";
import {
  decodeAckPayload,
  decodeFilter,
  decodeSerfMessage,
  decodeTags,
  encodeSerfMessage,
} from "../../src/wire/serf-messages.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import { decodePacket, encodePacketMessage } from "../../src/wire/swim-messages.js";
import { packetMessage, serfMessage, streamMessage } from "./arbitraries.js";
import { capturedKey, concat, loadCaptures, unhex } from "./vectors.js";

/* Whatever the bytes: a decoder returns or throws DecodeError. */

const keyrings = [undefined, new Keyring([capturedKey])];
const captures = loadCaptures();
const captured = fc.constantFrom(
  ...captures.flatMap((capture) => [unhex(capture.hex), unhex(capture.inner)]),
);
const random = fc.uint8Array({ maxLength: 600 }).map((bytes) => Uint8Array.from(bytes));
/** Random, but with a beginning that gets it further. */
const typed = fc
  .tuple(fc.nat(13), fc.constantFrom("", "80", "81", "83", "86", "8b", "93", "96", "c0"), random)
  .map(([type, struct, rest]) => concat(Uint8Array.of(type), unhex(struct), rest));
const ours = fc.oneof(
  packetMessage.map(encodePacketMessage),
  packetMessage.map((message) => deflateFrame(encodePacketMessage(message))),
  serfMessage.map(encodeSerfMessage),
  streamMessage.map((message) =>
    sealStream(message, {
      compression: false,
      keyring: undefined,
      label: "",
      dialled: true,
      nonce: () => new Uint8Array(12),
    }),
  ),
);

/** One thing that goes wrong with good bytes: where, as a fraction of the length, and with what. */
const damage = fc.record({
  kind: fc.constantFrom("flip", "cut", "replace", "insert", "repeat"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  value: fc.oneof(
    fc.nat(0xff),
    // Type bytes and lengths that claim much.
    fc.constantFrom(0xc1, 0xc6, 0xc9, 0xdb, 0xdd, 0xdf, 0xff, 0x7f, 0x80, 0x8f, 0x9f),
  ),
});

type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(bytes: Uint8Array, { kind, at, value }: Damage): Uint8Array {
  const index = Math.floor(at * bytes.length);
  const before = bytes.subarray(0, index);
  const after = bytes.subarray(index + 1);
  switch (kind) {
    case "flip":
      return concat(before, Uint8Array.of((bytes[index] ?? 0) ^ (1 << (value & 7))), after);
    case "cut":
      return before.slice();
    case "replace":
      return concat(before, Uint8Array.of(value), after);
    case "insert":
      return concat(before, Uint8Array.of(value, 0xff, 0xff, 0xff, 0xff), after);
    default:
      return concat(before, bytes.subarray(Math.max(0, index - value), index), after);
  }
}

const spoilt = fc
  .tuple(fc.oneof(captured, ours), fc.array(damage, { minLength: 1, maxLength: 4 }))
  .map(([bytes, damages]) => damages.reduce(damaged, bytes));

const junk = fc.oneof(random, typed, spoilt);

/** What the decoder returned; undefined if it threw as it may. */
function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function checkPacket(frame: Uint8Array): void {
  const { messages, faults } = decodePacket(frame);
  expect(messages.length).toBeLessThanOrEqual(maxPacketMessages);
  expect(faults.length).toBeLessThanOrEqual(maxPacketFaults);
  expect(faults.every((fault) => fault instanceof DecodeError)).toBe(true);
  let held = 0;
  for (const message of messages) if (message.kind === "user") held += message.payload.length;
  expect(held).toBeLessThanOrEqual(frame.length + maxPacketInflatedBytes);
}

describe("junk", () => {
  test("as a packet", () => {
    fc.assert(
      fc.property(junk, (bytes) => {
        for (const keyring of keyrings) {
          for (const label of ["", "blue"]) {
            const frame = attempt(() => openPacket(bytes, { keyring, label }));
            if (frame !== undefined) checkPacket(frame);
          }
        }
        checkPacket(bytes);
      }),
      { numRuns: 3_000 },
    );
  });

  test("as a stream, whole and in pieces", () => {
    const size = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(junk, size, (bytes, step) => {
        for (const keyring of keyrings) {
          const secrets = { keyring, label: "", dialled: true };
          const whole = attempt(() => new StreamReader(secrets).feed(bytes.slice()));
          const pieces = attempt(() => {
            const reader = new StreamReader(secrets);
            for (let at = 0; at < bytes.length; at += step) {
              const message = reader.feed(bytes.slice(at, at + step));
              if (message !== undefined) return message;
            }
            return undefined;
          });
          expect(pieces).toEqual(whole);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("as a Serf message, filter, tags or ack payload", () => {
    fc.assert(
      fc.property(junk, (bytes) => {
        for (const payload of [bytes, bytes.subarray(1)]) {
          attempt(() => decodeSerfMessage(payload));
          attempt(() => decodeFilter(payload));
          attempt(() => decodeAckPayload(payload));
          // Tags have no right to throw.
          expect(decodeTags(payload)).toBeInstanceOf(Map);
          expect(decodeTags(concat(Uint8Array.of(0xff), payload))).toBeInstanceOf(Map);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("as LZW", () => {
    const packed = fc
      .tuple(random.map(compress), fc.array(damage, { maxLength: 4 }))
      .map(([bytes, damages]) => damages.reduce(damaged, bytes));
    fc.assert(
      fc.property(fc.oneof(random, packed), fc.nat(2_000), (bytes, limit) => {
        const plain = attempt(() => decompress(bytes, limit));
        expect(plain?.length ?? 0).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 2_000 },
    );
  });

  test("in every place of every captured frame, one byte at a time", () => {
    for (const capture of captures.slice(0, 20)) {
      const inner = unhex(capture.inner).subarray(0, 200);
      for (let index = 0; index < inner.length; index += 1) {
        for (const value of [0x00, 0x81, 0xc1, 0xdd, 0xdf, 0xff]) {
          const bytes = inner.slice();
          bytes[index] = value;
          checkPacket(bytes);
          attempt(() =>
            new StreamReader({ keyring: undefined, label: "", dialled: true }).feed(bytes),
          );
        }
      }
    }
  });

  test("cut off anywhere a message is no message", () => {
    for (const capture of captures.filter(({ kind }) => !kind.includes("user"))) {
      const inner = unhex(capture.inner);
      const whole = decodePacket(inner).messages.length;
      for (let length = 0; length < inner.length; length += 1) {
        const { messages, faults } = decodePacket(inner.subarray(0, length));
        expect(faults.length).toBeGreaterThan(0);
        expect(messages.length).toBeLessThan(Math.max(1, whole));
      }
    }
  });
});
