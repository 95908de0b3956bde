import { expect, test } from "vitest";
import { Awareness } from "../../src/swim/awareness.js";

test("the score stays between 0 and 7 and stretches the interval up to eightfold", () => {
  const awareness = new Awareness(8);
  expect(awareness.scale(1_000)).toBe(1_000);
  awareness.apply(-1);
  expect(awareness.score).toBe(0);
  awareness.apply(3);
  expect(awareness.scale(1_000)).toBe(4_000);
  awareness.apply(100);
  expect(awareness.score).toBe(7);
  expect(awareness.scale(1_000)).toBe(8_000);
  awareness.apply(-1);
  expect(awareness.score).toBe(6);
});
