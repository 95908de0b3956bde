import { expect, test } from "vitest";
import { estimatedRtt } from "../../src/lib/coordinates.js";

const here = { vec: [0, 0], height: 0.001, adjustment: 0, error: 1 };
const there = { vec: [0.003, 0.004], height: 0.001, adjustment: 0.001, error: 1 };

test("the round trip is the distance and both ways into the network, in milliseconds", () => {
  expect(estimatedRtt(here, there)).toBe(8);
});

test("without both there is none, nor between spaces of other dimensions", () => {
  expect(estimatedRtt(here, undefined)).toBeUndefined();
  expect(estimatedRtt(undefined, there)).toBeUndefined();
  expect(estimatedRtt(here, { ...there, vec: [0.003] })).toBeUndefined();
  expect(estimatedRtt({ ...here, vec: [0] }, there)).toBeUndefined();
});
