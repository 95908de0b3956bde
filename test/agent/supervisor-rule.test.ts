import { expect, test } from "vitest";
import { stopTime } from "../../src/agent/supervisor-rule.js";

test.for([
  { spent: 0, given: 0, time: 7_000 },
  { spent: 2_500, given: 0, time: 4_500 },
  { spent: 6_000, given: 0, time: 1_000 },
  { spent: 60_000, given: 0, time: 1_000 },
  { spent: 6_000, given: 30_000, time: 30_000 },
])("after a drain of $spent ms, $given ms being set: $time ms", ({ given, spent, time }) => {
  expect(stopTime({ stopTimeout: given }, spent)).toBe(time);
});
