import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import {
  compactionBytes,
  compactSnapshot,
  formatRecord,
  parseLine,
  recordOf,
  replaySnapshot,
  type SnapshotRecord,
} from "../../src/serf/snapshot.js";
import { memberOf } from "../support/members.js";

const recorded = JSON.parse(
  readFileSync(new URL("../fixtures/vectors/snapshot.json", import.meta.url), "utf8"),
) as {
  lines: string[];
  state_before_last_line: {
    alive: string[];
    clock: number;
    event_clock: number;
    query_clock: number;
  };
};

function replay(lines: readonly string[], rejoin = false) {
  const { alive, ...rest } = replaySnapshot(lines.map((line) => `${line}\n`).join(""), rejoin);
  const addresses = Array.from(alive, ([name, address]) => [name, formatAddress(address)]);
  return { ...rest, alive: Object.fromEntries(addresses) };
}

test("the file of a real agent adds up to what it knew", () => {
  const before = recorded.state_before_last_line;
  expect(replay(recorded.lines.slice(0, -1))).toEqual({
    alive: Object.fromEntries(before.alive.map((name) => [name, expect.any(String)])),
    clock: before.clock,
    eventClock: before.event_clock,
    queryClock: before.query_clock,
    unknown: [],
  });
  expect(replay(recorded.lines).alive).toEqual({ s1: "127.0.0.1:20031" });
});

test("with rejoin a leave forgets nothing", () => {
  expect(replay(recorded.lines, true)).toMatchObject({
    alive: { s1: "127.0.0.1:20031" },
    clock: 2,
    eventClock: 1,
    queryClock: 1,
  });
});

test("we write the lines of a real agent", () => {
  for (const line of recorded.lines) {
    const record = parseLine(line);
    if (record === undefined || record === "nothing") throw new Error(`unreadable: ${line}`);
    expect(formatRecord(record)).toBe(`${line}\n`);
  }
});

test.for([
  { line: "alive: a b c 10.0.0.1:7946", alive: { "a b c": "10.0.0.1:7946" } },
  { line: "alive:  10.0.0.1:7946", alive: { "": "10.0.0.1:7946" } },
  { line: "alive: six [fe80::1]:80", alive: { six: "[fe80::1]:80" } },
])("$line means $alive", ({ line, alive }) => {
  expect(replay([line])).toMatchObject({ alive, unknown: [] });
});

test.for(["# a comment", "coordinate: {}", "# alive: a 10.0.0.1:7946"])(
  "%s says nothing",
  (line) => {
    expect(replay([line])).toEqual({
      alive: {},
      clock: 0,
      eventClock: 0,
      queryClock: 0,
      unknown: [],
    });
  },
);

test.for([
  "",
  "alive: a",
  "alive: a 10.0.0.1",
  "alive: a 10.0.0.256:1",
  "alive: a 10.0.0.1:65536",
  "clock: x",
  "clock: -1",
  "clock: 9007199254740992",
  "leave now",
  "tomorrow: 7",
])("'%s' is skipped and reported", (line) => {
  expect(replay(["clock: 3", line])).toMatchObject({ alive: {}, clock: 3, unknown: [line] });
});

test("what was not written to the end does not count", () => {
  expect(replaySnapshot("clock: 3\nclock: 45", false).clock).toBe(3);
  expect(replaySnapshot("leave", false)).toMatchObject({ unknown: [] });
});

test.for([
  { kind: "member-join", line: "alive: a 10.0.1.1:7946\n" },
  { kind: "member-leave", line: "not-alive: a\n" },
  { kind: "member-failed", line: "not-alive: a\n" },
  { kind: "member-update", line: undefined },
  { kind: "member-reap", line: undefined },
] as const)("$kind writes $line", ({ kind, line }) => {
  const record = recordOf(kind, memberOf("a"));
  expect(record && formatRecord(record)).toBe(line);
});

test("a name with a newline is not written", () => {
  const name = "a\nleave";
  expect(formatRecord({ kind: "not-alive", name })).toBeUndefined();
  expect(formatRecord({ kind: "alive", name, address: memberOf("a").address })).toBeUndefined();
});

test.for([
  { alive: 0, bytes: 131_072 },
  { alive: 512, bytes: 131_072 },
  { alive: 513, bytes: 131_328 },
])("with $alive members a file is compacted above $bytes bytes", ({ alive, bytes }) => {
  expect(compactionBytes(alive)).toBe(bytes);
});

const name = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\n"));
const address = fc
  .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(65_535))
  .map(([ip, port]) => ({ ip, port }));
const ltime = fc.nat(Number.MAX_SAFE_INTEGER);
const record: fc.Arbitrary<SnapshotRecord> = fc.oneof(
  fc.record({ kind: fc.constant("alive" as const), name, address }),
  fc.record({ kind: fc.constant("not-alive" as const), name }),
  fc.record({ kind: fc.constantFrom("clock" as const, "event-clock" as const), ltime }),
  fc.constant({ kind: "leave" as const }),
);

test("every record is read as it was written", () => {
  fc.assert(
    fc.property(record, (one) => {
      const line = formatRecord(one);
      expect(line?.endsWith("\n")).toBe(true);
      expect(parseLine(line?.slice(0, -1) ?? "")).toEqual(one);
    }),
  );
});

test("a compacted file adds up to the same", () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const text = records.map((one) => formatRecord(one)).join("");
      const state = replaySnapshot(text, false);
      expect(replaySnapshot(compactSnapshot(state), false)).toEqual(state);
    }),
  );
});

test("any text can be replayed", () => {
  const text = fc.array(
    fc.constantFrom("alive: ", "clock: ", "leave", "\n", " ", "a", "1", ":", "."),
  );
  fc.assert(
    fc.property(text, (pieces) => {
      expect(replaySnapshot(pieces.join(""), false).unknown.length).toBeLessThanOrEqual(16);
    }),
  );
});
