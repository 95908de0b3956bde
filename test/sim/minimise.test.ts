import { expect, test } from "vitest";
import { minimise } from "../../src/sim/minimise.js";

const steps = Array.from({ length: 20 }, (_, index) => index);

test.for([{ culprits: [7] }, { culprits: [0, 19] }, { culprits: [3, 4, 11] }, { culprits: [] }])(
  "of 20 steps $culprits are left if they are enough",
  ({ culprits }) => {
    const fails = (kept: readonly number[]): boolean => culprits.every((one) => kept.includes(one));
    expect(minimise(steps, fails)).toEqual(culprits);
  },
);

test("it ends when it has asked often enough, with something that fails", () => {
  let asked = 0;
  const found = minimise(
    steps,
    (kept) => {
      asked += 1;
      return kept.length > 1 && kept.includes(3) && kept.includes(17);
    },
    6,
  );
  expect(asked).toBe(6);
  expect(found).toEqual(expect.arrayContaining([3, 17]));
});
