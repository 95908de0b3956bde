import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import type { Plan } from "#sim/plan.js";
import { explain, formatPlan, planOf, withSteps } from "#sim/report.js";
import { simulate } from "#sim/trial.js";
import { Ordered } from "./sim-order.js";
import { simulateMany } from "./sim-pool.js";

const usage = `usage: npm run sim -- [--seeds N] [--first N] [--minutes M] [--jobs N] [--digests]
         many seeds, or as many as fit into M minutes, on all cores or on N
       npm run sim -- --seed N [--steps 1,4|none] [--save FILE]
         one seed, with some of its steps; its plan is kept in FILE
       npm run sim -- --plan FILE [--steps 1,4|none]
         a plan that was kept
`;

/** How often is told how far we are: on a terminal, and elsewhere. */
const tellInterval = process.stdout.isTTY ? 500 : 30_000;

/** After so many failures there is enough to look at. */
const maxFailures = 10;

const given = readArguments();
process.exitCode = (await run()) ? 0 : 1;

interface Arguments {
  readonly first: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly jobs: number;
  readonly digests: boolean;
  /** One alone, and how it is named in a command. */
  readonly plan: { readonly whole: Plan; readonly which: string } | undefined;
  readonly steps: readonly number[] | undefined;
  readonly save: string | undefined;
}

function readArguments(): Arguments {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string" },
        first: { type: "string", default: "1" },
        minutes: { type: "string" },
        jobs: { type: "string", default: String(availableParallelism()) },
        digests: { type: "boolean", default: false },
        seed: { type: "string" },
        plan: { type: "string" },
        steps: { type: "string" },
        save: { type: "string" },
      },
    });
    const { digests, minutes, plan, save, seed, seeds, steps } = values;
    const unlimited = Number.POSITIVE_INFINITY;
    return {
      first: numberOf(values.first, 0),
      seeds: seeds === undefined ? (minutes === undefined ? 200 : unlimited) : numberOf(seeds, 1),
      minutes: minutes === undefined ? unlimited : numberOf(minutes, 0),
      jobs: numberOf(values.jobs, 1),
      digests,
      plan: readPlan(seed, plan),
      steps: steps === "none" ? [] : steps?.split(",").map((text) => numberOf(text, 0)),
      save,
    };
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : thrown}\n${usage}`);
    process.exit(1);
  }
}

function readPlan(seed: string | undefined, file: string | undefined): Arguments["plan"] {
  if (file !== undefined) {
    return { whole: JSON.parse(readFileSync(file, "utf8")) as Plan, which: `--plan ${file}` };
  }
  if (seed === undefined) return undefined;
  return { whole: planOf(numberOf(seed, 0), undefined), which: `--seed ${seed}` };
}

function numberOf(text: string, least: number): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= least) return value;
  throw new Error(`"${text}" is not a number from ${least} on`);
}

/** True if no rule was broken. */
async function run(): Promise<boolean> {
  const { plan, save, steps } = given;
  if (plan === undefined) return runMany();
  const { which, whole } = plan;
  const chosen = withSteps(whole, steps);
  if (save !== undefined) writeFileSync(save, formatPlan(chosen));
  const { digest, failure, healedAfter, lines } = simulate(chosen);
  if (failure !== undefined && steps === undefined) {
    process.stdout.write(`${explain(whole, failure, which)}\n`);
    return false;
  }
  process.stdout.write(`${lines.join("\n")}\n`);
  if (failure !== undefined) process.stdout.write(`FAILED: ${failure.rule}: ${failure.message}\n`);
  else process.stdout.write(`all agreed ${healedAfter / 1_000} s after the last fault\n`);
  process.stdout.write(`history ${digest}\n`);
  return failure === undefined;
}

async function runMany(): Promise<boolean> {
  const { digests, first, jobs, minutes, seeds } = given;
  const begin = performance.now();
  const deadline = begin + minutes * 60_000;
  const failed: number[] = [];
  const ordered = new Ordered(first, ({ digest, seed }) => {
    if (digests) process.stdout.write(`${seed} ${digest}\n`);
  });
  let nextSeed = first;
  let done = 0;
  const line = (): string => {
    const perMinute = Math.round((done * 60_000) / (performance.now() - begin));
    const total = Number.isFinite(seeds) ? ` of ${seeds}` : "";
    return `${done}${total} seeds, ${failed.length} failed, ${perMinute} a minute`;
  };
  const ticker = setInterval(() => {
    process.stdout.write(process.stdout.isTTY ? `\r\u001b[K${line()}` : `${line()}\n`);
  }, tellInterval);
  await simulateMany({
    jobs,
    next: () => {
      if (nextSeed >= first + seeds || performance.now() >= deadline) return undefined;
      return failed.length < maxFailures ? nextSeed++ : undefined;
    },
    done: (result) => {
      done += 1;
      ordered.add(result);
      if (result.failure === undefined) return;
      failed.push(result.seed);
      process.stdout.write(`${process.stdout.isTTY ? "\r\u001b[K" : ""}${result.failure}\n`);
    },
  });
  clearInterval(ticker);
  process.stdout.write(`${process.stdout.isTTY ? "\r\u001b[K" : ""}${line()}\n`);
  process.stdout.write(
    `seeds ${first} to ${ordered.next - 1}, all histories together ${ordered.digest}; go on with --first ${ordered.next}\n`,
  );
  if (failed.length > 0) {
    process.stdout.write(`failed: ${failed.toSorted((one, other) => one - other).join(", ")}\n`);
  }
  return failed.length === 0;
}
