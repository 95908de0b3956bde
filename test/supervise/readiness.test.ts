import { expect, test } from "vitest";
import { Readiness } from "../../src/supervise/readiness.js";

/** What the checks in `history`, + for good and - for bad, make of it after each. */
function course(rise: number, fall: number, history: string): string {
  const readiness = new Readiness({ rise, fall });
  return [...history]
    .map((check) => {
      const before = readiness.isReady;
      const changed = readiness.take(check === "+");
      expect(changed).toBe(readiness.isReady !== before);
      return readiness.isReady ? "R" : "s";
    })
    .join("");
}

test.for<{ rise: number; fall: number; history: string; states: string }>([
  { rise: 1, fall: 3, history: "--+", states: "ssR" },
  { rise: 3, fall: 1, history: "++-+++-", states: "sssssRs" },
  { rise: 1, fall: 3, history: "+--+--+---", states: "RRRRRRRRRs" },
  { rise: 2, fall: 2, history: "++--+-++", states: "sRRssssR" },
])("rise $rise, fall $fall: $history gives $states", ({ fall, history, rise, states }) => {
  expect(course(rise, fall, history)).toBe(states);
});
