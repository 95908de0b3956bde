import { describe, expect, test } from "vitest";
import {
  minSuspicion,
  pushPullInterval,
  queryTimeout,
  retransmitLimit,
} from "../../src/swim/scaling.js";
import { suspicionTimeout } from "../../src/swim/suspicion.js";
import formulas from "../fixtures/vectors/formulas.json" with { type: "json" };

describe("what memberlist and Serf compute", () => {
  test.for(formulas.suspicionTimeout)(
    "min suspicion of $n members, $mult × $interval_ms",
    (row) => {
      expect(minSuspicion(row.mult, row.n, row.interval_ms)).toBe(row.timeout_ms);
    },
  );

  test.for(formulas.retransmitLimit)("copies among $n members, $mult", (row) => {
    expect(retransmitLimit(row.mult, row.n)).toBe(row.limit);
  });

  test.for(formulas.pushPullScale)("push/pull interval of $n members", (row) => {
    expect(pushPullInterval(row.interval_ms, row.n)).toBe(row.scaled_ms);
  });

  test.for(formulas.queryTimeout)("query timeout of $n members", (row) => {
    expect(queryTimeout(row.gossip_ms, row.mult, row.n)).toBe(row.timeout_ms);
  });

  test.for(formulas.remainingSuspicion)(
    "$confirmations of $k confirmations, $elapsed_ms ms after the start",
    (row) => {
      const bounds = { min: row.min_ms, max: row.max_ms, expected: row.k };
      const remaining = suspicionTimeout(row.confirmations, bounds) - row.elapsed_ms;
      expect(remaining).toBe(row.remaining_ms);
    },
  );
});

test("34: a broadcast is sent 4 times among 9 members and 8 times among 10", () => {
  expect([retransmitLimit(4, 9), retransmitLimit(4, 10)]).toEqual([4, 8]);
});

test.for([100, 1_000, 10_000, 100_000, 1_000_000])(
  "the logarithm of %i is exact, so the steps are where Go has them",
  (members) => {
    const digits = String(members).length - 1;
    expect(retransmitLimit(1, members - 1)).toBe(digits);
    expect(retransmitLimit(1, members)).toBe(digits + 1);
    expect(minSuspicion(1, members, 1_000)).toBe(digits * 1_000);
  },
);
