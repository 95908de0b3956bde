import { expect, test } from "vitest";
import { Suspicion, suspicionTimeout } from "../../src/swim/suspicion.js";

test.for([
  { confirmations: 0, timeout: 30_000 },
  { confirmations: 1, timeout: 16_000 },
  { confirmations: 3, timeout: 2_000 },
])("$confirmations confirmations leave $timeout ms", ({ confirmations, timeout }) => {
  expect(suspicionTimeout(confirmations, { min: 2_000, max: 30_000, expected: 3 })).toBe(timeout);
});

test("nobody to confirm leaves the shortest time", () => {
  expect(suspicionTimeout(0, { min: 4_000, max: 24_000, expected: 0 })).toBe(4_000);
});

test("each accuser counts once, the first one never, and none beyond those expected", () => {
  const suspicion = new Suspicion(1_000, "a", { min: 4_000, max: 24_000, expected: 2 });
  expect(suspicion.deadline).toBe(25_000);
  expect(suspicion.confirm("a")).toBe(false);
  expect(suspicion.confirm("b")).toBe(true);
  expect(suspicion.deadline).toBe(12_381);
  expect(suspicion.confirm("b")).toBe(false);
  expect(suspicion.degraded).toBe(true);
  expect(suspicion.confirm("c")).toBe(true);
  expect(suspicion.deadline).toBe(5_000);
  expect(suspicion.degraded).toBe(false);
  expect(suspicion.confirm("d")).toBe(false);
  expect(suspicion.confirmations).toBe(2);
});
