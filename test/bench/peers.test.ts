import { describe, expect, test } from "vitest";
import { parseChange } from "../../bench/peers/member-watch.js";
import { parseTraffic } from "../../bench/peers/metric-dump.js";
import { parsePeersOptions } from "../../bench/peers/options.js";
import { parseMemory } from "../../bench/peers/proc.js";
import { compare, Sheet } from "../../bench/peers/sheet.js";
import { median, ratio, summaryOf } from "../../bench/peers/statistics.js";
import { failureLines, markdownTable, shown, textTable } from "../../bench/peers/tables.js";

describe("statistics", () => {
  test.for([
    { values: [3, 1, 2], middle: 2 },
    { values: [10, 9, 1, 2], middle: 5.5 },
    { values: [7], middle: 7 },
    { values: [], middle: Number.NaN },
  ])("the middle of $values is $middle", ({ values, middle }) => {
    expect(median(values)).toBe(middle);
  });

  test("a summary has the ends as well, and there is none of nothing", () => {
    expect(summaryOf([5, 1, 9])).toEqual({ median: 5, least: 1, most: 9, count: 3 });
    expect(summaryOf([])).toBeUndefined();
  });

  test("nothing is as much as nothing, and no multiple of it is anything else", () => {
    expect([ratio(0, 0), ratio(3, 0), ratio(3, 2)]).toEqual([1, undefined, 1.5]);
  });
});

describe("the sheet", () => {
  test("puts values of one figure under one condition into one row, in the order of the figures", () => {
    const sheet = new Sheet();
    sheet.add("serf", "10 agents", [{ figure: "killLast", value: 6_000 }]);
    sheet.add("serf", "1 agent", [{ figure: "start", value: 10 }]);
    sheet.add("gossipd", "10 agents", [{ figure: "killLast", value: 2_000 }]);
    sheet.add("gossipd", "50 agents", [{ figure: "lost", variant: "200/s", value: 1 }]);
    expect(sheet.rows()).toEqual([
      { figure: "start", condition: "1 agent", values: { serf: [10], gossipd: [], floor: [] } },
      {
        figure: "lost",
        condition: "50 agents, 200/s",
        values: { serf: [], gossipd: [1], floor: [] },
      },
      {
        figure: "killLast",
        condition: "10 agents",
        values: { serf: [6_000], gossipd: [2_000], floor: [] },
      },
    ]);
  });

  test.for([
    { says: "at most 0.4 x Serf, and it is 0.4 x", serf: [5_000], ours: [2_000], reached: true },
    { says: "at most 0.4 x Serf, and it is 0.5 x", serf: [4_000], ours: [2_000], reached: false },
    {
      says: "the worst is worse than Serf's",
      serf: [5_000, 5_000, 5_000],
      ours: [2_000, 2_000, 5_001],
      reached: false,
    },
    { says: "there is nothing of Serf's", serf: [], ours: [2_000], reached: undefined },
  ])("tells whether an aim is reached: $says", ({ serf, ours, reached }) => {
    const values = { serf, gossipd: ours, floor: [] };
    expect(compare({ figure: "killLast", condition: "", values }).reached).toBe(reached);
  });

  test("an aim can be over the floor, and more can be better", () => {
    const start = { serf: [1], gossipd: [45], floor: [30] };
    expect(compare({ figure: "start", condition: "", values: start })).toMatchObject({
      overSerf: 45,
      overFloor: 1.5,
      reached: true,
    });
    const rate = { serf: [54], gossipd: [53], floor: [] };
    expect(compare({ figure: "membersRate", condition: "", values: rate }).reached).toBe(false);
  });
});

describe("tables", () => {
  const sheet = new Sheet();
  sheet.add("serf", "1 agent", [
    { figure: "start", value: 8.04 },
    { figure: "start", value: 7 },
    { figure: "start", value: 9 },
  ]);
  sheet.add("floor", "1 agent", [{ figure: "start", value: 32 }]);
  sheet.add("gossipd", "1 agent", [{ figure: "start", value: 48 }]);
  sheet.add("serf", "50 agents", [{ figure: "falseFailed", value: 0 }]);
  sheet.add("gossipd", "50 agents", [{ figure: "falseFailed", value: 2 }]);

  test("in a document", () => {
    expect(markdownTable(sheet.rows())).toBe(
      [
        "| figure | at | unit | Serf | gossipd | x Serf | x floor | aim |  |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
        "| start to RPC ready | 1 agent | ms | 8.04 (7.00-9.00) | 48.0 | 5.97 | 1.50 | ≤ 1.5 x floor | yes |",
        "| five stopped, healthy ones failed | 50 agents |  | 0 | 2.00 | more than 0 |  | ≤ 1 x Serf | no |",
        "",
      ].join("\n"),
    );
  });

  test("in a terminal the columns stand under each other", () => {
    const [first = "", second = ""] = textTable(sheet.rows()).split("\n");
    expect(first.indexOf("gossipd")).toBe(second.indexOf("48.0"));
  });

  test.for([
    [0, "0"],
    [0.0123, "0.0123"],
    [0.5, "0.500"],
    [9.994, "9.99"],
    [47.3, "47.3"],
    [12_345.6, "12346"],
  ] as const)("%f is shown as %s", ([value, text]) => {
    expect(shown(value)).toBe(text);
  });

  test("what failed is a line", () => {
    const failure = sheet.fail("kill, 50 serf", new Error("waited in vain"));
    expect(failureLines([failure])).toBe("FAILED kill, 50 serf: waited in vain\n");
  });
});

