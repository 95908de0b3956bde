import type { Millis } from "../base/units.js";
import type { Scenario } from "../sim/scenario.js";
import type { SizeSummary } from "../sim/scenario-summary.js";
import type { profiles } from "../swim/config.js";

export type ProfileName = keyof typeof profiles;

/** One run; the profile is named, so that who asks for it needs nothing of the core. */
export type Order = Omit<Scenario, "timing"> & { readonly profile: ProfileName };

/** Runs of one size, with different seeds; at least one. */
export type SizeOrder = readonly [Order, ...Order[]];

export interface SizeResult {
  readonly summary: SizeSummary;
  readonly cost: Cost;
}

/** What the simulation itself took, over all runs of a size. */
interface Cost {
  readonly cpu: Millis;
  /** The most that the process had; what runs before it left behind is part of it. */
  readonly memoryBytes: number;
}

/** What the worker says. */
export type Message =
  | { readonly kind: "progress"; readonly progress: JobProgress }
  | { readonly kind: "result"; readonly results: readonly SizeResult[] };

export interface JobProgress {
  /** The share of all that is done, 0 to 1. */
  readonly done: number;
  /** What is being run. */
  readonly nodes: number;
  readonly seed: number;
}
