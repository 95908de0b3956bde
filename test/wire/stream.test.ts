import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seal } from "../../src/wire/aead.js";
import { deflateFrame } from "../../src/wire/compression.js";
import { AuthenticationError, DecodeError } from "../../src/wire/errors.js";
import { Keyring } from "../../src/wire/keyring.js";
import { addLabel } from "../../src/wire/label.js";
import { StreamReader, type StreamSecrets, sealStream } from "../../src/wire/stream.js";
import type { PushPull, StreamMessage } from "../../src/wire/swim-messages.js";
import { capturedKey, concat, hex, unhex } from "./vectors.js";
import "../support/seed.js";

const keyring = new Keyring([capturedKey]);
const nonce = (): Uint8Array => unhex("000102030405060708090a0b");
const none = new Uint8Array(0);

const member = (node: string, meta: Uint8Array | undefined) => ({
  node,
  incarnation: 7,
  ip: unhex("7f000001"),
  port: 7_946,
  meta,
  state: "alive" as const,
  versions: unhex("010502020505"),
});

const pushPull: PushPull = {
  kind: "push-pull",
  join: true,
  members: Array.from({ length: 20 }, (_, index) =>
    member(`node-${index}`, index % 3 === 0 ? undefined : new Uint8Array(index).fill(index)),
  ),
  userState: new Uint8Array(3_000).fill(0xc0),
};

const messages: StreamMessage[] = [
  pushPull,
  { ...pushPull, members: [], userState: none },
  { kind: "ping", seq: 9, node: "", sourceIp: none, sourcePort: 0, sourceNode: "" },
  { kind: "ack", seq: 9, payload: undefined },
  { kind: "user", payload: new Uint8Array(5_000).fill(3) },
  { kind: "user", payload: none },
  { kind: "error", error: "Encryption is configured but remote state is not encrypted" },
];

const options = [false, true].flatMap((compression) =>
  [undefined, keyring].flatMap((ring) =>
    ["", "blue"].flatMap((label) =>
      [false, true].map((dialled) => ({ compression, keyring: ring, label, dialled, nonce })),
    ),
  ),
);
const cases = options.flatMap((sealing) =>
  messages.map((message) => ({
    sealing,
    message,
    name: [
      message.kind,
      sealing.compression ? "compressed" : "as it is",
      sealing.keyring ? "encrypted" : "in clear",
      sealing.label || "no label",
      sealing.dialled ? "to the one who listens" : "to the one who dialled",
    ].join(", "),
  })),
);

/** The other end of what `sealing` wrote. */
const readerOf = (sealing: StreamSecrets): StreamReader =>
  new StreamReader({ ...sealing, dialled: !sealing.dialled });

const clear: StreamSecrets = { keyring: undefined, label: "", dialled: false };

/** Feeds one byte at a time; what came out, and after how many bytes. */
function feedBytes(reader: StreamReader, bytes: Uint8Array): [StreamMessage | undefined, number] {
  for (let index = 0; index < bytes.length; index += 1) {
    const message = reader.feed(bytes.slice(index, index + 1));
    if (message !== undefined) return [message, index + 1];
  }
  return [undefined, bytes.length];
}

