import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/errors.js";
import { DecodeError } from "../../src/wire/errors.js";
import {
  Fields,
  fieldCount,
  maxLtime,
  maxU8,
  maxU32,
  Reader,
} from "../../src/wire/msgpack-reader.js";
import { type Dialect, Writer } from "../../src/wire/msgpack-writer.js";
import { hex, loadVectors, unhex } from "./vectors.js";

interface EncodeVector {
  readonly value: string;
  readonly raw: string;
  readonly ext: string;
  readonly head_raw?: string;
  readonly head_ext?: string;
}

interface DecodeVector {
  readonly case: string;
  readonly hex: string;
  readonly v055: "accept" | "reject";
  readonly v215: "accept" | "reject";
  readonly result?: string;
}

const vectors = loadVectors<{ encode: EncodeVector[]; decode: DecodeVector[] }>("msgpack.json");

type Write = (writer: Writer) => void;

const int =
  (value: number): Write =>
  (writer) =>
    writer.int(value);
const text =
  (value: string): Write =>
  (writer) =>
    writer.text(value);
const bytes =
  (value: Uint8Array | undefined): Write =>
  (writer) =>
    writer.bytes(value);
const list =
  (...items: Write[]): Write =>
  (writer) => {
    writer.array(items.length);
    for (const item of items) item(writer);
  };
const map =
  (...pairs: [string, Write][]): Write =>
  (writer) => {
    writer.map(pairs.length);
    for (const [key, value] of pairs) {
      writer.text(key);
      value(writer);
    }
  };
const nil: Write = (writer) => writer.nil();
const float =
  (value: number): Write =>
  (writer) =>
    writer.float(value);
const filled = (length: number): Uint8Array => new Uint8Array(length).fill(1);

/** What each value of the encoder's table is, in the field V where the table has it there. */
const values: Record<string, Write> = {
  int0: int(0),
  int5: int(5),
  int127: int(127),
  int128: int(128),
  int200: int(200),
  int255: int(255),
  int256: int(256),
  int32767: int(32_767),
  int32768: int(32_768),
  int65535: int(65_535),
  int65536: int(65_536),
  "int2^31-1": int(2 ** 31 - 1),
  "int2^31": int(2 ** 31),
  "int2^32": int(2 ** 32),
  "int-1": int(-1),
  "int-32": int(-32),
  "int-33": int(-33),
  "int-128": int(-128),
  "int-129": int(-129),
  "int-40000": int(-40_000),
  "int-2^40": int(-(2 ** 40)),
  "int32 1": int(1),
  "int32 300": int(300),
  "u8 127": int(127),
  "u8 128": int(128),
  "u16 128": int(128),
  "u16 7946": int(7_946),
  "u32 70000": int(70_000),
  "u64 128": int(128),
  "u64 2^32": int(2 ** 32),
  "u64 300": int(300),
  "dur 15s": int(15e9),
  "dur 100ms": int(100e6),
  "dur 0": int(0),
  "dur 1us": int(1_000),
  "f 1.5": float(1.5),
  "f 0": float(0),
  "bool t": (writer) => writer.bool(true),
  "bool f": (writer) => writer.bool(false),
  "str empty": text(""),
  "str a": text("a"),
  "str 31": text("a".repeat(31)),
  "str 32": text("a".repeat(32)),
  "str 255": text("a".repeat(255)),
  "str 256": text("a".repeat(256)),
  "str 65536": text("a".repeat(65_536)),
  "str nonutf8": text("\udcff\udcfe"),
  "bytes nil": bytes(undefined),
  "bytes empty": bytes(filled(0)),
  "bytes 1": bytes(filled(1)),
  "bytes 31": bytes(filled(31)),
  "bytes 32": bytes(filled(32)),
  "bytes 256": bytes(filled(256)),
  "bytes 65536": bytes(filled(65_536)),
  u8s: bytes(unhex("010502020504")),
  "map nil": nil,
  "map empty": map(),
  "map 1": map(["k", text("v")]),
  mapu64: map(["k", int(200)]),
  mapint: map(["k", int(200)]),
  "ss nil": nil,
  "ss empty": list(),
  "ss 1": list(text("x")),
  "ss 16": list(...Array.from({ length: 16 }, () => text(""))),
  "bb nil": nil,
  "bb 1": list(bytes(filled(1)), bytes(undefined), bytes(filled(0))),
  fs: list(float(0), float(1)),
  ip4: bytes(unhex("7f000001")),
  ip16: bytes(unhex("00000000000000000000ffff7f000001")),
  "ip nil": bytes(undefined),
  "ptr nil": nil,
  ptr: map(["V", int(1)]),
  ptrslice: list(nil, map(["V", int(1)])),
  time: bytes(unhex("010000000edce5e80000000005ffff")),
  "time zero": bytes(unhex("01000000000000000000000000ffff")),
};

