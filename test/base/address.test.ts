import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatAddress,
  formatIp,
  isFrom,
  isMappedIpv4,
  parseIp,
  sameAddress,
  sameBytes,
} from "../../src/base/address.js";
import "../support/seed.js";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

describe("an IP address", () => {
  test.for([
    { ip: "7f000001", text: "127.0.0.1" },
    { ip: "00000000", text: "0.0.0.0" },
    { ip: "ffffffff", text: "255.255.255.255" },
    { ip: "00000000000000000000000000000000", text: "::" },
    { ip: "00000000000000000000000000000001", text: "::1" },
    { ip: "20010db8000000000000000000000001", text: "2001:db8::1" },
    { ip: "20010db8000000010000000000000001", text: "2001:db8:0:1::1" },
    { ip: "20010db8000000000001000000000001", text: "2001:db8::1:0:0:1" },
    { ip: "20010000000100020003000400050006", text: "2001:0:1:2:3:4:5:6" },
    { ip: "20010db8000100020003000400050000", text: "2001:db8:1:2:3:4:5:0" },
    { ip: "fe800000000000000000000000000000", text: "fe80::" },
    { ip: "0001000200030004000500060000abcd", text: "1:2:3:4:5:6:0:abcd" },
  ])("$ip is written $text and read back", ({ ip, text }) => {
    expect(formatIp(bytes(ip))).toBe(text);
    expect(parseIp(text)).toEqual(bytes(ip));
  });

  test.for([
    { ip: "00000000000000000000ffff7f000001", text: "127.0.0.1" },
    { ip: "", text: "<nil>" },
    { ip: "01", text: "?01" },
    { ip: "0102030405", text: "?0102030405" },
  ])("$ip is written $text, as by Go", ({ ip, text }) => {
    expect(formatIp(bytes(ip))).toBe(text);
  });

  test.for([
    { text: "::ffff:127.0.0.1", ip: "00000000000000000000ffff7f000001" },
    { text: "64:ff9b::192.0.2.33", ip: "0064ff9b0000000000000000c0000221" },
    { text: "1:2:3:4:5:6:1.2.3.4", ip: "00010002000300040005000601020304" },
    { text: "2001:DB8::A", ip: "20010db800000000000000000000000a" },
    { text: "1::", ip: "00010000000000000000000000000000" },
    { text: "1:2:3:4:5:6:7::", ip: "00010002000300040005000600070000" },
    { text: "::2:3:4:5:6:7:8", ip: "00000002000300040005000600070008" },
  ])("$text is read as $ip", ({ text, ip }) => {
    expect(parseIp(text)).toEqual(bytes(ip));
  });

  test.for([
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.-4",
    "1.2.3.4 ",
    "0x7f.0.0.1",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::12345",
    "::g",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1.2.3",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%eth0",
    "[::1]",
  ])("«%s» is none", (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test("is read back from what was written, as the operating system would", () => {
    const ip = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(ip, (given) => {
        const own = Uint8Array.from(given);
        const text = formatIp(own);
        expect(isIP(text)).not.toBe(0);
        expect(parseIp(text)).toEqual(isMappedIpv4(own) ? own.slice(12) : own);
      }),
      { numRuns: 500 },
    );
  });

  test("is read if and only if the operating system reads it", () => {
    const part = fc.constantFrom(
      "0",
      "1",
      "255",
      "256",
      "ffff",
      "10000",
      "",
      ":",
      "::",
      ".",
      "1.2.3.4",
    );
    const text = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(""));
    const colons = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(":"));
    fc.assert(
      fc.property(fc.oneof(text, colons), (given) => {
        expect(parseIp(given)?.length).toBe({ 0: undefined, 4: 4, 6: 16 }[isIP(given)]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("an address", () => {
  test.for([
    { ip: "7f000001", port: 7_946, text: "127.0.0.1:7946" },
    { ip: "00000000000000000000ffff7f000001", port: 1, text: "127.0.0.1:1" },
    { ip: "20010db8000000000000000000000001", port: 0, text: "[2001:db8::1]:0" },
  ])("is written $text", ({ ip, port, text }) => {
    expect(formatAddress({ ip: bytes(ip), port })).toBe(text);
  });

  test("is the same only if bytes and port are", () => {
    const one = { ip: bytes("7f000001"), port: 1 };
    expect(sameAddress(one, { ip: bytes("7f000001"), port: 1 })).toBe(true);
    expect(sameAddress(one, { ...one, port: 2 })).toBe(false);
    expect(sameAddress(one, { ...one, ip: bytes("7f000002") })).toBe(false);
    expect(sameAddress(one, { ...one, ip: bytes("00000000000000000000ffff7f000001") })).toBe(false);
  });

  test.for([
    { one: "", other: "", same: true },
    { one: "01", other: "", same: false },
    { one: "0102", other: "0102", same: true },
    { one: "0102", other: "0103", same: false },
    { one: "0102", other: "010203", same: false },
  ])("«$one» and «$other» as bytes: $same", ({ one, other, same }) => {
    expect(sameBytes(bytes(one), bytes(other))).toBe(same);
  });
});

test.for([
  ["10.0.0.1", "10.0.0.1", true],
  ["::ffff:10.0.0.1", "10.0.0.1", true],
  ["10.0.0.1", "::ffff:10.0.0.1", true],
  ["::ffff:10.0.0.1", "10.0.0.2", false],
  ["fd00::10.0.0.1", "10.0.0.1", false],
  ["fd00::1", "fd00::1", true],
] as const)("what %s advertises, and comes from %s: %s", ([advertised, seen, same]) => {
  const address = { ip: parseIp(advertised) as Uint8Array, port: 7946 };
  const from = { ip: parseIp(seen) as Uint8Array, port: 7946 };
  expect(isFrom(address, from)).toBe(same);
  expect(isFrom(address, { ...from, port: 7947 })).toBe(false);
});
