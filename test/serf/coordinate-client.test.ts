import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distanceNanos } from "../../src/base/coordinate-distance.js";
import { SeededRandom } from "../../src/base/random.js";
import { type Coordinate, freshCoordinate, isPlausible } from "../../src/serf/coordinate.js";
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

const origin = freshCoordinate();

function elsewhere(parts: Partial<Coordinate> = {}): Coordinate {
  return { ...origin, vec: [0.01, 0, 0, 0, 0, 0, 0, 0], ...parts };
}

/** A client that has settled a little. */
function settledClient(): CoordinateClient {
  const client = new CoordinateClient("self", new SeededRandom(1));
  for (let round = 0; round < 10; round += 1) client.update("a", elsewhere(), 12);
  return client;
}

describe("a coordinate that makes no sense changes nothing", () => {
  const withPart = (part: number): number[] => [0, 0, part, 0, 0, 0, 0, 0];

  test.for<{ what: string; other: Coordinate }>([
    { what: "no dimension", other: elsewhere({ vec: [] }) },
    { what: "a dimension less", other: elsewhere({ vec: [0, 0, 0, 0, 0, 0, 0] }) },
    { what: "a dimension more", other: elsewhere({ vec: [0, 0, 0, 0, 0, 0, 0, 0, 0] }) },
    { what: "NaN in the vector", other: elsewhere({ vec: withPart(Number.NaN) }) },
    {
      what: "infinity in the vector",
      other: elsewhere({ vec: withPart(Number.NEGATIVE_INFINITY) }),
    },
    { what: "an absurd distance", other: elsewhere({ vec: withPart(1e9) }) },
    { what: "a NaN height", other: elsewhere({ height: Number.NaN }) },
    { what: "a negative height", other: elsewhere({ height: -1 }) },
    { what: "a NaN error", other: elsewhere({ error: Number.NaN }) },
    { what: "a negative error", other: elsewhere({ error: -1 }) },
    { what: "an infinite error", other: elsewhere({ error: Number.POSITIVE_INFINITY }) },
    { what: "a NaN adjustment", other: elsewhere({ adjustment: Number.NaN }) },
    { what: "an absurd adjustment", other: elsewhere({ adjustment: -1e9 }) },
  ])("$what", ({ other }) => {
    const client = settledClient();
    const before = client.coordinate;
    client.update("a", other, 12);
    expect(client.coordinate).toBe(before);
    expect(client.known("a")).toEqual(elsewhere());
    expect(client.counters).toEqual({ rejected: 1, zeroRtt: 0, resets: 0 });
  });

  test.for([-1, 10_001, Number.NaN, Number.POSITIVE_INFINITY])("a round trip of %d ms", (rtt) => {
    const client = settledClient();
    const before = client.coordinate;
    client.update("a", elsewhere(), rtt);
    expect(client.coordinate).toBe(before);
    expect(client.counters.rejected).toBe(1);
  });
});

test("a round trip without measurable time counts, and counts as such", () => {
  const client = settledClient();
  const before = client.coordinate;
  client.update("a", elsewhere(), 0);
  expect(client.coordinate).not.toEqual(before);
  expect(client.counters).toEqual({ rejected: 0, zeroRtt: 1, resets: 0 });
});

test("two members at one point are pushed apart by chance", () => {
  const client = new CoordinateClient("self", new SeededRandom(1));
  client.update("a", origin, 10);
  expect(Math.hypot(...client.coordinate.vec)).toBeGreaterThan(0);
});

test("whatever peers say, our coordinate makes sense", () => {
  const part = fc.oneof(fc.double(), fc.double({ min: -12, max: 12 }));
  const update = fc.record({
    vec: fc.array(part, { minLength: 7, maxLength: 9 }),
    error: part,
    adjustment: part,
    height: part,
    rtt: fc.oneof(fc.double(), fc.double({ min: 0, max: 10_000 })),
  });
  fc.assert(
    fc.property(fc.array(update, { maxLength: 50 }), (updates) => {
      const client = new CoordinateClient("self", new SeededRandom(1));
      for (const { rtt, ...other } of updates) {
        client.update("a", other, rtt);
        expect(isPlausible(client.coordinate)).toBe(true);
      }
    }),
  );
});

test("the round trip between two members is estimated from what they last said", () => {
  const client = new CoordinateClient("self", new SeededRandom(1));
  expect(client.known("self")).toEqual(freshCoordinate());
  client.update("a", elsewhere({ vec: [0.01, 0, 0, 0, 0, 0, 0, 0] }), 10);
  client.update("b", elsewhere({ vec: [0.04, 0, 0, 0, 0, 0, 0, 0] }), 40);
  expect(client.rtt("a", "b")).toBeCloseTo(30.02, 5);
  expect(client.known("self")).toEqual(client.coordinate);
  expect(client.rtt("a", "stranger")).toBeUndefined();
  client.forget("a");
  expect(client.rtt("a", "b")).toBeUndefined();
});