/** Those whose bytes are not in a field V. */
const bareValues: Record<string, Write> = {
  struct: map(["Alpha", text("a")], ["B", bytes(unhex("0102"))], ["Zeta", int(1)]),
  structOmitSet: map(
    ["Alpha", text("a")],
    ["B", bytes(unhex("0102"))],
    ["Omit", bytes(unhex("09"))],
    ["Zeta", int(1)],
  ),
  structOmitEmptyNonNil: map(["Alpha", text("")], ["B", bytes(undefined)], ["Zeta", int(0)]),
  "bare map": map(["role", text("web")]),
  "bare nil map": map(),
  "nil struct ptr": nil,
  udpaddr: map(["IP", bytes(unhex("7f000001"))], ["Port", int(7_946)], ["Zone", text("")]),
  low: map(["Upper", int(2)]),
};

/** What no message needs and the writer therefore has not. */
const unused = ["f32 1.5", "u64max"];

function written(dialect: Dialect, write: Write): string {
  const writer = new Writer(dialect);
  write(writer);
  const encoded = hex(writer.take());
  return encoded.length > 160 ? `${encoded.slice(0, 60)}...${encoded.length / 2}` : encoded;
}

describe("the writer", () => {
  const known = vectors.encode.filter(({ value }) => !unused.includes(value));

  test.for(known)("writes $value as go-msgpack 0.5.5 does", ({ value, raw, ext }) => {
    const field = values[value];
    const write = field === undefined ? bareValues[value] : map(["V", field]);
    expect(write, `no value for ${value}`).toBeDefined();
    if (write === undefined) return;
    expect(written("raw", write)).toBe(raw);
    expect(written("bin", write)).toBe(ext);
  });

  test.for([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 64, -(2 ** 63) - 2 ** 11])(
    "refuses %d as an integer",
    (value) => {
      expect(() => new Writer("raw").int(value)).toThrow(InvariantError);
    },
  );

  test("forgets what an interrupted message left behind", () => {
    const writer = new Writer("raw");
    writer.begin(1);
    writer.text("left behind");
    writer.begin(2);
    writer.int(3);
    expect(hex(writer.take())).toBe("0203");
  });

  test("hands out messages that stay as they were, however many and large the next ones are", () => {
    const writer = new Writer("raw");
    const taken = Array.from({ length: 400 }, (_, index) => {
      writer.begin(index % 0x80);
      writer.raw(new Uint8Array((index * 97) % 9_000).fill(index));
      return writer.take();
    });
    for (const [index, message] of taken.entries()) {
      expect(message.length).toBe(1 + ((index * 97) % 9_000));
      expect(message[0]).toBe(index % 0x80);
      expect(message.subarray(1).every((byte) => byte === index % 0x100)).toBe(true);
    }
  });
});

