import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packCompound } from "../../src/wire/compound.js";
import { deflateFrame } from "../../src/wire/compression.js";
import { openPacket, sealPacket } from "../../src/wire/envelope.js";
import { Keyring } from "../../src/wire/keyring.js";
import {
  decodeAckPayload,
  decodeFilter,
  decodeSerfMessage,
  decodeTags,
  encodeAckPayload,
  encodeFilter,
  encodeSerfMessage,
  encodeTags,
} from "../../src/wire/serf-messages.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import { decodePacket, encodePacketMessage } from "../../src/wire/swim-messages.js";
import {
  coordinate,
  filter,
  packetMessage,
  serfMessage,
  streamMessage,
  tagMap,
} from "./arbitraries.js";
import { capturedKey, unhex } from "./vectors.js";

const keyring = fc.constantFrom(undefined, new Keyring([capturedKey]));
const label = fc.constantFrom("", "blue");
const nonce = (): Uint8Array => unhex("000102030405060708090a0b");

describe("what is written is read again", () => {
  test("packets of any messages in any envelope", () => {
    const messages = fc.array(packetMessage, { minLength: 1, maxLength: 10 });
    const sealing = fc.record({
      compression: fc.boolean(),
      checksum: fc.boolean(),
      keyring,
      label,
      nonce: fc.constant(nonce),
    });
    fc.assert(
      fc.property(messages, sealing, (given, how) => {
        const frame = packCompound(given.map(encodePacketMessage));
        const result = decodePacket(openPacket(sealPacket(frame, how), how));
        expect(result.faults).toEqual([]);
        expect(result.messages).toStrictEqual(given);
      }),
      { numRuns: 300 },
    );
  });

  test("compounds in compressed frames in compounds", () => {
    const messages = fc.array(packetMessage, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(messages, { minLength: 1, maxLength: 4 }), (groups) => {
        const compounds = groups.map((group) => packCompound(group.map(encodePacketMessage)));
        const frame = deflateFrame(packCompound(compounds.map(deflateFrame)));
        expect(decodePacket(frame)).toEqual({ messages: groups.flat(), faults: [] });
      }),
    );
  });

  test("streams of any message in any envelope", () => {
    const sealing = fc.record({
      compression: fc.boolean(),
      keyring,
      label,
      dialled: fc.boolean(),
      nonce: fc.constant(nonce),
    });
    fc.assert(
      fc.property(streamMessage, sealing, (given, how) => {
        const reader = new StreamReader({ ...how, dialled: !how.dialled });
        expect(reader.feed(sealStream(given, how))).toStrictEqual(given);
      }),
      { numRuns: 300 },
    );
  });

  test("every Serf message", () => {
    fc.assert(
      fc.property(serfMessage, (given) => {
        expect(decodeSerfMessage(encodeSerfMessage(given))).toStrictEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  test("filters", () => {
    fc.assert(
      fc.property(filter, (given) => {
        expect(decodeFilter(encodeFilter(given))).toStrictEqual(given);
      }),
    );
  });

  test("tags", () => {
    fc.assert(
      fc.property(tagMap, (given) => {
        expect(decodeTags(encodeTags(given, 5))).toEqual(given);
      }),
    );
  });

  test("coordinates, to the last bit", () => {
    fc.assert(
      fc.property(coordinate, (given) => {
        expect(decodeAckPayload(encodeAckPayload(given))).toStrictEqual(given);
      }),
    );
  });
});
