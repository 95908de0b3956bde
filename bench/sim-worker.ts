import { parentPort } from "node:worker_threads";
import { explain, planOf } from "#sim/report.js";
import { simulate } from "#sim/trial.js";

/** What became of one seed. */
export interface SeedResult {
  readonly seed: number;
  /** Of its history. */
  readonly digest: string;
  /** What broke, the fewest steps and the command; undefined if all was well. */
  readonly failure: string | undefined;
}

parentPort?.on("message", (seed: number) => {
  const plan = planOf(seed, undefined);
  const { digest, failure } = simulate(plan);
  const result: SeedResult = {
    seed,
    digest,
    failure: failure === undefined ? undefined : explain(plan, failure),
  };
  parentPort?.postMessage(result);
});
