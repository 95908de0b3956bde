import type { Instant, Millis } from "../base/units.js";
import type { FalseAlarmReport } from "./false-alarms.js";
import type { ExcusedAlarms } from "./onlooker.js";
import {
  type Curve,
  type Distribution,
  distributionOf,
  quantile,
  type Range,
  rangeOf,
  sortedTimes,
} from "./quantiles.js";
import type { PhaseName, ScenarioReport, TrafficSample } from "./scenario.js";
import type { SpreadsReport } from "./spread.js";
import type { Traffic } from "./traffic.js";

/** Several runs of one size, with different seeds. Times are in milliseconds. */
export interface SizeSummary {
  readonly nodes: number;
  readonly start: ScenarioReport["start"];
  readonly seeds: readonly number[];
  /** Undefined with a settled start. */
  readonly join: SpreadSummary | undefined;
  readonly userEvent: SpreadSummary;
  readonly tags: SpreadSummary;
  /** These are empty if nobody left, was killed or was lost. */
  readonly leaves: DetectionSummary;
  readonly killed: DetectionSummary;
  readonly hostsLost: DetectionSummary;
  /** Of all runs together. */
  readonly falseAlarms: Omit<FalseAlarmReport, "believedFor"> & {
    /** How long they were believed; missing are those that were believed to the end. */
    readonly believedFor: Distribution;
  };
  readonly excusedAlarms: ExcusedAlarms;
  readonly steady: TrafficSummary;
  readonly overall: TrafficSummary;
  /** Of the first run. */
  readonly timeline: readonly TrafficSample[];
  readonly phases: readonly { readonly name: PhaseName; readonly at: Instant }[];
  readonly virtualTime: Range;
}

/** How soon news reached half, 99 % and all of those that should hear of it. */
export interface SpreadSummary {
  readonly half: Range;
  readonly most: Range;
  readonly all: Range;
  /** Those that had not heard of it in the end, over all runs. */
  readonly missed: number;
  /** At each per cent the middle of the runs. */
  readonly curve: Curve;
}

/** How soon the end of members was known, over the members of all runs. */
export interface DetectionSummary {
  /** Until the first other member knew. */
  readonly first: Distribution;
  /** Until all did that should. */
  readonly all: Distribution;
  /** By members that should know in the end and do not, counted for each that went. */
  readonly missed: number;
  /** Per member that went, sorted: what {@link first} and {@link all} are made of. */
  readonly firstTimes: readonly Millis[];
  readonly allTimes: readonly Millis[];
  /** Over all pairs of one that went and one that should hear of it, the middle of the runs. */
  readonly curve: Curve;
}

/** Per member and second. */
type TrafficSummary = { readonly [Figure in keyof Traffic]: Range };

/** `reports` are of one size, at least one. */
export function summarise(reports: readonly [ScenarioReport, ...ScenarioReport[]]): SizeSummary {
  const [first] = reports;
  const excused = reports.map(({ excusedAlarms }) => excusedAlarms);
  return {
    nodes: first.nodes,
    start: first.start,
    seeds: reports.map(({ seed }) => seed),
    join:
      first.join === undefined
        ? undefined
        : summariseSpreads(reports.flatMap(({ join }) => (join === undefined ? [] : [join]))),
    userEvent: summariseSpreads(reports.map(({ userEvent }) => userEvent)),
    tags: summariseSpreads(reports.map(({ tags }) => tags)),
    leaves: summariseEnds(reports.map(({ leaves }) => leaves)),
    killed: summariseEnds(reports.map(({ killed }) => killed)),
    hostsLost: summariseEnds(reports.map(({ hostsLost }) => hostsLost)),
    falseAlarms: {
      members: sum(reports.map(({ falseAlarms }) => falseAlarms.members)),
      views: sum(reports.map(({ falseAlarms }) => falseAlarms.views)),
      believedFor: distributionOf(reports.flatMap(({ falseAlarms }) => falseAlarms.believedFor)),
    },
    excusedAlarms: {
      stalledMembers: sum(excused.map(({ stalledMembers }) => stalledMembers)),
      stalledViews: sum(excused.map(({ stalledViews }) => stalledViews)),
      leavingMembers: sum(excused.map(({ leavingMembers }) => leavingMembers)),
      leavingViews: sum(excused.map(({ leavingViews }) => leavingViews)),
    },
    steady: summariseTraffic(reports.map(({ steady }) => steady)),
    overall: summariseTraffic(reports.map(({ overall }) => overall)),
    timeline: first.timeline,
    phases: first.phases,
    virtualTime: rangeOf(reports.map(({ virtualTime }) => virtualTime)),
  };
}

/** What joins and news have in common. */
interface Spreading {
  readonly half: Millis | undefined;
  readonly most: Millis | undefined;
  readonly all: Millis | undefined;
  readonly missed: number;
  readonly curve: Curve;
}

function summariseSpreads(spreads: readonly Spreading[]): SpreadSummary {
  return {
    half: rangeOf(spreads.map(({ half }) => half)),
    most: rangeOf(spreads.map(({ most }) => most)),
    all: rangeOf(spreads.map(({ all }) => all)),
    missed: sum(spreads.map(({ missed }) => missed)),
    curve: middleOf(spreads.map(({ curve }) => curve)),
  };
}

function summariseEnds(ends: readonly SpreadsReport[]): DetectionSummary {
  const first = ends.flatMap((end) => end.first);
  const all = ends.flatMap((end) => end.all);
  return {
    first: distributionOf(first),
    all: distributionOf(all),
    missed: sum(ends.map(({ missed }) => missed)),
    firstTimes: sortedTimes(first),
    allTimes: sortedTimes(all),
    curve: middleOf(ends.map(({ curve }) => curve)),
  };
}

function middleOf(curves: readonly Curve[]): Curve {
  const [first = []] = curves;
  return first.map((_, percent) =>
    quantile(sortedTimes(curves.map((curve) => curve[percent])), 0.5, curves.length),
  );
}

function summariseTraffic(traffics: readonly Traffic[]): TrafficSummary {
  return {
    packets: rangeOf(traffics.map(({ packets }) => packets)),
    udpBytes: rangeOf(traffics.map(({ udpBytes }) => udpBytes)),
    tcpBytes: rangeOf(traffics.map(({ tcpBytes }) => tcpBytes)),
    pushPulls: rangeOf(traffics.map(({ pushPulls }) => pushPulls)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
