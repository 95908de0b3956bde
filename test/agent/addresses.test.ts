import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import {
  advertisedAddress,
  localAddress,
  resolveAdvertise,
  resolveBind,
  splitHostPort,
} from "../../src/agent/addresses.js";
import { addressToAdvertise } from "../../src/agent/interfaces.js";
import { isPublic, mapped, unmapped } from "../../src/agent/ip-ranges.js";
import { parseTarget, resolveTargets } from "../../src/agent/join-targets.js";
import { formatAddress, formatIp, parseIp } from "../../src/base/address.js";
import type { Bytes } from "../../src/base/units.js";

function ip(text: string): Bytes {
  const bytes = parseIp(text);
  if (bytes === undefined) throw new Error(`no address: ${text}`);
  return bytes;
}

describe("host and port", () => {
  test.for([
    { text: "a", host: "a", port: undefined },
    { text: "a:1", host: "a", port: 1 },
    { text: ":1", host: "", port: 1 },
    { text: "[::1]", host: "::1", port: undefined },
    { text: "[::1]:1", host: "::1", port: 1 },
  ])("$text", ({ text, host, port }) => {
    expect(splitHostPort(text)).toEqual({ host, port });
  });

  test.for([
    { text: "::1", fault: "address ::1: too many colons in address" },
    { text: "a:http", fault: "address tcp/http: unknown port" },
    { text: "a:99999", fault: "address 99999: invalid port" },
    { text: "[::1", fault: "address [::1: too many colons in address" },
    { text: "[a", fault: "brackets do not match" },
  ])("$text is refused", ({ text, fault }) => {
    expect(() => splitHostPort(text)).toThrow(fault);
  });
});

describe("-bind and -iface", () => {
  test.for([
    { bind: "127.0.0.5", bound: "127.0.0.5:7946" },
    { bind: "127.0.0.5:1", bound: "127.0.0.5:1" },
    { bind: "[::1]", bound: "[::1]:7946" },
    { bind: "[::1]:1", bound: "[::1]:1" },
    { bind: ":1", bound: "0.0.0.0:1" },
    { bind: "localhost:1", bound: "127.0.0.1:1" },
  ])("$bind", async ({ bind, bound }) => {
    const { address, notice } = await resolveBind({ bind, interface: "" });
    expect(formatAddress(address)).toBe(bound);
    expect(notice).toBeUndefined();
  });

  const loopback = Object.entries(networkInterfaces()).find(([, all]) =>
    all?.some(({ address }) => address === "127.0.0.1"),
  )?.[0] as string;

  test("an interface gives the address if none is bound", async () => {
    const { address, notice } = await resolveBind({ bind: "0.0.0.0:1", interface: loopback });
    expect(formatAddress(address)).toBe("127.0.0.1:1");
    expect(notice).toBe(`Using interface '${loopback}' address '127.0.0.1'`);
  });

  test("an interface must own the address that is bound", async () => {
    const { address } = await resolveBind({ bind: "127.0.0.1:1", interface: loopback });
    expect(formatAddress(address)).toBe("127.0.0.1:1");
    await expect(resolveBind({ bind: "127.0.0.9:1", interface: loopback })).rejects.toThrow(
      `Interface '${loopback}' has no '127.0.0.9' address`,
    );
  });

  test.for([
    { bind: "127.0.0.1:abc", fault: "Invalid bind address: address tcp/abc: unknown port" },
    // Too long for a name, so that nobody's resolver is asked.
    { bind: `${"x".repeat(64)}.invalid`, fault: "Invalid bind address: lookup xxx" },
  ])("$bind is refused", async ({ bind, fault }) => {
    await expect(resolveBind({ bind, interface: "" })).rejects.toThrow(fault);
  });
});

