import type { DetectionSummary, SizeSummary, SpreadSummary } from "../sim/scenario-summary.js";
import type { SizeResult } from "./job.js";
import { bytes, count, digits, memory, none, range, time } from "./units.js";

/** Figures with a row for each size. */
export interface Table {
  readonly title: string;
  /** What the figures are, in a sentence or two. */
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** All tables that the results have something to say for. */
export function tablesOf(results: readonly SizeResult[], compression: boolean): Table[] {
  const summaries = results.map(({ summary }) => summary);
  return [
    joinTable(summaries),
    crashTable(summaries),
    newsTable(summaries),
    trafficTable(summaries, compression),
    alarmTable(summaries),
    costTable(results),
  ].filter(({ rows }) => rows.length > 0);
}

function joinTable(summaries: readonly SizeSummary[]): Table {
  return {
    title: "Join, all members at once and through one",
    note: "Until so many of the views have every member.",
    columns: ["members", "half", "99 %", "all", "incomplete"],
    rows: summaries.flatMap(({ join, nodes, seeds }) =>
      join === undefined ? [] : [[count(nodes), ...spreadCells(join, seeds.length)]],
    ),
  };
}

function newsTable(summaries: readonly SizeSummary[]): Table {
  return {
    title: "News, until so many of the members have it",
    note: "One user event, one member that changes its tags, and all that leave gracefully.",
    columns: ["members", "news", "half", "99 %", "all", "missed"],
    rows: summaries.flatMap(({ leaves, nodes, seeds, tags, userEvent }) => [
      [count(nodes), "event", ...spreadCells(userEvent, seeds.length)],
      [count(nodes), "tags", ...spreadCells(tags, seeds.length)],
      ...(leaves.all.count === 0 ? [] : [[count(nodes), "leave", ...leaveCells(leaves)]]),
    ]),
  };
}

function spreadCells({ all, half, missed, most }: SpreadSummary, runs: number): string[] {
  return [...[half, most, all].map((one) => range(one, runs, time)), count(missed)];
}

/** Over all pairs of one that left and one that should know of it. */
function leaveCells({ curve, missed }: DetectionSummary): string[] {
  return [...[50, 99, 100].map((percent) => time(curve[percent])), count(missed)];
}

const quantiles = ["median", "p90", "p99", "max"] as const;

function crashTable(summaries: readonly SizeSummary[]): Table {
  const row = (nodes: number, what: string, { all, first, missed }: DetectionSummary): string[] => {
    const cells = [first, all].flatMap((one) => quantiles.map((name) => time(one[name])));
    return [count(nodes), what, count(first.count), ...cells, count(missed)];
  };
  return {
    title: "Crashes, until they are known as failures",
    note: "First: until one other member knows; all: until every member does that stayed. Medians and more over those that crashed: processes whose hosts say that nobody listens, and hosts that say nothing.",
    columns: [
      "members",
      "crashed",
      "number",
      "first: median",
      ...quantiles.slice(1),
      "all: median",
      ...quantiles.slice(1),
      "missed",
    ],
    rows: summaries.flatMap(({ hostsLost, killed, nodes }) => [
      ...(killed.first.count === 0 ? [] : [row(nodes, "process", killed)]),
      ...(hostsLost.first.count === 0 ? [] : [row(nodes, "host", hostsLost)]),
    ]),
  };
}

function trafficTable(summaries: readonly SizeSummary[], compression: boolean): Table {
  return {
    title: "Traffic that a member sends, per second",
    note: `Steady: while nothing happened. Overall: from the beginning to the end. UDP with the headers of IP and UDP, 28 bytes for each packet, TCP without; ${compression ? "compressed, as agents do by default" : "not compressed, which agents do by default: push/pulls and large packets become smaller then"}.`,
    columns: ["members", "steady: packets", "UDP", "TCP", "overall: packets", "UDP", "TCP"],
    rows: summaries.map(({ nodes, overall, seeds, steady }) => {
      const cells = [steady, overall].flatMap(({ packets, tcpBytes, udpBytes }) => [
        range(packets, seeds.length, (value) => (value === undefined ? none : digits(value))),
        range(udpBytes, seeds.length, bytes),
        range(tcpBytes, seeds.length, bytes),
      ]);
      return [count(nodes), ...cells];
    }),
  };
}

function alarmTable(summaries: readonly SizeSummary[]): Table {
  return {
    title: "False alarms",
    note: "Members that were here and well and were declared failed, and to how many members that was told; those that stood still or left on purpose apart, with the number of members that were told.",
    columns: [
      "members",
      "declared failed",
      "told to",
      "refuted after",
      "max",
      "never",
      "stalled ones",
      "leaving ones",
    ],
    rows: summaries.map(({ excusedAlarms, falseAlarms, nodes }) => {
      const { believedFor } = falseAlarms;
      return [
        count(nodes),
        count(falseAlarms.members),
        count(falseAlarms.views),
        believedFor.count === 0 ? none : time(believedFor.median),
        believedFor.count === 0 ? none : time(believedFor.max),
        count(believedFor.missing),
        excused(excusedAlarms.stalledMembers, excusedAlarms.stalledViews),
        excused(excusedAlarms.leavingMembers, excusedAlarms.leavingViews),
      ];
    }),
  };
}

/** How many members were declared failed, and at how many others. */
function excused(members: number, views: number): string {
  return members === 0 ? count(0) : `${count(members)} at ${count(views)}`;
}

function costTable(results: readonly SizeResult[]): Table {
  return {
    title: "The simulation itself",
    note: "Virtual time is that of one run; processor time and memory are those of all runs of the size.",
    columns: ["members", "runs", "virtual time", "processor time", "memory"],
    rows: results.map(({ cost, summary }) => [
      count(summary.nodes),
      count(summary.seeds.length),
      range(summary.virtualTime, summary.seeds.length, time),
      time(cost.cpu),
      memory(cost.memoryBytes),
    ]),
  };
}
