import { describe, expect, test } from "vitest";
import { runRumours } from "../../src/sim/rumours.js";
import { memberlistWays } from "../../src/sim/storm.js";

describe.for(["event", "tags", "leave"] as const)(
  "of a group of nine at rest, with news of kind %s,",
  (kind) => {
    const group = { kind, members: 9, rumours: 100, seed: 1 };

    test("nobody is missed", () => {
      expect(runRumours(group)).toMatchObject({ missed: 0 });
    });

    test("somebody is missed now and then where all copies go by chance", () => {
      expect(runRumours({ ...group, config: memberlistWays }).missed).toBeGreaterThan(0);
    });

    test("nobody is missed if every other one goes memberlist's ways", () => {
      expect(runRumours({ ...group, others: memberlistWays })).toMatchObject({ missed: 0 });
    });
  },
);

test("what is new needs no turn of gossip to reach all", () => {
  const { times } = runRumours({ kind: "event", members: 30, rumours: 20, seed: 1 });
  expect(times.at(-1)).toBeLessThan(50);
});
