import { expect, test } from "vitest";
import { findIncompatible, type Versioned } from "../../src/swim/versions.js";
import type { RemoteState } from "../../src/wire/swim-messages.js";

function member(name: string, versions: number[], state: RemoteState = "alive"): Versioned {
  return { name, state, versions: Uint8Array.from(versions) };
}

const stock = [1, 5, 2, 2, 5, 5];
const us = [member("us", stock)];

test.for<{ why: string; remote: Versioned[]; found: string | undefined }>([
  { why: "stock agents", remote: [member("a", stock), member("b", stock)], found: undefined },
  { why: "an older agent", remote: [member("a", [1, 5, 2, 2, 5, 4])], found: undefined },
  {
    why: "a member with a protocol that we do not know",
    remote: [member("a", [6, 9, 9, 2, 5, 5])],
    found: "Node 'a' protocol version (9) is incompatible: [6, 5]",
  },
  {
    why: "a delegate that we do not know",
    remote: [member("a", [1, 5, 2, 2, 7, 7])],
    found: "Node 'a' delegate protocol version (7) is incompatible: [2, 5]",
  },
  {
    why: "a left member without versions: none of the ranges, but it must be in them",
    remote: [member("a", stock), member("gone", [], "left")],
    found: "Node 'gone' protocol version (0) is incompatible: [1, 5]",
  },
  {
    why: "a dead member whose range does not count",
    remote: [member("gone", [2, 2, 2, 5, 5, 5], "dead")],
    found: undefined,
  },
  {
    why: "an alive member that shuts our own out",
    remote: [member("a", [3, 5, 3, 2, 5, 5])],
    found: "Node 'us' protocol version (2) is incompatible: [3, 5]",
  },
])("1.11: $why", ({ remote, found }) => {
  expect(findIncompatible(us, remote)).toBe(found);
});
