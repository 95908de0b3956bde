import fc from "fast-check";
import { expect, test } from "vitest";
import { formatClaim, parseClaim, termAfter } from "../../src/lb/vip/claim.js";
import { hostIn, isInNetwork, parseNetwork } from "../../src/lb/vip/ipv4-network.js";

test("a claim is read as it was written", () => {
  const claim = { address: "192.0.2.10", stand: "yields", term: 7 } as const;
  expect(formatClaim(claim)).toBe("192.0.2.10 yields 7");
  expect(parseClaim(formatClaim(claim))).toEqual(claim);
});

test.for([
  undefined,
  "",
  "192.0.2.10",
  "192.0.2.10 owns 1",
  "192.0.2.10 holds",
  "192.0.2.10 holds -1",
  "192.0.2.10 holds 1e3",
  "192.0.2.10 holds 9999999999999",
  "192.0.2.10 holds 1 more",
])("%j is no claim", (text) => {
  expect(parseClaim(text)).toBeUndefined();
});

test("no tag of another member is an error, and none leaves us without a term", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const term = parseClaim(text)?.term ?? 0;
      expect(
        parseClaim(formatClaim({ address: "a", stand: "holds", term: termAfter([term]) })),
      ).toBeDefined();
    }),
  );
  expect(termAfter([])).toBe(1);
  expect(termAfter([3, 9, 4])).toBe(10);
  expect(termAfter([2 ** 40])).toBe(2 ** 40);
});

test("a network is read from an address in it, and its hosts are neither its first nor its last", () => {
  const network = parseNetwork("172.31.72.100/24");
  expect(network).toEqual({ base: 0xac_1f_48_00, prefix: 24 });
  if (network === undefined) return;
  expect(isInNetwork("172.31.72.1", network)).toBe(true);
  expect(isInNetwork("172.31.73.1", network)).toBe(false);
  expect([hostIn(network, 0), hostIn(network, 0.999_99)]).toEqual(["172.31.72.1", "172.31.72.254"]);
  for (const text of [
    "172.31.72.100",
    "172.31.72/24",
    "172.31.72.256/24",
    "1.2.3.4/33",
    "::1/64",
  ]) {
    expect(parseNetwork(text)).toBeUndefined();
  }
});
