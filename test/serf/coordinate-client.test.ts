import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { type Coordinate, distanceNanos } from "../../src/serf/coordinate.js";
import { CoordinateClient } from "../../src/serf/coordinate-client.js";

interface Recorded {
  readonly Vec: number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

const recording = JSON.parse(
  readFileSync(new URL("../fixtures/vectors/coordinates.json", import.meta.url), "utf8"),
) as {
  start: Recorded;
  steps: {
    node: string;
    rtt_ns: number;
    other: Recorded;
    after: Recorded;
    distance_ns_after: number;
  }[];
};

function fromRecorded(recorded: Recorded): Coordinate {
  return {
    vec: recorded.Vec,
    error: recorded.Error,
    adjustment: recorded.Adjustment,
    height: recorded.Height,
  };
}

test("moves bit for bit as a stock client does", () => {
  const client = new CoordinateClient("self", new SeededRandom(1), fromRecorded(recording.start));
  for (const step of recording.steps) {
    client.update(step.node, fromRecorded(step.other), step.rtt_ns / 1e6);
    expect(client.coordinate).toEqual(fromRecorded(step.after));
    expect(distanceNanos(client.coordinate, fromRecorded(step.other))).toBe(step.distance_ns_after);
  }
});
