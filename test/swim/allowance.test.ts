import { expect, test } from "vitest";
import { Allowance } from "../../src/swim/allowance.js";

test("what was saved may go at once, and no more", () => {
  const allowance = new Allowance(3, 200, 9);
  for (let turn = 0; turn < 3; turn += 1) expect(allowance.take(0, 3)).toBe(true);
  expect(allowance.take(0, 1)).toBe(false);
});

test("it fills with time, up to its burst", () => {
  const allowance = new Allowance(3, 200, 9);
  allowance.spend(0, 9);
  expect(allowance.take(199, 3)).toBe(false);
  expect(allowance.take(200, 3)).toBe(true);
  expect(allowance.take(1e6, 10)).toBe(false);
  expect(allowance.take(1e6, 9)).toBe(true);
});

test("what is spent without asking is missing, but never more than all", () => {
  const allowance = new Allowance(3, 200, 9);
  allowance.spend(0, 30);
  expect(allowance.take(200, 3)).toBe(true);
});

test("time that stands still or falls back adds nothing", () => {
  const allowance = new Allowance(3, 200, 9);
  allowance.spend(1_000, 9);
  expect(allowance.take(500, 1)).toBe(false);
  expect(allowance.take(1_000, 1)).toBe(false);
});
