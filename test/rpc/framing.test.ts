import fc from "fast-check";
import { expect, test } from "vitest";
import { FramingError, packValues, ValueReader } from "../../src/rpc/framing.js";

function readAll(reader: ValueReader): unknown[] {
  const values: unknown[] = [];
  for (let item = reader.next(); item !== undefined; item = reader.next()) values.push(item.value);
  return values;
}

/** All that the protocol can carry; maps decode to Map. */
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true }).filter((number) => !Number.isInteger(number)),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie("value"), { maxLength: 20 }),
    fc
      .uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), tie("value")), {
        selector: ([key]) => key,
        maxLength: 20,
      })
      .map((pairs) => new Map(pairs)),
  ),
})).value;

test("what was packed is read, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
      (values, sizes) => {
        const bytes = packValues(...values);
        const reader = new ValueReader(1_000_000);
        const seen: unknown[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const size = sizes[cut % sizes.length] as number;
          reader.feed(bytes.subarray(at, at + size));
          seen.push(...readAll(reader));
          at += size;
        }
        expect(seen).toEqual(values);
        expect(reader.partial).toBe(false);
      },
    ),
  );
});

test("a value is there with its last byte, not before", () => {
  const bytes = packValues({ Command: "members", Seq: 300, Blob: Buffer.alloc(70) });
  const reader = new ValueReader(1_000);
  for (const [index, byte] of bytes.entries()) {
    reader.feed(Uint8Array.of(byte));
    expect(readAll(reader)).toHaveLength(index === bytes.length - 1 ? 1 : 0);
  }
});

test("any bytes are values, an unfinished value or a FramingError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const reader = new ValueReader(200);
      reader.feed(bytes);
      try {
        readAll(reader);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(FramingError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test.for([
  ["a string of 4 GiB", "dbffffffff", "longer than 1000 bytes"],
  ["bytes of 64 KiB", "c5ffff", "longer than 1000 bytes"],
  ["a list of 2^32 values", "ddffffffff", "longer than 1000 bytes"],
  ["a map of 600 pairs in 3 bytes", "de0258", "longer than 1000 bytes"],
  ["a long list inside a list", "91dd00ffffff", "longer than 1000 bytes"],
  ["seventeen levels", "91".repeat(17), "nested too deeply"],
  ["an extension", "d40000", "type 0xd4 is not allowed"],
  ["a record of msgpackr", "d47240", "type 0xd4 is not allowed"],
  ["a timestamp", "d6ff00000000", "type 0xd6 is not allowed"],
  ["the type that is none", "c1", "type 0xc1 is not allowed"],
] as const)("%s is refused at its head", ([_what, hex, reason]) => {
  const reader = new ValueReader(1_000);
  reader.feed(Buffer.from(hex, "hex"));
  expect(() => reader.next()).toThrow(reason);
});

test("keys of a peer are data, whatever they are called", () => {
  const reader = new ValueReader(1_000);
  reader.feed(packValues(new Map([["__proto__", new Map([["polluted", 1]])]])));
  expect(reader.next()?.value).toEqual(new Map([["__proto__", new Map([["polluted", 1]])]]));
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("strings that are not UTF-8 spoil nothing but themselves", () => {
  const reader = new ValueReader(1_000);
  reader.feed(Buffer.from("93a2c3f0a161d9020aff", "hex"));
  expect(reader.next()?.value).toEqual(["\ufffd\ufffd", "a", "\n\ufffd"]);
});