describe("-advertise", () => {
  const bound = { ip: ip("127.0.0.5"), port: 1_234 };

  test.for([
    { text: "", advertised: "127.0.0.5:1234" },
    { text: "10.0.0.1", advertised: "10.0.0.1:1234" },
    { text: "10.0.0.1:5", advertised: "10.0.0.1:5" },
    { text: "[fd00::1]:5", advertised: "[fd00::1]:5" },
    { text: "10.0.0.1:0", advertised: "10.0.0.1:1234" },
    { text: ":5", advertised: "127.0.0.5:5" },
    { text: "0.0.0.0", advertised: "127.0.0.5:1234" },
    { text: "[::]:5", advertised: "127.0.0.5:5" },
  ])(
    "'$text' inherits what it does not say from the bind address",
    async ({ text, advertised }) => {
      const choice = await resolveAdvertise(text);
      expect(formatAddress(advertisedAddress(choice, bound))).toBe(advertised);
    },
  );

  test("IPv4 that was given has four bytes", async () => {
    const choice = await resolveAdvertise("10.0.0.1");
    expect(advertisedAddress(choice, bound).ip).toEqual(ip("10.0.0.1"));
    expect(advertisedAddress(await resolveAdvertise(""), bound).ip).toEqual(ip("127.0.0.5"));
  });

  test("a bad one is refused by name", async () => {
    await expect(resolveAdvertise("127.0.0.1:abc")).rejects.toThrow(
      "Invalid advertise address: address tcp/abc: unknown port",
    );
  });

  test.for([
    {
      hosts: ["127.0.0.1", "8.8.8.8", "fd00::1", "192.168.1.2", "10.0.0.1"],
      chosen: "192.168.1.2",
    },
    { hosts: ["127.0.0.1", "8.8.8.8", "fe80::1", "fd00::1"], chosen: "fd00::1" },
    { hosts: ["::1", "2a00::1", "169.254.1.1", "8.8.8.8"], chosen: "8.8.8.8" },
    { hosts: ["::1", "fe80::1", "2a00::1"], chosen: "2a00::1" },
    { hosts: ["::1", "127.0.0.1", "fe80::1"], chosen: undefined },
  ])("of $hosts it is $chosen when all are bound", ({ hosts, chosen }) => {
    const found = addressToAdvertise(hosts.map(ip));
    expect(found === undefined ? undefined : formatIp(found)).toBe(chosen);
  });

  test("a chosen IPv4 address is announced in its long form", () => {
    expect(mapped(ip("10.0.0.1"))).toEqual(ip("::ffff:10.0.0.1"));
    expect(mapped(ip("fd00::1"))).toEqual(ip("fd00::1"));
    expect(unmapped(ip("::ffff:10.0.0.1"))).toEqual(ip("10.0.0.1"));
    expect(unmapped(ip("fd00::1"))).toEqual(ip("fd00::1"));
  });
});

test.for([
  { text: "8.8.8.8", isIt: true },
  { text: "::ffff:8.8.8.8", isIt: true },
  { text: "2a00::1", isIt: true },
  { text: "172.32.0.1", isIt: true },
  { text: "172.31.0.1", isIt: false },
  { text: "10.255.0.1", isIt: false },
  { text: "::ffff:192.168.0.1", isIt: false },
  { text: "100.64.0.1", isIt: false },
  { text: "127.9.9.9", isIt: false },
  { text: "192.0.2.7", isIt: false },
  { text: "fd12::1", isIt: false },
  { text: "fe80::1", isIt: false },
  { text: "::1", isIt: false },
])("$text is public: $isIt", ({ text, isIt }) => {
  expect(isPublic(ip(text))).toBe(isIt);
});

describe("addresses to join", () => {
  test.for([
    { text: "a", target: { name: "", host: "a", port: 7 } },
    { text: "a:1", target: { name: "", host: "a", port: 1 } },
    { text: "n/a", target: { name: "n", host: "a", port: 7 } },
    { text: "n/a:1", target: { name: "n", host: "a", port: 1 } },
    { text: "n/[::1]:1", target: { name: "n", host: "::1", port: 1 } },
    { text: "[::1]", target: { name: "", host: "::1", port: 7 } },
    { text: "::1", target: { name: "", host: "::1", port: 7 } },
    { text: "n/fd00::1", target: { name: "n", host: "fd00::1", port: 7 } },
  ])("$text", ({ text, target }) => {
    expect(parseTarget(text, 7)).toEqual(target);
  });

  test("are all tried, each once, and the port is our own bind port by default", async () => {
    const { targets, failures } = await resolveTargets(
      ["127.0.0.1", "n/127.0.0.2:5", "127.0.0.1:7", "localhost"],
      7,
    );
    expect(failures).toEqual([]);
    expect(targets.map(({ address, name }) => `${name}/${formatAddress(address)}`)).toEqual(
      expect.arrayContaining(["/127.0.0.1:7", "n/127.0.0.2:5"]),
    );
    expect(new Set(targets.map(({ address }) => formatAddress(address))).size).toBe(targets.length);
  });

  test("that cannot be resolved do not stop the others", async () => {
    const { targets, failures } = await resolveTargets(["/x", "127.0.0.1", "a:b:c"], 7);
    expect(targets).toEqual([{ address: { ip: ip("127.0.0.1"), port: 7 }, name: "" }]);
    expect(failures).toEqual([
      "Failed to resolve /x: empty node name provided",
      "Failed to resolve a:b:c: address a:b:c: too many colons in address",
    ]);
  });
});

test.for([
  { host: "", address: "127.0.0.1:7373" },
  { host: "0.0.0.0", address: "127.0.0.1:7373" },
  { host: "::", address: "[::1]:7373" },
  { host: "10.1.2.3", address: "10.1.2.3:7373" },
  { host: "2001:db8::5", address: "[2001:db8::5]:7373" },
  { host: "localhost", address: "localhost:7373" },
])("what listens at '$host' is reached at $address", ({ host, address }) => {
  expect(localAddress(host, 7373)).toBe(address);
});
