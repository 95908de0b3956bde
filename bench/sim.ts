import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { explain, planOf } from "#sim/report.js";
import { simulate } from "#sim/trial.js";

const usage = `usage: npm run sim -- [--seeds N] [--first N] [--minutes M]   many seeds, or as many as fit into M minutes
       npm run sim -- --seed N [--steps 1,4|none]               one seed, with some of its steps
`;

/** How often is told how far we are. */
const tellInterval = 10_000;

/** After so many failures there is enough to look at. */
const maxFailures = 10;

const { first, minutes, seed, seeds, steps } = readArguments();
process.exitCode =
  seed === undefined ? runMany(first, seeds, minutes) : runOne(seed, steps) ? 0 : 1;

interface Arguments {
  readonly first: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly seed: number | undefined;
  readonly steps: readonly number[] | undefined;
}

function readArguments(): Arguments {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string" },
        first: { type: "string", default: "1" },
        minutes: { type: "string" },
        seed: { type: "string" },
        steps: { type: "string" },
      },
    });
    const { minutes, seed, seeds, steps } = values;
    const numbers = steps === "none" ? [] : steps?.split(",").map((text) => numberOf(text, 0));
    const unlimited = Number.POSITIVE_INFINITY;
    return {
      first: numberOf(values.first, 0),
      seeds: seeds === undefined ? (minutes === undefined ? 200 : unlimited) : numberOf(seeds, 1),
      minutes: minutes === undefined ? unlimited : numberOf(minutes, 0),
      seed: seed === undefined ? undefined : numberOf(seed, 0),
      steps: numbers,
    };
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : thrown}\n${usage}`);
    process.exit(1);
  }
}

function numberOf(text: string, least: number): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= least) return value;
  throw new Error(`"${text}" is not a number from ${least} on`);
}

function runOne(number: number, numbers: readonly number[] | undefined): boolean {
  const outcome = simulate(planOf(number, numbers));
  const { digest, failure, healedAfter, lines } = outcome;
  process.stdout.write(`${lines.join("\n")}\n`);
  if (failure !== undefined) process.stdout.write(`FAILED: ${failure.rule}: ${failure.message}\n`);
  else process.stdout.write(`all agreed ${healedAfter / 1_000} s after the last fault\n`);
  process.stdout.write(`history ${digest}\n`);
  return failure === undefined;
}

function runMany(from: number, count: number, time: number): number {
  const begin = performance.now();
  const deadline = begin + time * 60_000;
  let toldAt = begin;
  let done = 0;
  let failed = 0;
  const tell = (): void => {
    toldAt = performance.now();
    const perMinute = Math.round((done * 60_000) / (toldAt - begin));
    process.stdout.write(`${done} seeds, ${failed} failed, ${perMinute} a minute\n`);
  };
  for (let number = from; done < count && performance.now() < deadline; number += 1) {
    const { failure } = simulate(planOf(number, undefined));
    done += 1;
    if (failure !== undefined) {
      failed += 1;
      process.stdout.write(`${explain(number, failure)}\n`);
      if (failed === maxFailures) break;
    }
    if (performance.now() - toldAt > tellInterval) tell();
  }
  tell();
  return failed === 0 ? 0 : 1;
}
