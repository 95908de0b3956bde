import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/errors.js";
import {
  compoundOverheadBytes,
  compoundPartBytes,
  packCompound,
  unpackCompound,
} from "../../src/wire/compound.js";
import { decodePacket } from "../../src/wire/swim-messages.js";
import { hex, unhex } from "./vectors.js";

const frame = (byte: number, length = 1): Uint8Array => new Uint8Array(length).fill(byte);

describe("a compound", () => {
  test("of one frame is that frame", () => {
    const only = frame(8, 5);
    expect(packCompound([only])).toBe(only);
  });

  test("has a count, all lengths, then all parts", () => {
    const packed = packCompound([frame(1, 2), frame(2, 300)]);
    expect(hex(packed.subarray(0, 8))).toBe("07020002012c0101");
    expect(packed.length).toBe(compoundOverheadBytes + 2 * compoundPartBytes + 302);
    expect(partsOf(packed)).toEqual([frame(1, 2), frame(2, 300)]);
    expect(unpackCompound(packed).cut).toBe(false);
  });

  test("of more than 127 frames is one of compounds, in order", () => {
    for (const count of [127, 128, 255, 256, 1_000]) {
      const frames = Array.from({ length: count }, (_, index) => Uint8Array.of(8, index % 256));
      const packed = packCompound(frames);
      expect(Math.max(...countsOf(packed))).toBeLessThanOrEqual(127);
      const payloads = decodePacket(packed).messages.map(
        (one) => one.kind === "user" && one.payload[0],
      );
      expect(payloads).toEqual(frames.map((one) => one[1]));
    }
  });

  test("is never put together from nothing, nor with an empty or too long part", () => {
    expect(() => packCompound([])).toThrow(InvariantError);
    expect(() => packCompound([frame(1), frame(1, 0)])).toThrow(InvariantError);
    expect(() => packCompound([frame(1), frame(1, 65_536)])).toThrow(InvariantError);
    expect(packCompound([frame(1), frame(1, 65_535)]).length).toBe(65_542);
  });

  test.for(["07", "0701", "070100", "07020001"])("%s does not even have its lengths", (bytes) => {
    expect(() => unpackCompound(unhex(bytes))).toThrow(
      expect.objectContaining({ reason: "truncated" }),
    );
  });

  test("that is cut within a part still has the parts before it", () => {
    const packed = packCompound([frame(1, 3), frame(2, 3), frame(3, 3)]);
    const cut = packed.subarray(0, -1);
    expect(partsOf(cut)).toEqual([frame(1, 3), frame(2, 3)]);
    expect(unpackCompound(cut).cut).toBe(true);
  });

  test("may have an empty part, which is a fault of its own", () => {
    const { messages, faults } = decodePacket(unhex("0703000200000002" + "08aa" + "08bb"));
    expect(messages).toEqual([
      { kind: "user", payload: unhex("aa") },
      { kind: "user", payload: unhex("bb") },
    ]);
    expect(faults).toEqual([expect.objectContaining({ reason: "truncated" })]);
  });

  test("of no parts is no message and no fault, and what follows the parts is ignored", () => {
    expect(decodePacket(unhex("0700"))).toEqual({ messages: [], faults: [] });
    expect(decodePacket(unhex("0701000208aaffff")).messages.length).toBe(1);
  });
});

function partsOf(compound: Uint8Array): Uint8Array[] {
  return unpackCompound(compound).parts.map(({ end, start }) => compound.subarray(start, end));
}

/** The counts of a compound and of all compounds in it. */
function countsOf(compound: Uint8Array): number[] {
  const nested = partsOf(compound).filter((part) => part[0] === 7);
  return [compound[1] as number, ...nested.flatMap(countsOf)];
}
