import { describe, expect, test } from "vitest";
import type { MemberInfo } from "../../src/observe/member-info.js";
import { headlineOf } from "../../src/page/headline.js";
import { type Column, sorted } from "../../src/page/order.js";
import { fits, isNarrow } from "../../src/page/search.js";
import { countStandings, type Standing, standingOf } from "../../src/page/standing.js";
import { memberInfo } from "../support/scripted-agent.js";

const members: readonly MemberInfo[] = [
  memberInfo("web-10", { tags: { role: "web", dc: "east" }, lastRttMillis: 3 }),
  memberInfo("web-9", { tags: { role: "web", dc: "west" }, lastRttMillis: null, rttMillis: 1 }),
  memberInfo("db-1", { status: "failed", lastRttMillis: null, rttMillis: null }),
  memberInfo("db-2", { suspectedBy: ["web-9"], lastRttMillis: 2, address: "10.9.8.7:7946" }),
  memberInfo("old", { status: "left", suspectedBy: ["web-9"], lastRttMillis: 9 }),
];

test.for<[Partial<MemberInfo>, Standing]>([
  [{}, "alive"],
  [{ suspectedBy: ["a"] }, "suspected"],
  [{ status: "leaving", suspectedBy: ["a"] }, "suspected"],
  [{ status: "leaving" }, "leaving"],
  [{ status: "failed", suspectedBy: ["a"] }, "failed"],
  [{ status: "none" }, "alive"],
])("%o counts as %s", ([traits, standing]) => {
  expect(standingOf(memberInfo("n", traits))).toBe(standing);
});

describe("a search", () => {
  test.for<[string, readonly Standing[], readonly string[]]>([
    ["", [], ["web-10", "web-9", "db-1", "db-2", "old"]],
    ["WEB", [], ["web-10", "web-9"]],
    ["role=web dc=w", [], ["web-9"]],
    ["10.9", [], ["db-2"]],
    ["east", [], ["web-10"]],
    ["role=", [], ["web-10", "web-9"]],
    ["", ["failed", "suspected"], ["db-1", "db-2"]],
    ["2", ["suspected"], ["db-2"]],
    ["nobody", [], []],
  ])("for %j of %j finds %j", ([text, standings, names]) => {
    const found = members.filter(fits({ text, standings }));
    expect(found.map(({ name }) => name)).toEqual(names);
  });

  test("of blanks is none", () => {
    expect(isNarrow({ text: "  ", standings: [] })).toBe(false);
    expect(isNarrow({ text: "a", standings: [] })).toBe(true);
  });
});

test.for<[Column, boolean, readonly string[]]>([
  ["name", false, ["db-1", "db-2", "old", "web-9", "web-10"]],
  ["name", true, ["web-10", "web-9", "old", "db-2", "db-1"]],
  ["standing", false, ["db-1", "db-2", "old", "web-9", "web-10"]],
  ["rtt", false, ["web-9", "db-2", "web-10", "old", "db-1"]],
  ["rtt", true, ["old", "web-10", "db-2", "web-9", "db-1"]],
])("by %s, descending: %s, members are %j", ([column, descending, names]) => {
  expect(sorted(members, { column, descending }).map(({ name }) => name)).toEqual(names);
});

test.for<[Partial<Record<Standing, number>>, number, string, string]>([
  [{ alive: 5 }, 0, "good", "All 5 members are alive."],
  [{ alive: 1 }, 0, "good", "This agent is alone."],
  [{ alive: 4, left: 3 }, 0, "good", "All 4 members are alive."],
  [{ alive: 4, leaving: 1 }, 0, "good", "1 leaving."],
  [{ alive: 4, suspected: 1 }, 0, "warn", "1 suspected."],
  [
    { alive: 4, suspected: 1, failed: 2 },
    1,
    "bad",
    "2 members failed, 1 suspected and 1 server not served as wanted.",
  ],
])("of %o with %i differing the headline is %s: %s", ([counts, differing, tone, words]) => {
  const all = { ...countStandings([]), ...counts };
  const self = { joined: true, isolated: false };
  expect(headlineOf(self, all, differing)).toEqual({ tone, words });
});

test("an agent that hears nobody says that before all else", () => {
  const self = { joined: true, isolated: true };
  expect(headlineOf(self, { ...countStandings([]), failed: 4, alive: 1 }, 0).tone).toBe("bad");
  expect(headlineOf(self, { ...countStandings([]), failed: 4 }, 0).words).toContain("hears nobody");
});