/** Reads one value as the Go type that begins a case's name. */
const readers: Record<string, (reader: Reader) => unknown> = {
  str: (reader) => reader.text(),
  key: (reader) => reader.text(),
  unknown: (reader) => reader.text(),
  dup: (reader) => reader.text(),
  struct: (reader) => reader.text(),
  trailing: (reader) => reader.text(),
  bytes: (reader) => reader.bytes(),
  u8s: (reader) => reader.bytes(),
  u32: (reader) => reader.uint(maxU32),
  u8: (reader) => reader.uint(maxU8),
  u64: (reader) => reader.uint(maxLtime),
  int: (reader) => reader.int(),
  dur: (reader) => reader.int(),
  f64: (reader) => reader.float(),
  bool: (reader) => reader.bool(),
  map: readMap,
  ss: readTexts,
  slice: readTexts,
  ptr: (reader) => (reader.nil() ? undefined : "not nil"),
  iface: (reader) => reader.skip(),
};

function readMap(reader: Reader): Record<string, string> {
  const count = reader.map();
  const pairs: [string, string][] = [];
  for (let index = 0; index < count; index += 1) pairs.push([reader.text(), reader.text()]);
  return Object.fromEntries(pairs);
}

function readTexts(reader: Reader): string[] | undefined {
  const count = reader.array();
  return count === undefined ? undefined : Array.from({ length: count }, () => reader.text());
}

const vFields = new Fields("V");

/** A struct with one field V, as the table has it; what V was read as last. */
function readV(input: Uint8Array, read: (reader: Reader) => unknown): unknown {
  const reader = new Reader(input);
  let value: unknown = "absent";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    if (reader.field(vFields, struct, index) === "V") value = read(reader);
    else reader.skip();
  }
  return value;
}

/** What the decoder's table says of a value, in our terms. */
function resultOf(result: string): unknown {
  if (result === "nil ptr") return undefined;
  const [, type, go] = /^&(\w+)\{V:(.*)\}$/.exec(result) ?? [];
  switch (type) {
    case "St":
      return JSON.parse(go as string);
    case "By":
    case "U8s":
      if (go === "[]uint8(nil)") return undefined;
      return Uint8Array.from((go as string).match(/0x[0-9a-f]+/g) ?? [], Number);
    case "U32":
    case "I":
    case "F":
      return Number(go);
    case "B":
      return go === "true";
    case "M":
      return go === "map[string]string(nil)" ? {} : { k: "v" };
    case "SS":
      return go === "[]string(nil)" ? undefined : ["x"];
    default:
      return undefined;
  }
}

