import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Anomaly } from "#sim/lifeguard.js";
import {
  type ConfigurationName,
  configurationNames,
  type Job,
  type JobResult,
  jobsOf,
  keyOf,
} from "./jobs.js";
import { tablesOf } from "./tables.js";

export const lifeguardUsage = `usage: npm run bench -- lifeguard [--quick|--full] [--jobs N] [--seed N] [--anomalies hang,block,pause]
                                  [--only "SWIM;Lifeguard;..."] [--json FILE]
       with FILE each run is written there, and one that stands there already is not run again
`;

const anomalies: readonly Anomaly[] = ["hang", "block", "pause"];

/** Runs the Lifeguard paper's experiments on our core, and prints its tables beside ours. */
export async function benchLifeguard(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      jobs: { type: "string", default: String(availableParallelism()) },
      seed: { type: "string", default: "1" },
      anomalies: { type: "string", default: anomalies.join(",") },
      only: { type: "string", default: configurationNames.join(";") },
      json: { type: "string" },
    },
  });
  const wanted = anomalies.filter((name) => values.anomalies.split(",").includes(name));
  const only = values.only.split(";");
  const unknown = only.find((name) => !configurationNames.includes(name as ConfigurationName));
  if (unknown !== undefined) throw new Error(`--only: there is no configuration ${unknown}`);
  const jobs = jobsOf({
    full: values.full,
    anomalies: wanted,
    configurations: configurationNames.filter((name) => only.includes(name)),
    seed: Number(values.seed),
  });
  const results = readResults(values.json, jobs);
  await runAll(jobs, results, Number(values.jobs), values.json);
  process.stdout.write(
    `\nnpm run bench -- lifeguard ${args.join(" ")} (seed ${values.seed}, Node.js ${process.version})\n`,
  );
  for (const anomaly of wanted) {
    process.stdout.write(`\n${tablesOf([...results.values()], anomaly)}`);
  }
}

function readResults(file: string | undefined, jobs: readonly Job[]): Map<string, JobResult> {
  const results = new Map<string, JobResult>();
  if (file === undefined || !existsSync(file)) return results;
  const keys = new Set(jobs.map(keyOf));
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line === "") continue;
    const result = JSON.parse(line) as JobResult;
    const key = keyOf(result.job);
    if (keys.has(key)) results.set(key, result);
  }
  return results;
}

async function runAll(
  jobs: readonly Job[],
  results: Map<string, JobResult>,
  workers: number,
  file: string | undefined,
): Promise<void> {
  const waiting = jobs.filter((job) => !results.has(keyOf(job)));
  const tell = (): void => {
    process.stderr.write(`\r${results.size} of ${jobs.length} runs`);
  };
  tell();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(new URL("./worker.js", import.meta.url));
      const feed = (): void => {
        const job = waiting.shift();
        if (job === undefined) void worker.terminate();
        else worker.postMessage(job);
      };
      worker.on("message", (result: JobResult) => {
        results.set(keyOf(result.job), result);
        if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
        tell();
        feed();
      });
      feed();
      await once(worker, "exit");
    }),
  );
  process.stderr.write("\n");
}