describe("a message on a stream", () => {
  test.for(cases)("is read whole: $name", ({ sealing, message }) => {
    const bytes = sealStream(message, sealing);
    expect(readerOf(sealing).feed(bytes.slice())).toEqual(message);
    expect(bytes[0] === 0xf4).toBe(sealing.dialled && sealing.label !== "");
  });

  test.for(cases)(
    "is read byte by byte, and not before its last one: $name",
    ({ sealing, message }) => {
      const bytes = sealStream(message, sealing);
      expect(feedBytes(readerOf(sealing), bytes)).toEqual([message, bytes.length]);
    },
  );

  test("is read in whatever pieces it comes, and what follows it is ignored", () => {
    const pieces = fc.array(fc.nat(400), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.constantFrom(...cases), pieces, ({ sealing, message }, sizes) => {
        const bytes = concat(sealStream(message, sealing), unhex("ffff00ff"));
        const reader = readerOf(sealing);
        let found: StreamMessage | undefined;
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = 1 + (sizes[turn % sizes.length] as number);
          const result = reader.feed(bytes.slice(at, at + size));
          if (found === undefined) found = result;
          else expect(result).toBeUndefined();
          at += size;
        }
        expect(found).toEqual(message);
      }),
    );
  });

  test("with a member in a state that nobody knows has the other members", () => {
    const bytes = sealStream(
      { ...pushPull, members: [member("a", none), member("b", none)] },
      {
        ...clear,
        compression: false,
        nonce,
      },
    );
    const text = hex(bytes).replace("a5537461746500", "a5537461746504");
    const message = new StreamReader(clear).feed(unhex(text)) as PushPull;
    expect(message.members.map(({ node }) => node)).toEqual(["b"]);
  });
});

interface Refusal {
  readonly what: string;
  readonly bytes: string;
  readonly secrets?: Partial<StreamSecrets>;
  readonly reason: string;
  /** What the peer is told, if anything. */
  readonly told?: string;
}

const box = (plain: string): string => {
  const length = (29 + plain.length / 2).toString(16).padStart(8, "0");
  return `0a${length}${hex(seal(keyring, nonce(), unhex(plain), unhex(`0a${length}`)))}`;
};

