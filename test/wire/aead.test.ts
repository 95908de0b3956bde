import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { boxOverheadBytes, open, seal } from "../../src/wire/aead.js";
import { openPacket, sealPacket } from "../../src/wire/envelope.js";
import { AuthenticationError, DecodeError } from "../../src/wire/errors.js";
import { Keyring } from "../../src/wire/keyring.js";
import { addLabel } from "../../src/wire/label.js";
import { StreamReader } from "../../src/wire/stream.js";
import { hex, loadVectors, unhex } from "./vectors.js";

interface Vector {
  readonly name: string;
  readonly version: 0 | 1;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plain: string;
  readonly out: string;
}

const { vectors } = loadVectors<{ vectors: Vector[] }>("crypto.json");
const packets = vectors.filter(({ name }) => name.startsWith("packet"));
const streams = vectors.filter(({ name }) => name.startsWith("stream"));

const labelOf = (vector: Vector): string => (vector.name.includes("label_blue") ? "blue" : "");
const keyringOf = (vector: Vector): Keyring => new Keyring([unhex(vector.key)]);

/** The box alone: a stream has its header before it, and maybe a label header before that. */
function boxOf(vector: Vector): Uint8Array {
  const out = unhex(vector.out);
  if (vector.name.startsWith("packet")) return out;
  return out.subarray(labelOf(vector) === "" ? 5 : 11);
}

/** What no member of protocol 2 sends any more. */
function sealVersion0(key: Uint8Array, nonce: Uint8Array, padded: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  const body = Buffer.concat([cipher.update(padded), cipher.final()]);
  return Buffer.concat([Uint8Array.of(0), nonce, body, cipher.getAuthTag()]);
}

describe("a sealed box", () => {
  test.for(vectors)("$name is opened", (vector) => {
    expect(hex(open(keyringOf(vector), boxOf(vector), unhex(vector.aad)))).toBe(vector.plain);
  });

  test.for(vectors.filter(({ version }) => version === 1))("$name is sealed", (vector) => {
    const box = seal(
      keyringOf(vector),
      unhex(vector.nonce),
      unhex(vector.plain),
      unhex(vector.aad),
    );
    expect(hex(box)).toBe(hex(boxOf(vector)));
  });

  test.for(packets)("$name is opened as a datagram", (vector) => {
    const label = labelOf(vector);
    const datagram = addLabel(label, unhex(vector.out));
    expect(hex(openPacket(datagram, { keyring: keyringOf(vector), label }))).toBe(vector.plain);
  });

  test.for(packets.filter(({ version }) => version === 1))(
    "$name is sealed as a datagram",
    (vector) => {
      const label = labelOf(vector);
      const datagram = sealPacket(unhex(vector.plain), {
        compression: false,
        checksum: false,
        keyring: keyringOf(vector),
        label,
        nonce: () => unhex(vector.nonce),
      });
      expect(hex(datagram)).toBe(hex(addLabel(label, unhex(vector.out))));
    },
  );

  test.for(streams)("$name is opened on a stream, where a suspect has no place", (vector) => {
    const reader = new StreamReader({
      keyring: keyringOf(vector),
      label: labelOf(vector),
      dialled: false,
    });
    expect(() => reader.feed(unhex(vector.out))).toThrow(
      expect.objectContaining({ reason: "type", message: "received invalid msgType (3)" }),
    );
  });

  const [vector] = packets as [Vector];

  test("is opened with any key of the ring, and sealed with the first", () => {
    const others = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
    const ring = new Keyring([...others, unhex(vector.key)]);
    expect(hex(open(ring, boxOf(vector), new Uint8Array(0)))).toBe(vector.plain);
    const box = seal(ring, unhex(vector.nonce), unhex(vector.plain), new Uint8Array(0));
    expect(() => open(keyringOf(vector), box, new Uint8Array(0))).toThrow(AuthenticationError);
    ring.use(unhex(vector.key));
    expect(hex(seal(ring, unhex(vector.nonce), unhex(vector.plain), new Uint8Array(0)))).toBe(
      vector.out,
    );
  });

  test("is refused if any bit of it or of the other authenticated bytes is another", () => {
    const box = boxOf(vector);
    for (let bit = 8; bit < 8 * box.length; bit += 1) {
      const changed = Uint8Array.from(box);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => open(keyringOf(vector), changed, new Uint8Array(0))).toThrow(
        AuthenticationError,
      );
    }
    expect(() => open(keyringOf(vector), box, Uint8Array.of(0))).toThrow(AuthenticationError);
  });

  test.for([
    { box: "", message: "Cannot decrypt empty payload" },
    { box: "02".repeat(60), message: "Unsupported encryption version 2" },
    { box: "01".repeat(28), message: "Payload is too small to decrypt: 28" },
    { box: `00${"01".repeat(43)}`, message: "Payload is too small to decrypt: 44" },
    { box: "01".repeat(29), message: "No installed keys could decrypt the message" },
  ])("of $box.length hex digits is refused: $message", ({ box, message }) => {
    const attempt = (): unknown => open(keyringOf(vector), unhex(box), new Uint8Array(0));
    expect(attempt).toThrow(AuthenticationError);
    expect(attempt).toThrow(message);
  });

  test("of version 1 may hold nothing", () => {
    const box = seal(keyringOf(vector), unhex(vector.nonce), new Uint8Array(0), new Uint8Array(0));
    expect(box.length).toBe(boxOverheadBytes);
    expect(open(keyringOf(vector), box, new Uint8Array(0)).length).toBe(0);
  });

  test.for([
    { padding: 1, left: 31 },
    { padding: 16, left: 16 },
    { padding: 32, left: 0 },
    { padding: 0, left: 32 },
    { padding: 33, left: undefined },
  ])("of version 0 whose last byte is $padding keeps $left bytes of 32", ({ padding, left }) => {
    const padded = new Uint8Array(32).fill(padding);
    const box = sealVersion0(unhex(vector.key), unhex(vector.nonce), padded);
    const attempt = (): Uint8Array => open(keyringOf(vector), box, new Uint8Array(0));
    if (left === undefined) expect(attempt).toThrow(DecodeError);
    else expect(attempt().length).toBe(left);
  });
});