describe("the reader", () => {
  // A field that is missing or whose struct is nil stays what it was: "absent" here, zero in Go.
  const leftAlone = ["key lower", "struct from nil", "struct empty map"];

  test.for(vectors.decode)("does with «$case» what either generation does", (vector) => {
    const read = readers[vector.case.split(" ")[0] as string] as (reader: Reader) => unknown;
    const accepted = vector.v055 === "accept" || vector.v215 === "accept";
    if (!accepted) {
      expect(() => readV(unhex(vector.hex), read)).toThrow(DecodeError);
    } else if (leftAlone.includes(vector.case)) {
      expect(readV(unhex(vector.hex), read)).toBe("absent");
    } else {
      expect(readV(unhex(vector.hex), read)).toEqual(resultOf(vector.result as string));
    }
  });

  const integers = vectors.encode.filter(({ value }) => /^(int|u8 |u16|u32|u64 |dur)/.test(value));

  test.for(integers)("reads $value as either generation writes it", ({ value, raw, head_raw }) => {
    const writer = new Writer("raw");
    (values[value] as Write)(writer);
    const expected = new Reader(writer.take()).int();
    expect(readV(unhex(raw), (reader) => reader.int())).toBe(expected);
    expect(readV(unhex(head_raw ?? raw), (reader) => reader.int())).toBe(expected);
  });

  test.for([
    ["00", "d000", "d10000", "d200000000", "d30000000000000000", "c0"],
    ["7f", "cc7f", "cd007f", "ce0000007f", "cf000000000000007f", "d3000000000000007f"],
    ["ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"],
    ["d080", "d1ff80", "d2ffffff80", "d3ffffffffffffff80"],
    ["d3ffe0000000000001"],
  ])("takes %s in every width", (forms) => {
    const [first, ...others] = forms.map((form) => new Reader(unhex(form)).int());
    for (const other of others) expect(other).toBe(first);
  });

  test.for([
    { form: "cf001fffffffffffff", value: Number.MAX_SAFE_INTEGER },
    { form: "cf0020000000000000", value: "limit" },
    { form: "cfffffffffffffffff", value: "limit" },
    { form: "d3ffffffffffffffff", value: "malformed" },
    { form: "cb3ff0000000000000", value: "malformed" },
  ])("takes $form for a Lamport time as $value", ({ form, value }) => {
    const read = (): number => new Reader(unhex(form)).uint(maxLtime);
    if (typeof value === "number") expect(read()).toBe(value);
    else expect(read).toThrow(expect.objectContaining({ reason: value }));
  });

  test("takes the fields of an array by position and passes over those it does not know", () => {
    const fields = new Fields("First", "Second");
    const read = (input: string): (string | undefined)[] => {
      const reader = new Reader(unhex(input));
      const struct = reader.struct();
      return Array.from({ length: fieldCount(struct) }, (_, index) => {
        const name = reader.field(fields, struct, index);
        reader.skip();
        return name;
      });
    };
    expect(read("93010203")).toEqual(["First", "Second", undefined]);
    expect(read("9101")).toEqual(["First"]);
    expect(read("82a65365636f6e6401a5466972737402")).toEqual(["Second", "First"]);
  });

  test.for(["dc", "dd000000", "de00", "da00", "c4", "cd12", "ca000000", "d501", "c70201"])(
    "calls %s truncated, on its own and as an unknown field",
    (form) => {
      const truncated = expect.objectContaining({ reason: "truncated" });
      expect(() => new Reader(unhex(form)).skip()).toThrow(truncated);
      expect(() => readV(unhex(`81a158${form}`), () => "")).toThrow(truncated);
    },
  );

  test.for([
    { form: "ddffffffff", read: (reader: Reader) => reader.array() },
    { form: "dfffffffff", read: (reader: Reader) => reader.map() },
    { form: "dbffffffff", read: (reader: Reader) => reader.text() },
    { form: "c6ffffffff", read: (reader: Reader) => reader.bytes() },
    { form: "ddffffffff", read: (reader: Reader) => reader.bytes() },
    { form: "ddffffffff", read: (reader: Reader) => reader.ownBytes() },
    { form: "dfffffffff", read: (reader: Reader) => reader.struct() },
    { form: "dbffffffff", read: (reader: Reader) => reader.skip() },
  ])("believes no length beyond the end of the bytes: $form", ({ form, read }) => {
    expect(() => read(new Reader(unhex(`${form}0102`)))).toThrow(
      expect.objectContaining({ reason: "truncated" }),
    );
  });

  test("passes over a value that is nested a million times", () => {
    const deep = new Uint8Array(1_000_001).fill(0x91);
    deep[1_000_000] = 0xc0;
    const reader = new Reader(deep);
    reader.skip();
    expect(reader.position).toBe(deep.length);
    expect(() => new Reader(deep.subarray(0, 1_000_000)).skip()).toThrow(DecodeError);
  });

  test("copies what is to be kept and hands out views of the rest", () => {
    const input = Buffer.from("a20102a20304", "hex");
    const reader = new Reader(input);
    const kept = reader.ownBytes();
    const view = reader.bytes();
    input.fill(0xee);
    expect(kept).toEqual(unhex("0102"));
    expect(hex(view as Uint8Array)).toBe("eeee");
  });
});
