import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compress, decompress } from "../../src/wire/lzw.js";
import { hex, loadVectors, unhex } from "./vectors.js";
import "../support/seed.js";

interface Vector {
  readonly plain?: string;
  readonly lzw?: string;
  readonly gen?: "zero" | "mod251" | "text" | "lcg";
  readonly n?: number;
  readonly plain_sha256?: string;
  readonly lzw_len?: number;
  readonly lzw_sha256?: string;
}

const { vectors } = loadVectors<{ vectors: Vector[] }>("lzw.json");

function generate(kind: Vector["gen"], length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, (_, index) => {
    if (kind === "zero") return 0;
    if (kind === "mod251") return (index * index) % 251;
    if (kind === "text") return "the quick brown fox ".charCodeAt(index % 20);
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const noLimit = 2 ** 30;

describe("LZW", () => {
  const named = vectors.map((vector) => ({
    name: vector.gen === undefined ? `"${vector.plain}"` : `${vector.n} bytes of ${vector.gen}`,
    vector,
  }));

  test.for(named)("writes and reads $name as Go does", ({ vector }) => {
    const plain =
      vector.plain === undefined ? generate(vector.gen, vector.n as number) : unhex(vector.plain);
    const packed = compress(plain);
    if (vector.lzw !== undefined) expect(hex(packed)).toBe(vector.lzw);
    if (vector.plain_sha256 !== undefined) {
      expect(sha256(plain)).toBe(vector.plain_sha256);
      expect(packed.length).toBe(vector.lzw_len);
      expect(sha256(packed)).toBe(vector.lzw_sha256);
    }
    expect(decompress(packed, plain.length)).toEqual(plain);
  });

  test("needs no clear code at the beginning", () => {
    // The codes 97 and 257, nine bits each.
    expect(hex(decompress(unhex("610202"), noLimit))).toBe("61");
  });

  test("ignores what follows the end code", () => {
    expect(hex(decompress(unhex("00c30404ffff"), noLimit))).toBe("61");
  });

  test.for(["", "00", "0003", "00c304", "00c3081c48b0a0c181"])(
    "refuses %s, which has no end code",
    (packed) => {
      expect(() => decompress(unhex(packed), noLimit)).toThrow(
        expect.objectContaining({ reason: "compression" }),
      );
    },
  );

  test("refuses a code that does not exist yet", () => {
    // Clear, then 258 with nothing before it.
    expect(() => decompress(unhex("00050604"), noLimit)).toThrow(
      expect.objectContaining({ reason: "compression" }),
    );
  });

  test("goes on after the table is full", () => {
    const plain = generate("lcg", 60_000);
    expect(decompress(compress(plain), noLimit)).toEqual(plain);
    // A writer that never clears: literals only, 12 bits each once the table is full.
    const { packed, literals } = neverCleared(9_000);
    expect(decompress(packed, noLimit)).toEqual(literals);
  });

  test("stops at the limit and not before", () => {
    const packed = compress(generate("zero", 100_000));
    expect(decompress(packed, 100_000).length).toBe(100_000);
    for (const limit of [0, 1, 99_999]) {
      expect(() => decompress(packed, limit)).toThrow(expect.objectContaining({ reason: "limit" }));
    }
  });

  test("gives back what it was given", () => {
    const runs = fc.array(fc.tuple(fc.nat(255), fc.nat(400)), { maxLength: 60 });
    const repetitive = runs.map((all) =>
      Uint8Array.from(all.flatMap(([byte, count]) => new Array<number>(count).fill(byte))),
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 3_000 }), repetitive), (plain) => {
        expect(decompress(compress(plain), plain.length)).toEqual(plain);
      }),
    );
  });
});

/** Literals without a clear code: the width follows the count of codes and stays at 12. */
function neverCleared(count: number): { packed: Uint8Array; literals: Uint8Array } {
  const literals = generate("lcg", count);
  const bits: number[] = [];
  const write = (code: number, width: number): void => {
    for (let bit = 0; bit < width; bit += 1) bits.push((code >> bit) & 1);
  };
  let high = 257;
  let width = 9;
  for (const literal of literals) {
    write(literal, width);
    high += 1;
    if (high === 1 << width && width < 12) width += 1;
  }
  write(257, width);
  const packed = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries()) {
    packed[index >> 3] = (packed[index >> 3] as number) | (bit << (index & 7));
  }
  return { packed, literals };
}
