import type { ConfigurationName } from "./jobs.js";

/** What the paper says of its 4,320 runs, ten for each combination. */
interface PaperFigures {
  readonly fp: number;
  readonly fpMinus: number;
  /** Millions. */
  readonly messages: number;
  readonly gibibytes: number;
}

/** Tables IV and VI, read in the paper. */
export const paperFigures: Partial<Record<ConfigurationName, PaperFigures>> = {
  SWIM: { fp: 339_002, fpMinus: 1_326, messages: 435.33, gibibytes: 149.15 },
  "LHA-Probe": { fp: 229_574, fpMinus: 436, messages: 428.62, gibibytes: 134.28 },
  "LHA-Suspicion": { fp: 10_174, fpMinus: 89, messages: 484.55, gibibytes: 158.87 },
  "Buddy System": { fp: 318_935, fpMinus: 591, messages: 435.62, gibibytes: 147.67 },
  Lifeguard: { fp: 5_193, fpMinus: 25, messages: 481.42, gibibytes: 146.13 },
};

/** False positives and median full detection, percent of SWIM's: only read off a bar chart by pixel. */
export const paperTuning: Partial<Record<ConfigurationName, { fp: number; full: number }>> = {
  Lifeguard: { fp: 1.8, full: 100.1 },
  "Lifeguard, α 4": { fp: 4.7, full: 84.3 },
  "Lifeguard, α 2": { fp: 13.6, full: 56.5 },
};

/** Runs that {@link paperFigures} are the sums of. */
export const paperRuns = 4_320;
