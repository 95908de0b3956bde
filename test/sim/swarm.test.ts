import { expect, test } from "vitest";
import { explain, planOf } from "../../src/sim/report.js";
import { simulate } from "../../src/sim/trial.js";

const { SEED } = process.env;

/** 200 seeds, some at a time. */
const first = SEED === undefined ? [1, 21, 41, 61, 81, 101, 121, 141, 161, 181] : [Number(SEED)];
const count = SEED === undefined ? 20 : 1;

/** What must have happened somewhere in 200 seeds; otherwise they are no test of it. */
const expected = [
  "refutations",
  "pingsRelayed",
  "probesFailed",
  "probesDegraded",
  "suspicionsDegraded",
  "inquiries",
  "pushPullsFailed",
  "streamsDialled",
  "failures",
  "leaves",
  "flaps",
  "updates",
  "duplicates",
  "queryAcks",
  "duplicateQueryAcks",
  "userEvents",
];
const happened = new Map<string, number>();

test.for(first)("groups in trouble keep all rules, and agree in the end (%i and on)", (from) => {
  for (let seed = from; seed < from + count; seed += 1) {
    const { counts, failure } = simulate(planOf(seed, undefined));
    for (const [name, count] of Object.entries(counts)) {
      happened.set(name, (happened.get(name) ?? 0) + count);
    }
    if (failure !== undefined) expect.fail(explain(seed, failure));
  }
});

test.skipIf(SEED !== undefined)("chance has been everywhere in these groups", () => {
  expect(expected.filter((name) => (happened.get(name) ?? 0) === 0)).toEqual([]);
});

// Seeds that found something.
test.for([
  // Who came back at the Lamport time of its leave was held for leaving by those who met it then.
  { seed: 772, steps: undefined },
  // So was one that came back, was suspected by those who met it, and refuted.
  { seed: 3_772, steps: undefined },
  // An operator declares that somebody left who is here: of two members, it was not told to that one;
  { seed: 6_206, steps: undefined },
  // gossip missed it, and it heard only in a push/pull that something had been said;
  { seed: 6_370, steps: undefined },
  // so did one that had never said anything;
  { seed: 6_282, steps: undefined },
  // it was cut off, forgotten, and unknown for ever.
  { seed: 6_583, steps: undefined },
])("seed $seed, which found a fault once, finds none", ({ seed, steps }) => {
  expect(simulate(planOf(seed, steps)).failure).toBeUndefined();
});
