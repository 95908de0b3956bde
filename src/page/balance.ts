import type { BalancerStatus, PoolStatus, ServerStatus } from "../lb/status.js";

/** How a server stands between what is wanted and what is served. */
export type Match = "same" | "differs" | "unknown";

/** What a proxy's state has to be for what is wanted of a server. */
const stateFor = { ready: "ready", drain: "drain", out: "maint" } as const;

/** `unknown` while the proxy cannot be asked: what it serves is then whatever it served before. */
export function matchOf({ desired, served, weight }: ServerStatus, answers: boolean): Match {
  if (!answers) return "unknown";
  if (desired === null) return served === null || served.state === "maint" ? "same" : "differs";
  if (served === null) return desired.admission === "out" ? "same" : "differs";
  if (served.state !== stateFor[desired.admission]) return "differs";
  return desired.admission === "ready" && served.weight !== weight ? "differs" : "same";
}

export function answers({ process }: BalancerStatus): boolean {
  return process !== null;
}

export function countDiffering(pools: readonly PoolStatus[], known: boolean): number {
  return pools
    .flatMap(({ servers }) => servers)
    .filter((server) => matchOf(server, known) === "differs").length;
}