const refusals: Refusal[] = [
  {
    what: "encrypted, and we have no key",
    bytes: "0a",
    reason: "encryption",
    told: "Remote state is encrypted and encryption is not configured",
  },
  {
    what: "in clear, and we have keys",
    bytes: "06",
    secrets: { keyring },
    reason: "encryption",
    told: "Encryption is configured but remote state is not encrypted",
  },
  {
    what: "encrypted with another key",
    bytes: `0a0000001d${"01".repeat(29)}`,
    secrets: { keyring },
    reason: "encryption",
    told: "No installed keys could decrypt the message",
  },
  {
    what: "a box of more than 20 MiB",
    bytes: "0a01400001",
    secrets: { keyring },
    reason: "limit",
    told: "Remote node state is larger than limit (20971521)",
  },
  {
    what: "a box of no bytes",
    bytes: "0a00000000",
    secrets: { keyring },
    reason: "encryption",
    told: "Cannot decrypt empty payload",
  },
  { what: "a box that holds nothing", bytes: box(""), secrets: { keyring }, reason: "truncated" },
  {
    what: "a box that holds half a ping",
    bytes: box("0081a4"),
    secrets: { keyring },
    reason: "truncated",
  },
  { what: "a box in a box", bytes: box(box("0080")), secrets: { keyring }, reason: "type" },
  {
    what: "compressed with an algorithm that nobody knows",
    bytes: "0982a4416c676f01a3427566a3000302",
    reason: "compression",
    told: "Cannot decompress unknown algorithm 1",
  },
  {
    what: "compressed from nothing",
    bytes: "0982a4416c676f00a3427566a3000302",
    reason: "compression",
    told: "Compressed frame is empty",
  },
  {
    what: "compressed, and without its end",
    bytes: "0982a4416c676f00a3427566a20003",
    reason: "compression",
    told: "LZW ends without its end",
  },
  {
    what: "compressed twice",
    bytes: hex(deflateFrame(deflateFrame(unhex("0080")))),
    reason: "type",
  },
  {
    what: "compressed half a ping",
    bytes: hex(deflateFrame(unhex("0081a4"))),
    reason: "truncated",
  },
  {
    what: "a compressed frame of 4 GiB",
    bytes: "0982a4416c676f00a3427566dbffffffff",
    reason: "limit",
    told: "too many bytes on a stream",
  },
  {
    what: "a compressed frame with 4 G fields",
    bytes: "09dfffffffff",
    reason: "limit",
    told: "too many bytes on a stream",
  },
  ...[1, 3, 4, 5, 7, 11, 12, 14, 99, 255].map((type) => ({
    what: `of type ${type}`,
    bytes: type.toString(16).padStart(2, "0"),
    reason: "type",
  })),
  {
    what: "a suspect in a compressed frame",
    bytes: hex(deflateFrame(unhex("0380"))),
    reason: "type",
  },
  { what: "4 G members", bytes: "0681a54e6f646573ceffffffff", reason: "limit" },
  { what: "2^40 members", bytes: "0681a54e6f646573cf0000010000000000", reason: "limit" },
  { what: "-1 members", bytes: "0681a54e6f646573ff", reason: "malformed" },
  { what: "262145 members", bytes: "0681a54e6f646573ce00040001", reason: "limit" },
  {
    what: "more than 20 MiB of user state",
    bytes: "0681ac5573657253746174654c656ece01400001",
    reason: "limit",
  },
  {
    what: "a negative length of user state",
    bytes: "0681ac5573657253746174654c656ed0ff",
    reason: "malformed",
  },
  {
    what: "a user message of more than 20 MiB",
    bytes: "0881aa557365724d73674c656ece01400001",
    reason: "limit",
  },
  {
    what: "a user message of -1 bytes",
    bytes: "0881aa557365724d73674c656eff",
    reason: "malformed",
  },
  { what: "a ping of more than 64 KiB", bytes: "0081a158dbffffffff", reason: "limit" },
  { what: "a ping with 4 G fields", bytes: "00dfffffffff", reason: "limit" },
  {
    what: "a member with versions of two bytes",
    bytes: "0681a54e6f6465730181a356736ea20102",
    reason: "malformed",
  },
  { what: "a text where a number belongs", bytes: "0681a54e6f646573a131", reason: "malformed" },
  { what: "a value that MessagePack does not have", bytes: "00c1", reason: "malformed" },
  { what: "labelled, and we have no label", bytes: "f401610080", reason: "label" },
  {
    what: "without a label, and we have one",
    bytes: "00",
    secrets: { label: "blue" },
    reason: "label",
  },
  {
    what: "of another label",
    bytes: "f405677265656e",
    secrets: { label: "blue" },
    reason: "label",
  },
  { what: "of an empty label", bytes: "f400", secrets: { label: "blue" }, reason: "label" },
  {
    what: "labelled, but in answer to us",
    bytes: "f404626c7565",
    secrets: { label: "blue", dialled: true },
    reason: "label",
  },
];

describe("a stream is refused that is", () => {
  test.for(refusals)("$what", ({ bytes, secrets, reason, told }) => {
    for (const feed of [
      (reader: StreamReader) => reader.feed(unhex(bytes)),
      (reader: StreamReader) => feedBytes(reader, unhex(bytes)),
    ]) {
      const reader = new StreamReader({ ...clear, ...secrets });
      let thrown: unknown;
      try {
        feed(reader);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(DecodeError);
      expect(thrown).toMatchObject({ reason, answered: told !== undefined });
      if (told !== undefined) expect((thrown as Error).message).toBe(told);
      if (reason === "encryption") expect(thrown).toBeInstanceOf(AuthenticationError);
      expect(reader.feed(unhex("0080"))).toBeUndefined();
    }
  });

  test("encrypted in another label", () => {
    const sealing = { ...clear, keyring, compression: true, nonce };
    const bytes = sealStream(pushPull, { ...sealing, label: "green" });
    const reader = new StreamReader({ keyring, label: "blue", dialled: true });
    expect(() => reader.feed(bytes)).toThrow("No installed keys could decrypt the message");
    const header = addLabel("blue", bytes);
    const listener = new StreamReader({ keyring, label: "blue", dialled: false });
    expect(() => listener.feed(header)).toThrow(AuthenticationError);
  });
});
