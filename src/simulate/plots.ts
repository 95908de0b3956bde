import type { Curve } from "../sim/quantiles.js";
import type { SizeSummary } from "../sim/scenario-summary.js";
import type { SizeResult } from "./job.js";
import { count } from "./units.js";

/** A plot as the page's script draws it. All series have a value, or none, at each of {@link xs}. */
export interface Plot {
  readonly title: string;
  readonly note: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly xs: readonly number[];
  readonly series: readonly Series[];
}

export interface Axis {
  readonly label: string;
  /** What stands behind a value where one is shown: `s`, `%`, `B/s`. */
  readonly unit: string;
  readonly log: boolean;
}

export interface Series {
  readonly label: string;
  /** Which colour it has; those that belong together have the same. */
  readonly colour: number;
  readonly dashed: boolean;
  /** Values hold until the next one; otherwise lines connect them. */
  readonly stepped: boolean;
  readonly ys: readonly (number | null)[];
}

/** What is drawn over time has so many points. */
const points = 400;

const seconds: Axis = { label: "seconds", unit: "s", log: false };
const percent = (label: string): Axis => ({ label, unit: "%", log: false });

/** All plots that the results have something to show for. */
export function plotsOf(results: readonly SizeResult[]): Plot[] {
  const summaries = results.map(({ summary }) => summary);
  return [
    joinPlot(summaries),
    knownPlot(summaries),
    distributionPlot(summaries),
    newsPlot(summaries),
    trafficPlot(summaries),
    ...(new Set(summaries.map(({ nodes }) => nodes)).size > 1
      ? [bandwidthPlot(summaries), scalingPlot(summaries)]
      : []),
  ].filter(({ series }) => series.length > 0);
}

function joinPlot(summaries: readonly SizeSummary[]): Plot {
  return overTime(
    "Convergence after all join at once",
    "Share of the members whose view has everybody.",
    { ...seconds, label: "seconds since all joined through one member" },
    percent("complete views, %"),
    summaries.flatMap(({ join, nodes }, colour) =>
      join === undefined ? [] : [curveLine(`${count(nodes)} members`, colour, join.curve)],
    ),
  );
}

function knownPlot(summaries: readonly SizeSummary[]): Plot {
  return overTime(
    "Who knows of a crash",
    "Share of the living members that hold a crashed one for failed, over all that crashed.",
    { ...seconds, label: "seconds since the crash" },
    percent("members that know, %"),
    summaries.flatMap(({ hostsLost, killed, nodes }, colour) => [
      ...(killed.first.count === 0
        ? []
        : [curveLine(`${count(nodes)}, process killed`, colour, killed.curve)]),
      ...(hostsLost.first.count === 0
        ? []
        : [curveLine(`${count(nodes)}, host lost`, colour, hostsLost.curve, true)]),
    ]),
  );
}

function distributionPlot(summaries: readonly SizeSummary[]): Plot {
  const lines = summaries.flatMap(({ hostsLost, killed, nodes }, colour) =>
    [
      { ...killed, what: "process killed", dashed: false },
      { ...hostsLost, what: "host lost", dashed: true },
    ].flatMap(({ all, allTimes, dashed, what }) => {
      if (all.count === 0) return [];
      return [
        { label: `${count(nodes)}, ${what}`, colour, dashed, times: allTimes, of: all.count },
      ];
    }),
  );
  return overTime(
    "Detection times",
    "Share of the crashed members that everybody knew to have failed by then.",
    { ...seconds, label: "seconds since the crash" },
    percent("crashed members known to all, %"),
    lines.map(({ of, times, ...line }) => ({
      ...line,
      points: times.map((at, index) => [at / 1_000, ((index + 1) / of) * 100]),
    })),
  );
}

function newsPlot(summaries: readonly SizeSummary[]): Plot {
  const [only] = summaries;
  const lines =
    summaries.length === 1 && only !== undefined
      ? [
          curveLine("user event", 0, only.userEvent.curve),
          curveLine("tags", 1, only.tags.curve),
          ...(only.leaves.first.count === 0 ? [] : [curveLine("leave", 2, only.leaves.curve)]),
        ]
      : summaries.map(({ nodes, userEvent }, colour) =>
          curveLine(`${count(nodes)} members`, colour, userEvent.curve),
        );
  return overTime(
    summaries.length === 1 ? "How news spread" : "How a user event spreads",
    "Share of the members that have heard of it.",
    { ...seconds, label: "seconds since it was said" },
    percent("members that know, %"),
    lines,
  );
}

