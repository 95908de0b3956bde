import type { BalancerCounters } from "./status.js";

/** Plain counters, read when somebody asks. */
export type Counters = { -readonly [Name in keyof BalancerCounters]: number };

export function noCounts(): Counters {
  return {
    passes: 0,
    changes: 0,
    runtimeSteps: 0,
    urgentSteps: 0,
    reloads: 0,
    failures: 0,
    refusals: 0,
    reloadFailures: 0,
    rollbacks: 0,
    drift: 0,
  };
}
