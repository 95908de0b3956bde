import { describeStep } from "./faults.js";
import { minimise } from "./minimise.js";
import { drawPlan, type Plan } from "./plan.js";
import { type Outcome, simulate } from "./trial.js";

/** The last lines of the history that are shown with a failure. */
const shownLines = 40;

/** The plan of a seed, of which only the steps with these numbers are made; all if undefined. */
export function planOf(seed: number, numbers: readonly number[] | undefined): Plan {
  const plan = drawPlan(seed);
  if (numbers === undefined) return plan;
  return { ...plan, steps: plan.steps.filter((_, number) => numbers.includes(number)) };
}

/** The numbers of the fewest steps of a seed that still break `rule`. */
function fewestSteps(seed: number, rule: string): readonly number[] {
  const all = drawPlan(seed).steps.map((_, number) => number);
  return minimise(all, (numbers) => simulate(planOf(seed, numbers)).failure?.rule === rule);
}

/** What is told of a seed that failed: the rule, the fewest steps, what happened, and the command. */
export function explain(seed: number, failure: NonNullable<Outcome["failure"]>): string {
  const numbers = fewestSteps(seed, failure.rule);
  const plan = planOf(seed, numbers);
  const outcome = simulate(plan);
  const { conditions, encrypted, nodes, profile } = plan;
  const place = Object.entries(conditions).map(([name, value]) => `${name} ${value}`);
  return [
    `seed ${seed}: ${failure.rule}: ${outcome.failure?.message ?? failure.message}`,
    `  ${nodes.length} members, ${profile}${encrypted ? ", encrypted" : ""}; ${place.join(", ")}`,
    `  of ${drawPlan(seed).steps.length} steps these ${numbers.length} are enough:`,
    ...numbers.map((number, index) => {
      const step = plan.steps[index];
      return `  ${number}: ${step === undefined ? "" : describeStep(step)}`;
    }),
    "  what happened last:",
    ...outcome.lines.slice(-shownLines).map((line) => `    ${line}`),
    `  again: npm run sim -- --seed ${seed} --steps ${numbers.join(",") || "none"}`,
  ].join("\n");
}
