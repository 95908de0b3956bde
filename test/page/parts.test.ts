import fc from "fast-check";
import { expect, test } from "vitest";
import type { ServerStatus } from "../../src/lb/status.js";
import { slotsOf, spanOf } from "../../src/page/activity.js";
import { countDiffering, type Match, matchOf } from "../../src/page/balance.js";
import { EventStreamReader } from "../../src/page/event-stream.js";
import { ago, duration, listed, shortened, shown } from "../../src/page/format.js";
import type { Happening } from "../../src/page/state.js";

const ready = { name: "s01", state: "ready", weight: 10, up: true, inUse: 0 } as const;

const server: ServerStatus = {
  node: "web",
  ip: "10.0.0.2",
  port: 80,
  weight: 10,
  desired: { admission: "ready", cause: "alive" },
  inFile: true,
  served: ready,
  since: "2026-01-01T00:00:00.000Z",
};

const out = { admission: "out", cause: "failed" } as const;
const drain = { admission: "drain", cause: "suspected" } as const;

test.for<[Partial<ServerStatus>, Match]>([
  [{}, "same"],
  [{ served: { ...ready, weight: 5 } }, "differs"],
  [{ served: { ...ready, state: "drain" } }, "differs"],
  [{ served: null }, "differs"],
  [{ desired: out }, "differs"],
  [{ desired: out, served: { ...ready, state: "maint" } }, "same"],
  [{ desired: out, served: null }, "same"],
  [{ desired: drain, served: { ...ready, state: "drain", weight: 3 } }, "same"],
  [{ desired: drain }, "differs"],
  [{ desired: null }, "differs"],
  [{ desired: null, served: { ...ready, state: "maint" } }, "same"],
])("a server with %o is %s", ([traits, match]) => {
  expect(matchOf({ ...server, ...traits }, true)).toBe(match);
});

test("of a proxy that does not answer nothing is known, and so nothing differs", () => {
  const pool = { name: "web", servers: [{ ...server, served: null }], free: 0 };
  expect(matchOf({ ...server, served: null }, false)).toBe("unknown");
  expect(countDiffering([pool], false)).toBe(0);
  expect(countDiffering([pool], true)).toBe(1);
});

test("events are read alike in whatever pieces they come", () => {
  const text =
    "retry: 1000\nid: 1-0\n\n: beat\n\nevent: member\nid: 1-1\ndata: {\r\ndata: }\r\n\r\ndata:x\n\nevent: deed\n\n";
  const whole = new EventStreamReader().read(text);
  expect(whole).toEqual([
    { name: "member", data: "{\n}", id: "1-1" },
    { name: "message", data: "x", id: "1-1" },
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 90 }), (sizes) => {
      const reader = new EventStreamReader();
      const events = [];
      let rest = text;
      for (const size of sizes) {
        events.push(...reader.read(rest.slice(0, size)));
        rest = rest.slice(size);
      }
      events.push(...reader.read(rest));
      expect(events).toEqual(whole);
    }),
  );
});

test.for<[number, string]>([
  [0.42, "0.4 ms"],
  [9.96, "10 ms"],
  [999.6, "1 s"],
  [1_440, "1.4 s"],
  [59_600, "1 min"],
  [123_000, "2 min 3 s"],
  [7_200_000, "2 h"],
  [100 * 3_600_000, "4 d 4 h"],
  [Number.NaN, "–"],
])("%d ms are %s", ([millis, text]) => {
  expect(duration(millis)).toBe(text);
});

test("texts are short and show no character that is none", () => {
  expect(ago(1_500)).toBe("now");
  expect(ago(3 * 60_000)).toBe("3 min ago");
  expect(listed(["a", "b", "c", "d"])).toBe("a, b and 2 more");
  expect(listed(["a", "b"])).toBe("a and b");
  expect(shortened("a-very-long-name-of-a-member", 12)).toBe("a-very-…mber");
  expect([...shortened("👍".repeat(20), 5)].length).toBe(5);
  expect(shown("a\u202eb\u0007")).toBe("a\u{fffd}b\u{fffd}");
});

test("the strip holds what lies in its span, and grows with what is on record", () => {
  const at = (age: number, seq: number): Happening => ({
    seq,
    at: 10_000_000 - age,
    deed: { kind: "leaving", node: "n" },
  });
  const happenings = [at(20 * 60_000, 1), at(10_000, 2), at(0, 3)];
  const span = spanOf(happenings, 10_000_000);
  expect(span).toBe(3_600_000);
  const slots = slotsOf(happenings, 10_000_000, span, 60);
  expect(slots.length).toBe(60);
  expect(slots.reduce((sum, { total }) => sum + total, 0)).toBe(3);
  const newest = slotsOf(happenings, 9_990_000, 60_000, 60);
  expect(newest.map(({ total }) => total).filter((total) => total > 0)).toEqual([2]);
  expect(newest.at(-1)?.total).toBe(2);
});
