import {
  type Anomaly,
  type Detection,
  type IntervalCell,
  type IntervalCounts,
  type LifeguardConfiguration,
  paperCells,
  runInterval,
  runThreshold,
} from "#sim/lifeguard.js";

/** One simulated run. */
export interface Job {
  readonly configuration: ConfigurationName;
  readonly anomaly: Anomaly;
  /** Without an interval it is the threshold experiment. */
  readonly cell: Omit<IntervalCell, "interval"> & { readonly interval?: number };
  readonly seed: number;
}

export interface JobResult {
  readonly job: Job;
  readonly counts: IntervalCounts | undefined;
  readonly detections: readonly (Detection | null)[] | undefined;
}

const parts = (probe: boolean, suspicion: boolean, buddy: boolean) => ({ probe, suspicion, buddy });
const paper = { isolation: false, alpha: 5, beta: 6 } as const;
const lifeguard = { ...paper, parts: parts(true, true, true) } as const;

/** The paper's five, what goes beyond them, and its tuning. */
const configurations = {
  SWIM: { ...paper, parts: parts(false, false, false) },
  "LHA-Probe": { ...paper, parts: parts(true, false, false) },
  "LHA-Suspicion": { ...paper, parts: parts(false, true, false) },
  "Buddy System": { ...paper, parts: parts(false, false, true) },
  Lifeguard: lifeguard,
  "Lifeguard + isolation": { ...lifeguard, isolation: true },
  "Lifeguard, α 4": { ...lifeguard, alpha: 4 },
  "Lifeguard + isolation, α 4": { ...lifeguard, isolation: true, alpha: 4 },
  "Lifeguard, α 2": { ...lifeguard, alpha: 2 },
  "Lifeguard + isolation, α 2": { ...lifeguard, isolation: true, alpha: 2 },
} as const satisfies Record<string, LifeguardConfiguration>;

export type ConfigurationName = keyof typeof configurations;

export const configurationNames = Object.keys(configurations) as ConfigurationName[];

/** The set for a look; the full one is the paper's. */
const quickCells = {
  concurrent: [4, 16, 32],
  duration: [2_048, 8_192, 16_384],
  interval: [64, 1_024, 4_096],
} as const;

/** Detection needs an anomaly that lasts. */
const shortestThreshold = 16_384;

export function jobsOf(options: {
  readonly full: boolean;
  readonly anomalies: readonly Anomaly[];
  readonly configurations: readonly ConfigurationName[];
  readonly seed: number;
}): Job[] {
  const { anomalies, configurations: names, full, seed } = options;
  const cells = full ? paperCells : quickCells;
  const jobs: Job[] = [];
  for (const concurrent of cells.concurrent) {
    for (const duration of cells.duration) {
      const intervals: (number | undefined)[] = [...cells.interval];
      if (duration >= shortestThreshold) intervals.push(undefined);
      for (const interval of intervals) {
        const cell =
          interval === undefined ? { concurrent, duration } : { concurrent, duration, interval };
        // What is compared is run in turns: a run that is cut short has something of everything.
        for (const anomaly of anomalies) {
          for (const configuration of names) jobs.push({ configuration, anomaly, cell, seed });
        }
      }
    }
  }
  return jobs;
}

export function keyOf({ anomaly, cell, configuration, seed }: Job): string {
  return [configuration, anomaly, cell.concurrent, cell.duration, cell.interval, seed].join("/");
}

export function run(job: Job): JobResult {
  const { anomaly, cell, seed } = job;
  const { concurrent, duration, interval } = cell;
  const configuration = configurations[job.configuration];
  if (interval === undefined) {
    const detections = runThreshold(configuration, anomaly, cell, seed);
    return { job, counts: undefined, detections: detections.map((one) => one ?? null) };
  }
  const counts = runInterval(configuration, anomaly, { concurrent, duration, interval }, seed);
  return { job, counts, detections: undefined };
}
