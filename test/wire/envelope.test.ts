import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/errors.js";
import { deflateFrame } from "../../src/wire/compression.js";
import {
  encryptionOverheadBytes,
  labelOverheadBytes,
  openPacket,
  type PacketSealing,
  sealPacket,
} from "../../src/wire/envelope.js";
import { AuthenticationError, DecodeError } from "../../src/wire/errors.js";
import { Keyring } from "../../src/wire/keyring.js";
import { capturedKey, hex, unhex } from "./vectors.js";

const keyring = new Keyring([capturedKey]);
const nonce = (): Uint8Array => unhex("000102030405060708090a0b");
const frame = Uint8Array.from(Buffer.from(`\x08${"the same words again and ".repeat(8)}`));
const plain: PacketSealing = {
  compression: false,
  checksum: false,
  keyring: undefined,
  label: "",
  nonce,
};

const sealings = [false, true].flatMap((checksum) =>
  [false, true].flatMap((compression) =>
    [undefined, keyring].flatMap((ring) =>
      ["", "blue", "grün", "l".repeat(255)].map((label) => ({
        ...plain,
        checksum,
        compression,
        keyring: ring,
        label,
        encrypted: ring !== undefined,
        letters: label.length,
      })),
    ),
  ),
);

describe("a packet", () => {
  test.for(sealings)(
    "is opened as it was sealed (checksum $checksum, compression $compression, encrypted $encrypted, label of $letters)",
    (sealing) => {
      const datagram = sealPacket(frame, sealing);
      const expected = sealing.compression ? deflateFrame(frame) : frame;
      expect(hex(openPacket(datagram, sealing))).toBe(hex(expected));
      const overhead =
        labelOverheadBytes(sealing.label) +
        encryptionOverheadBytes(sealing.keyring) +
        (sealing.checksum ? 5 : 0);
      expect(datagram.length).toBe(expected.length + overhead);
    },
  );

  test("is compressed only if that makes it shorter", () => {
    const short = unhex("0b81a55365714e6f01");
    expect(sealPacket(short, { ...plain, compression: true })).toEqual(short);
    expect(sealPacket(frame, { ...plain, compression: true })).toEqual(deflateFrame(frame));
  });

  test("asks for a nonce only if it is encrypted", () => {
    const never = (): never => {
      throw new Error("asked for a nonce");
    };
    expect(sealPacket(frame, { ...plain, nonce: never })).toEqual(frame);
  });

  test("is refused if one bit under a checksum is another", () => {
    const datagram = sealPacket(frame, { ...plain, checksum: true });
    for (let bit = 8; bit < 8 * datagram.length; bit += 1) {
      const changed = Uint8Array.from(datagram);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => openPacket(changed, plain)).toThrow(
        expect.objectContaining({ reason: "checksum" }),
      );
    }
  });

  test("shorter than a checksum is left as it is", () => {
    expect(hex(openPacket(unhex("0c010203"), plain))).toBe("0c010203");
    expect(hex(openPacket(unhex("0c00000000"), plain))).toBe("");
  });

  test.for([
    { what: "no label where one is expected", sent: "", expected: "blue" },
    { what: "a label where none is expected", sent: "blue", expected: "" },
    { what: "another label", sent: "green", expected: "blue" },
    { what: "a label that begins as ours", sent: "bluer", expected: "blue" },
  ])("with $what is refused", ({ sent, expected }) => {
    const datagram = sealPacket(frame, { ...plain, label: sent });
    expect(() => openPacket(datagram, { ...plain, label: expected })).toThrow(
      expect.objectContaining({ reason: "label" }),
    );
  });

  test.for([
    { datagram: "", reason: "truncated" },
    { datagram: "f4", reason: "truncated" },
    { datagram: "f404626c75", reason: "truncated" },
    { datagram: "f400", reason: "label" },
  ])("of the bytes «$datagram» is refused as $reason", ({ datagram, reason }) => {
    expect(() => openPacket(unhex(datagram), { ...plain, label: "blue" })).toThrow(
      expect.objectContaining({ reason }),
    );
  });

  test("in clear is refused where encryption is on, whatever its first byte", () => {
    for (let type = 0; type <= 0xff; type += 1) {
      const datagram = Uint8Array.from(frame);
      datagram[0] = type;
      expect(() => openPacket(datagram, { keyring, label: "" })).toThrow(DecodeError);
    }
    expect(() => openPacket(frame, { keyring, label: "" })).toThrow(AuthenticationError);
  });

  test("of another label is refused even if only the authenticated bytes tell", () => {
    const datagram = sealPacket(frame, { ...plain, keyring, label: "blue" });
    expect(() => openPacket(datagram.subarray(6), { keyring, label: "" })).toThrow(
      AuthenticationError,
    );
  });

  test("is never sealed with a label that its length byte cannot tell", () => {
    const label = "l".repeat(256);
    expect(() => sealPacket(frame, { ...plain, label })).toThrow(InvariantError);
  });

  test("larger than a datagram can be is not looked at", () => {
    expect(() => openPacket(new Uint8Array(65_537), plain)).toThrow(
      expect.objectContaining({ reason: "limit" }),
    );
  });
});
