import { expect, test } from "vitest";
import { noMeter } from "../../src/base/meter.js";
import { Broadcasts } from "../../src/serf/broadcasts.js";
import { serfDefaults } from "../../src/serf/config.js";
import { SerfCounters } from "../../src/serf/counters.js";
import { profiles } from "../../src/swim/config.js";
import { Keyring } from "../../src/wire/keyring.js";
import { peerAddress } from "../support/lone-serf.js";
import { RecordedLog } from "../support/recorded-log.js";

class Fixture {
  readonly log = new RecordedLog();
  readonly counters = new SerfCounters();
  readonly broadcasts: Broadcasts;

  constructor(population = 1, keyring?: Keyring) {
    const config = {
      ...serfDefaults,
      name: "self",
      tags: new Map(),
      advertise: peerAddress(1),
      bindPort: 7946,
      timing: profiles.lan,
      keyring,
    };
    this.broadcasts = new Broadcasts(config, this.log, this.counters, noMeter, () => population);
  }

  take(budget: number): number[] {
    return this.broadcasts.take(3, budget).map((message) => message[0] as number);
  }
}

const message = (mark: number, length = 10): Uint8Array => new Uint8Array(length).fill(mark);

test("intents go first, then queries, then events, within one budget", () => {
  const { broadcasts, take } = bound(new Fixture());
  broadcasts.add("event", message(3));
  broadcasts.add("query", message(2));
  broadcasts.add("intent", message(1));
  expect(take(39)).toEqual([1, 2, 3]);
  expect(take(38)).toEqual([1, 2]);
  expect(take(12)).toEqual([]);
});

test.for([
  { population: 9, copies: 4 },
  { population: 10, copies: 8 },
])("with $population members a message is sent $copies times", ({ population, copies }) => {
  const { broadcasts, take } = bound(new Fixture(population));
  let finished = 0;
  broadcasts.add("intent", message(1), () => {
    finished += 1;
  });
  for (let copy = 0; copy < copies; copy += 1) {
    expect(finished).toBe(0);
    expect(take(100)).toEqual([1]);
  }
  expect(finished).toBe(1);
  expect(take(100)).toEqual([]);
});

test.for([
  { encrypted: false, longest: 1_395 },
  { encrypted: true, longest: 1_366 },
])("encrypted $encrypted, up to $longest bytes can be gossiped", ({ encrypted, longest }) => {
  const keyring = encrypted ? new Keyring([new Uint8Array(16)]) : undefined;
  const { broadcasts, counters } = new Fixture(1, keyring);
  let finished = 0;
  broadcasts.add("event", message(1, longest));
  broadcasts.add("event", message(1, longest + 1), () => {
    finished += 1;
  });
  expect(broadcasts.depth("event")).toBe(1);
  expect(counters.unsendable).toBe(1);
  expect(finished).toBe(1);
});

test.for([
  { depth: 127, warned: [], kept: 127 },
  { depth: 128, warned: ["Intent queue depth: 128"], kept: 128 },
  { depth: 4_096, warned: ["Intent queue depth: 4096"], kept: 4_096 },
  {
    depth: 4_097,
    warned: [
      "Intent queue depth: 4097",
      "Intent queue depth (4097) exceeds limit (4096), dropping messages!",
    ],
    kept: 4_096,
  },
])("the check of a queue of $depth keeps $kept", ({ depth, warned, kept }) => {
  const { broadcasts, log } = new Fixture();
  for (let index = 0; index < depth; index += 1) broadcasts.add("intent", message(1));
  broadcasts.checkDepth();
  expect(log.at("warn")).toEqual(warned);
  expect(broadcasts.depth("intent")).toBe(kept);
});

test("a flood between two checks is cut at twice the limit", () => {
  const { broadcasts } = new Fixture();
  for (let index = 0; index < 10_000; index += 1) broadcasts.add("event", message(1));
  expect(broadcasts.depth("event")).toBe(8_192);
});

function bound(fixture: Fixture) {
  const { broadcasts } = fixture;
  return { broadcasts, take: (budget: number) => fixture.take(budget) };
}
