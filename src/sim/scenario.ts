import type { Instant, Millis } from "../base/units.js";
import type { SerfConfig } from "../serf/config.js";
import type { Timing } from "../swim/config.js";
import type { FalseAlarmReport } from "./false-alarms.js";
import type { Conditions } from "./network.js";
import type { ExcusedAlarms, JoinReport } from "./onlooker.js";
import type { Fates } from "./roles.js";
import { ScenarioRun } from "./scenario-run.js";
import type { SpreadReport, SpreadsReport } from "./spread.js";
import type { Traffic } from "./traffic.js";

/** A group, what befalls it, and for how long it is watched. The same scenario gives the same report. */
export interface Scenario extends Fates {
  readonly seed: number;
  /** How the group begins: `cold`, all at once and all join the first; or `settled` long ago. */
  readonly start: "cold" | "settled";
  readonly timing: Timing;
  readonly conditions: Conditions;
  readonly compression: boolean;
  /** Whether refused connections count as evidence of a crash. */
  readonly refusals: SerfConfig["refusals"];
  /** How long nothing happens, for the steady traffic. */
  readonly steady: Millis;
  /** Kills happen by chance within so long; 0: all at the same moment. */
  readonly killSpread: Millis;
  /** How long stalled members stand still. */
  readonly stallTime: Millis;
  /**
   * How long the group is watched after the faults began; undefined: until everybody knows of all, and
   * at most so long as the longest suspicion lasts.
   */
  readonly watch: Millis | undefined;
}

export interface ScenarioReport {
  readonly nodes: number;
  readonly seed: number;
  readonly start: Scenario["start"];
  /** Undefined with a settled start. */
  readonly join: JoinReport | undefined;
  readonly userEvent: SpreadReport;
  readonly tags: SpreadReport;
  /** Members that left, as `left`. */
  readonly leaves: SpreadsReport;
  /** Crashes, as `failed`: of processes whose hosts live, and of whole hosts. */
  readonly killed: SpreadsReport;
  readonly hostsLost: SpreadsReport;
  readonly falseAlarms: FalseAlarmReport;
  readonly excusedAlarms: ExcusedAlarms;
  /** While nothing happened, and over all. */
  readonly steady: Traffic;
  readonly overall: Traffic;
  readonly timeline: readonly TrafficSample[];
  /** When what began; the faults are the last. */
  readonly phases: readonly { readonly name: PhaseName; readonly at: Instant }[];
  readonly virtualTime: Millis;
}

/** What was sent per member and second in the time before `at`. */
export interface TrafficSample extends Traffic {
  readonly at: Instant;
}

export type PhaseName = "join" | "settle" | "steady" | "event" | "tags" | "leave" | "faults";

/** What {@link runScenario} says now and then: the share that is done, 0 to 1. */
export type Progress = (done: number) => void;

/** One run of a group in virtual time, measured. */
export function runScenario(scenario: Scenario, progress: Progress = () => {}): ScenarioReport {
  return new ScenarioRun(scenario, progress).run();
}
