import { describeStep } from "./faults.js";
import { minimise } from "./minimise.js";
import { drawPlan, type Plan } from "./plan.js";
import { type Outcome, simulate } from "./trial.js";

/** The last lines of the history that are shown with a failure. */
const shownLines = 40;

/** `plan` with only the steps of these numbers; with all if undefined. */
export function withSteps(plan: Plan, numbers: readonly number[] | undefined): Plan {
  if (numbers === undefined) return plan;
  return { ...plan, steps: plan.steps.filter((_, number) => numbers.includes(number)) };
}

/** The plan of a seed, of which only the steps with these numbers are made; all if undefined. */
export function planOf(seed: number, numbers: readonly number[] | undefined): Plan {
  return withSteps(drawPlan(seed), numbers);
}

/** The numbers of the fewest steps of a plan that still break `rule`. */
function fewestSteps(plan: Plan, rule: string): readonly number[] {
  const all = plan.steps.map((_, number) => number);
  return minimise(all, (numbers) => simulate(withSteps(plan, numbers)).failure?.rule === rule);
}

/**
 * What is told of a plan that failed: the rule, the fewest steps, what happened, and the command;
 * `which` is how the plan is named in it.
 */
export function explain(
  plan: Plan,
  failure: NonNullable<Outcome["failure"]>,
  which = `--seed ${plan.seed}`,
): string {
  const numbers = fewestSteps(plan, failure.rule);
  const fewest = withSteps(plan, numbers);
  const outcome = simulate(fewest);
  const { conditions, encrypted, nodes, profile, settings } = plan;
  const place = Object.entries({ ...conditions, ...settings }).map(
    ([name, value]) => `${name} ${value}`,
  );
  return [
    `seed ${plan.seed}: ${failure.rule}: ${outcome.failure?.message ?? failure.message}`,
    `  ${nodes.length} members, ${profile}${encrypted ? ", encrypted" : ""}; ${place.join(", ")}`,
    `  of ${plan.steps.length} steps these ${numbers.length} are enough:`,
    ...numbers.map((number, index) => {
      const step = fewest.steps[index];
      return `  ${number}: ${step === undefined ? "" : describeStep(step)}`;
    }),
    "  what happened last:",
    ...outcome.lines.slice(-shownLines).map((line) => `    ${line}`),
    `  again: npm run sim -- ${which} --steps ${numbers.join(",") || "none"}`,
  ].join("\n");
}

/** A plan as a file that can be read: one line for each node and step. */
export function formatPlan(plan: Plan): string {
  const lines = Object.entries(plan).map(([name, value]) => {
    const text = Array.isArray(value)
      ? `[${value.map((one) => `\n    ${JSON.stringify(one)}`).join()}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}