describe("what is read of the agents", () => {
  test.for([
    ["[INFO] serf: EventMemberJoin: n7 127.0.1.7", { kind: "join", member: "n7" }],
    ["[INFO] serf: EventMemberFailed: n7 127.0.1.7", { kind: "failed", member: "n7" }],
    ["[INFO] serf: EventMemberLeave: n7 127.0.1.7", { kind: "leave", member: "n7" }],
    ["[INFO] serf: EventMemberLeave (forced): n7 127.0.1.7", { kind: "leave", member: "n7" }],
    ["[INFO] serf: EventMemberUpdate: n7", undefined],
    ["[INFO] agent: Received event: member-failed", undefined],
  ] as const)("%s", ([line, change]) => {
    expect(parseChange(`2026/11/21 17:25:31 ${line}`)).toEqual(change);
  });

  const stamp = "LastUpdated: 2026-11-21 17:25:39.913212039 +0000 UTC m=+8.01";
  const dump = [
    `[2026-11-21 17:25:30 +0000 UTC][C] 'serf-agent.memberlist.udp.sent': Count: 9 Min: 31.000 Mean: 90.000 Max: 120.000 Stddev: 1.000 Sum: 810.000 ${stamp}`,
    `[2026-11-21 17:25:40 +0000 UTC][C] 'serf-agent.memberlist.udp.sent': Count: 20 Sum: 1800.500 ${stamp}`,
    `[2026-11-21 17:25:40 +0000 UTC][C] 'serf-agent.memberlist.tcp.sent': Count: 2 Sum: 700.000 ${stamp}`,
    `[2026-11-21 18:25:50 +0100 CET][C] 'serf-agent.memberlist.udp.sent': Count: 1 Sum: 93.000 ${stamp}`,
    `[2026-11-21 17:26:00 +0000 UTC][C] 'serf-agent.memberlist.udp.sent': Count: 5 Sum: 5.000 ${stamp}`,
    `[2026-11-21 17:25:40 +0000 UTC][S] 'serf-agent.memberlist.gossip': Count: 40 Sum: 1.018 ${stamp}`,
  ].join("\n");

  test("what went out is summed over the intervals that were asked for", () => {
    const from = Date.parse("2026-11-21T17:25:40Z");
    expect(parseTraffic(dump, from, from + 20_000)).toEqual({
      packets: 21,
      udpBytes: 1_893.5,
      tcpBytes: 700,
    });
  });

  test("memory is what is shared and what is not", () => {
    const text = [
      "55d0c0a00000-7ffd [rollup]",
      "Rss:               10240 kB",
      "Pss:                5120 kB",
      "Private_Clean:      1024 kB",
      "Private_Dirty:      2048 kB",
    ].join("\n");
    expect(parseMemory(text)).toEqual({ rss: 10, pss: 5, own: 3 });
    expect(() => parseMemory("")).toThrow("no Rss in smaps_rollup");
  });
});

describe("options", () => {
  const names = ["start", "kill"];

  test("are all scenarios, ten and fifty agents and two rounds by default", () => {
    expect(parsePeersOptions([], names)).toEqual({
      only: undefined,
      agents: [10, 50],
      rounds: 2,
      json: undefined,
      markdown: false,
    });
  });

  test("choose scenarios and sizes, which come in ascending order", () => {
    const args = ["--only", "kill,start", "--agents=30,5", "--rounds", "7", "--json", "all.json"];
    expect(parsePeersOptions(args, names)).toMatchObject({
      only: ["kill", "start"],
      agents: [5, 30],
      rounds: 7,
      json: "all.json",
    });
  });

  test.for([
    [["--only", "sleep"], "sleep is not one of start, kill"],
    [["--agents", "1"], '--agents: "1" is not a whole number from 2 to 250'],
    [["--rounds", "many"], '--rounds: "many" is not a whole number from 1 to 1000'],
  ] as const)("%j is refused", ([args, message]) => {
    expect(() => parsePeersOptions([...args], names)).toThrow(message);
  });
});
