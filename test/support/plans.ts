import { readFileSync } from "node:fs";
import type { Plan } from "../../src/sim/plan.js";

/** A plan of test/fixtures/plans, as `npm run sim -- --seed N --save FILE` writes them. */
export function planNamed(name: string): Plan {
  const file = new URL(`../fixtures/plans/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Plan;
}
