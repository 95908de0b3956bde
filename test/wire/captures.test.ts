import { describe, expect, test } from "vitest";
import { open } from "../../src/wire/aead.js";
import { packCompound } from "../../src/wire/compound.js";
import { deflateFrame, inflateFrame } from "../../src/wire/compression.js";
import { openPacket, sealPacket } from "../../src/wire/envelope.js";
import {
  decodeAckPayload,
  decodeSerfMessage,
  decodeTags,
  encodeAckPayload,
  encodeSerfMessage,
  encodeTags,
} from "../../src/wire/serf-messages.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import {
  decodePacket,
  encodePacketMessage,
  type PacketMessage,
  type StreamMessage,
} from "../../src/wire/swim-messages.js";
import { type Capture, hex, keyringOf, loadCaptures, unhex } from "./vectors.js";

const captures = loadCaptures().map((capture, index) => ({
  ...capture,
  name: `${index} (${capture.version}${capture.encrypted ? ", encrypted" : ""}): ${capture.kind}`,
}));
const packets = captures.filter(({ transport }) => transport === "udp");
const streams = captures.filter(({ transport }) => transport === "tcp");

/** Where the nonce of a box stands: after the version, on a stream also after the header. */
function nonceOf(capture: Capture): Uint8Array {
  const start = capture.transport === "tcp" ? 6 : 1;
  return unhex(capture.hex).subarray(start, start + 12);
}

function sealingOf(capture: Capture) {
  return {
    compression: true,
    checksum: capture.layers.includes("crc"),
    keyring: keyringOf(capture),
    label: "",
    dialled: capture.direction !== "response",
    nonce: () => nonceOf(capture),
  };
}

function readStream(capture: Capture): StreamMessage {
  const reader = new StreamReader({
    keyring: keyringOf(capture),
    label: "",
    dialled: capture.direction === "response",
  });
  const message = reader.feed(unhex(capture.hex));
  if (message === undefined) throw new Error("the stream has no whole message");
  return message;
}

describe("a captured packet", () => {
  test.for(packets)("$name loses its layers and gets them back", (capture) => {
    const inner = unhex(capture.inner);
    const frame = openPacket(unhex(capture.hex), sealingOf(capture));
    if (capture.layers.includes("compress")) {
      expect(hex(inflateFrame(frame, inner.length))).toBe(capture.inner);
      expect(hex(deflateFrame(inner))).toBe(hex(frame));
    } else expect(hex(frame)).toBe(capture.inner);
    expect(hex(sealPacket(inner, sealingOf(capture)))).toBe(capture.hex);
  });

  test.for(packets)("$name is decoded whole, with or without its layers", (capture) => {
    const { messages, faults } = decodePacket(openPacket(unhex(capture.hex), sealingOf(capture)));
    expect(faults).toEqual([]);
    expect(decodePacket(unhex(capture.inner)).messages).toEqual(messages);
    expect(kindOf(messages)).toBe(capture.kind);
  });

  test.for(packets)("$name is encoded to the same bytes", (capture) => {
    const { messages } = decodePacket(unhex(capture.inner));
    expect(hex(packCompound(messages.map(encodePacketMessage)))).toBe(capture.inner);
  });

  const contents = packets.flatMap((capture) =>
    decodePacket(unhex(capture.inner)).messages.map((message) => ({ ...capture, message })),
  );
  const fromSerf = contents.flatMap(({ message, ...capture }) =>
    message.kind === "user" ? { ...capture, payload: message.payload } : [],
  );

  test.for(fromSerf)("$name carries a Serf message that is encoded as 0.9.4 does", (capture) => {
    const message = decodeSerfMessage(capture.payload);
    const encoded = encodeSerfMessage(message);
    expect(decodeSerfMessage(encoded)).toEqual(message);
    // Later versions write some positive numbers longer.
    const signed = message.kind === "query" || message.kind === "relay";
    if (capture.version === "0.9.4" || !signed) expect(hex(encoded)).toBe(hex(capture.payload));
  });

  test("has tags in every alive and coordinates in every ack", () => {
    const seen = { tags: 0, coordinates: 0 };
    for (const { message } of contents) {
      if (message.kind === "alive") {
        const meta = message.meta as Uint8Array;
        const tags = decodeTags(meta);
        expect(encodeTags(tags, 5).length).toBe(meta.length);
        expect(decodeTags(encodeTags(tags, 5))).toEqual(tags);
        seen.tags += 1;
      }
      if (message.kind === "ack") {
        const payload = message.payload as Uint8Array;
        const coordinate = decodeAckPayload(payload);
        expect(coordinate?.vec.length).toBe(8);
        expect(hex(encodeAckPayload(coordinate as NonNullable<typeof coordinate>))).toBe(
          hex(payload),
        );
        seen.coordinates += 1;
      }
    }
    expect(seen.tags).toBeGreaterThan(10);
    expect(seen.coordinates).toBeGreaterThan(5);
  });
});

describe("a captured stream", () => {
  test.for(streams)("$name loses its layers and gets its compression back", (capture) => {
    const bytes = unhex(capture.hex);
    const keyring = keyringOf(capture);
    const frame =
      keyring === undefined ? bytes : open(keyring, bytes.subarray(5), bytes.subarray(0, 5));
    const inner = unhex(capture.inner);
    expect(hex(inflateFrame(frame, inner.length))).toBe(capture.inner);
    expect(hex(deflateFrame(inner))).toBe(hex(frame));
  });

  test.for(streams)("$name is decoded whole", (capture) => {
    const message = readStream(capture);
    expect(message.kind).toBe(capture.kind === "pushPull" ? "push-pull" : capture.kind);
    const plain = new StreamReader({ keyring: undefined, label: "", dialled: true });
    expect(plain.feed(unhex(capture.inner))).toEqual(message);
  });

  test.for(streams.filter(({ version, kind }) => version === "0.9.4" || kind !== "pushPull"))(
    "$name is encoded and sealed to the same bytes",
    (capture) => {
      expect(hex(sealStream(readStream(capture), sealingOf(capture)))).toBe(capture.hex);
    },
  );

  test.for(streams.filter(({ version, kind }) => version === "HEAD" && kind === "pushPull"))(
    "$name differs only in how its header writes numbers",
    (capture) => {
      const message = readStream(capture);
      const plain = { ...sealingOf(capture), compression: false, keyring: undefined };
      const ours = hex(sealStream(message, plain));
      expect(ours).toBe(capture.inner.replace("d1024a", "cd024a"));
      expect(ours).not.toBe(capture.inner);
    },
  );

  test.for(streams.filter(({ kind }) => kind === "pushPull"))(
    "$name carries Serf's state, encoded to the same bytes",
    (capture) => {
      const message = readStream(capture);
      if (message.kind !== "push-pull") throw new Error("not a push/pull");
      const state = decodeSerfMessage(message.userState);
      expect(state.kind === "push-pull" && state.events.length).toBe(512);
      expect(hex(encodeSerfMessage(state))).toBe(hex(message.userState));
    },
  );
});

const serfNames: Record<string, string> = {
  "user-event": "userEvent",
  "query-response": "queryResponse",
};

/** The kinds of the messages in the words of the captures. */
function kindOf(messages: readonly PacketMessage[]): string {
  const kinds = messages.map((message) => {
    if (message.kind === "indirect-ping") return "indirectPing";
    if (message.kind !== "user") return message.kind;
    const { kind } = decodeSerfMessage(message.payload);
    return `user.${serfNames[kind] ?? kind}`;
  });
  return kinds.length === 1 ? (kinds[0] as string) : `compound(${kinds.join("+")})`;
}