/** Sizes take different times, so each is drawn as far as it went. */
function trafficPlot(summaries: readonly SizeSummary[]): Plot {
  const ends = summaries.map(({ timeline }) => timeline.at(-1)?.at ?? 0);
  const xs = Array.from({ length: points + 1 }, (_, index) => {
    return ((index / points) * Math.max(...ends)) / 1_000;
  });
  const [only] = summaries;
  const phases = summaries.length === 1 ? (only?.phases ?? []) : [];
  const told = phases.map(({ at, name }) => `${name} ${Math.round(at / 1_000)} s`).join(", ");
  return {
    title: "Traffic over time",
    note: `What a member sends on average, UDP and TCP${told === "" ? "" : `; phases: ${told}`}.`,
    x: { ...seconds, label: "seconds of virtual time" },
    y: { label: "bytes per second and member", unit: "B/s", log: true },
    xs,
    series: summaries.map(({ nodes, timeline }, colour) => ({
      label: `${count(nodes)} members`,
      colour,
      dashed: false,
      stepped: true,
      ys: xs.map((x) => {
        const sample = timeline.find(({ at }) => at >= x * 1_000);
        if (sample === undefined) return null;
        // Nothing at all has no place on a logarithmic axis.
        return Math.max(1, sample.udpBytes + sample.tcpBytes);
      }),
    })),
  };
}

const bySize: Axis = { label: "members", unit: "members", log: true };

function bandwidthPlot(summaries: readonly SizeSummary[]): Plot {
  const sorted = summaries.toSorted((one, other) => one.nodes - other.nodes);
  const line = (
    label: string,
    colour: number,
    value: (summary: SizeSummary) => number | undefined,
  ): Series => ({
    label,
    colour,
    dashed: false,
    stepped: false,
    ys: sorted.map((summary) => value(summary) ?? null),
  });
  return {
    title: "Bandwidth by number of members",
    note: "What a member sends while nothing happens.",
    x: bySize,
    y: { label: "bytes per second and member", unit: "B/s", log: false },
    xs: sorted.map(({ nodes }) => nodes),
    series: [
      line("UDP", 0, ({ steady }) => steady.udpBytes.median),
      line("TCP", 1, ({ steady }) => steady.tcpBytes.median),
    ],
  };
}

function scalingPlot(summaries: readonly SizeSummary[]): Plot {
  const sorted = summaries.toSorted((one, other) => one.nodes - other.nodes);
  const line = (
    label: string,
    colour: number,
    value: (summary: SizeSummary) => number | undefined,
  ): Series[] => {
    const ys = sorted.map((summary) => {
      const millis = value(summary);
      return millis === undefined ? null : millis / 1_000;
    });
    if (ys.every((y) => y === null)) return [];
    return [{ label, colour, dashed: false, stepped: false, ys }];
  };
  return {
    title: "Times by number of members",
    note: "Until everybody knows; medians.",
    x: bySize,
    y: { label: "seconds", unit: "s", log: true },
    xs: sorted.map(({ nodes }) => nodes),
    series: [
      ...line("join", 0, ({ join }) => join?.all.median),
      ...line("process killed", 1, ({ killed }) => killed.all.median),
      ...line("host lost", 2, ({ hostsLost }) => hostsLost.all.median),
      ...line("user event", 3, ({ userEvent }) => userEvent.all.median),
      ...line("leave", 4, ({ leaves }) => leaves.all.median),
    ],
  };
}

/** Points of a line: seconds and what there is from then on. */
interface Line {
  readonly label: string;
  readonly colour: number;
  readonly dashed: boolean;
  readonly points: readonly (readonly [number, number])[];
}

function curveLine(label: string, colour: number, curve: Curve, dashed = false): Line {
  const known = curve.flatMap((at, share) =>
    at === undefined ? [] : [[at / 1_000, share] as const],
  );
  return { label, colour, dashed, points: known };
}

/** Draws lines that begin at nothing, on a common grid. */
function overTime(title: string, note: string, x: Axis, y: Axis, lines: readonly Line[]): Plot {
  const last = Math.max(0, ...lines.flatMap(({ points }) => points.at(-1)?.[0] ?? 0));
  const xs = Array.from({ length: points + 1 }, (_, index) => (index / points) * last * 1.02);
  const series = lines.map(({ points: known, ...line }) => ({
    ...line,
    stepped: true,
    ys: xs.map((at) => known.findLast(([from]) => from <= at)?.[1] ?? 0),
  }));
  return { title, note, x, y, xs, series };
}
