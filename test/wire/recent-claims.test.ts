import { describe, expect, test } from "vitest";
import { packCompound } from "../../src/wire/compound.js";
import { type Alive, decodePacket, encodePacketMessage } from "../../src/wire/swim-messages.js";

function claimOf(index: number): Alive {
  return {
    kind: "alive",
    node: `member-${index}`,
    incarnation: index + 1,
    ip: Uint8Array.of(10, index >> 16, (index >> 8) & 0xff, index & 0xff),
    port: 7_946,
    meta: Uint8Array.of(255, index & 0xff),
    versions: Uint8Array.of(1, 5, 2, 2, 5, 4),
  };
}

function read(...frames: Uint8Array[]): unknown[] {
  const { faults, messages } = decodePacket(packCompound(frames));
  expect(faults).toEqual([]);
  return messages;
}

const other = encodePacketMessage({ kind: "nack", seq: 1 });

describe("an alive claim that comes again", () => {
  test("is taken apart once, and its frame is kept once", () => {
    const frame = encodePacketMessage(claimOf(1));
    const [first] = read(frame, other);
    const [, again] = read(other, frame);
    expect(again).toBe(first);
    expect(again).toEqual(claimOf(1));
    expect(encodePacketMessage(claimOf(1))).toBe(encodePacketMessage(claimOf(1)));
  });

  test("is another one if any byte differs", () => {
    const frame = encodePacketMessage(claimOf(2));
    const [first] = read(frame, other);
    const before = structuredClone(first);
    for (let index = 1; index < frame.length; index += 1) {
      const changed = Uint8Array.from(frame);
      changed[index] = (changed[index] as number) ^ 1;
      expect(decodePacket(packCompound([changed, other])).messages[0]).not.toBe(first);
    }
    expect(read(frame, other)[0]).toEqual(before);
  });

  test("stays what it says, however many others there are", () => {
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 5_000; index += 1) {
        expect(read(encodePacketMessage(claimOf(index)), other)[0]).toEqual(claimOf(index));
      }
    }
  });
});
