import { describe, expect, test } from "vitest";
import { profiles, wholeThoroughness } from "../../src/swim/config.js";
import {
  aliveClaim,
  memberState,
  noBytes,
  type SentPacket,
  SwimBench,
} from "../support/swim-host.js";

/** No probes, so that all packets are gossip. */
const timing = { ...profiles.lan, probeInterval: 1e9, pushPullInterval: 1e9 };

/** Nothing goes before its tick. */
const patient = { ...wholeThoroughness, promptness: false };

function gossipOf(bench: SwimBench, time: number): SentPacket[] {
  bench.takePackets();
  bench.run(time);
  return bench.takePackets();
}

function introduce(bench: SwimBench, count: number): void {
  for (let number = 2; number < 2 + count; number += 1) {
    bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
}

/** Lets all that waits go out. */
function quiet(bench: SwimBench): void {
  while (bench.swim.queuedClaims > 0) bench.run(200);
}

describe("gossip", () => {
  test("goes to three others at a time, five times a second", () => {
    const bench = SwimBench.started({ timing, thoroughness: patient });
    introduce(bench, 150);
    const packets = gossipOf(bench, 200);
    expect(new Set(packets.map(({ to }) => to)).size).toBe(3);
    expect(packets.map(({ to }) => to)).not.toContain("10.0.0.1:7946");
    expect(gossipOf(bench, 1_000)).toHaveLength(15);
  });

  test("ends when each claim was sent as often as the group is large", () => {
    const bench = SwimBench.started({ timing });
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    const packets = gossipOf(bench, 10_000);
    expect(packets).toHaveLength(4);
    for (const { messages } of packets) {
      expect(messages.map((message) => "node" in message && message.node)).toEqual(["m2", "me"]);
    }
  });

  test("25: reaches the dead for 30 s and the left never", () => {
    const bench = SwimBench.started({ timing });
    bench.receive("10.0.0.2:7946", aliveClaim("m2"), aliveClaim("m3"));
    bench.receive("10.0.0.2:7946", { kind: "dead", node: "m2", incarnation: 1, from: "m3" });
    bench.receive("10.0.0.3:7946", { kind: "dead", node: "m3", incarnation: 1, from: "m3" });
    expect(bench.view()).toMatchObject({ m2: "dead 1", m3: "left 1" });
    const packets = gossipOf(bench, 29_000);
    expect(new Set(packets.map(({ to }) => to))).toEqual(new Set(["10.0.0.2:7946"]));
    bench.run(2_000);
    bench.receive("10.0.0.4:7946", aliveClaim("m4"));
    const later = gossipOf(bench, 1_000);
    expect(new Set(later.map(({ to }) => to))).toEqual(new Set(["10.0.0.4:7946"]));
  });

  test("reaches suspects", () => {
    const bench = SwimBench.started({ timing, thoroughness: patient });
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    bench.receive("10.0.0.2:7946", { kind: "suspect", node: "m2", incarnation: 1, from: "x" });
    expect(gossipOf(bench, 200)).toMatchObject([{ to: "10.0.0.2:7946" }]);
  });

  test("is nothing when nothing is new", () => {
    const bench = SwimBench.started({ timing });
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    quiet(bench);
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    expect(gossipOf(bench, 10_000)).toEqual([]);
  });
});

test("29: an address is passed on in the form in which it came", () => {
  const bench = SwimBench.started({ timing });
  const ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2);
  bench.receive("10.0.0.2:7946", aliveClaim("m2", { ip }));
  const { messages } = bench.runUntilSent("alive");
  expect(messages).toContainEqual(aliveClaim("m2", { ip }));
  const { reply } = bench.request({
    kind: "push-pull",
    join: false,
    members: [],
    userState: noBytes,
  });
  expect(reply).toMatchObject({
    members: expect.arrayContaining([memberState("m2", { ip })]),
  });
});

test.for(Object.entries(profiles))("the %s profile gossips at its own pace", ([, profile]) => {
  const { gossipInterval, gossipNodes } = profile;
  const bench = SwimBench.started({ timing: { ...timing, gossipInterval, gossipNodes } });
  introduce(bench, 150);
  bench.run(gossipInterval);
  expect(gossipOf(bench, 5 * gossipInterval)).toHaveLength(5 * gossipNodes);
});

/** The addresses of the members that are told, one set for each tick. */
function ticks(bench: SwimBench, count: number): Set<string>[] {
  return Array.from({ length: count }, () => new Set(gossipOf(bench, 200).map(({ to }) => to)));
}

/** With claims of members at addresses of their own. */
function settled(count: number, seed = 1): SwimBench {
  const bench = SwimBench.started(
    { timing, thoroughness: { ...wholeThoroughness, surge: false } },
    seed,
  );
  for (let number = 2; number < 2 + count; number += 1) {
    bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
  quiet(bench);
  bench.run(2_000);
  return bench;
}

describe("what is new", () => {
  const news = { kind: "suspect", node: "m9", incarnation: 1, from: "m2" } as const;

  test("is told to three members at once, and no more often than if it had waited", () => {
    const bench = settled(50);
    bench.receive("10.0.0.2:7946", news);
    expect(gossipOf(bench, 0)).toHaveLength(3);
    const later = gossipOf(bench, 5_000);
    expect(later).toHaveLength(8 - 3);
  });

  test("waits for the tick when there is much of it", () => {
    const bench = settled(50);
    bench.takePackets();
    for (let number = 2; number < 42; number += 1) {
      bench.receive("10.0.0.2:7946", { ...news, node: `m${number}` });
      bench.run(1);
    }
    bench.run(960);
    const packets = bench.takePackets();
    // Nine saved ones, and fifteen a second, of which those of a tick are sent in any case.
    expect(packets.length).toBeGreaterThanOrEqual(15);
    expect(packets.length).toBeLessThanOrEqual(9 + 15 + 3);
  });

  test("goes to both neighbours first, to the next two then, and to no one twice before", () => {
    const told = Array.from({ length: 20 }, (_, index) => {
      const bench = settled(50, index + 1);
      bench.takePackets();
      bench.receive("10.0.0.2:7946", news);
      const first = new Set(gossipOf(bench, 0).map(({ to }) => to));
      const [second = new Set<string>()] = ticks(bench, 1);
      return { first, second };
    });
    const common = (sets: Set<string>[]): string[] =>
      [...(sets[0] ?? [])].filter((to) => sets.every((set) => set.has(to)));
    const nearest = common(told.map(({ first }) => first));
    const next = common(told.map(({ second }) => second));
    expect(nearest).toHaveLength(2);
    expect(next).toHaveLength(2);
    expect(new Set([...nearest, ...next]).size).toBe(4);
  });
});

test.for([
  { waiting: 3, packets: 3 },
  { waiting: 8, packets: 8 },
  { waiting: 100, packets: 12 },
])(
  "when the layer above has $waiting packets to send, $packets members are told at a time",
  ({ packets, waiting }) => {
    const bench = SwimBench.started({
      timing: { ...timing, gossipInterval: 200, gossipNodes: 3 },
      thoroughness: patient,
    });
    introduce(bench, 30);
    bench.run(10_000);
    bench.delegate.broadcasts.push(...Array.from({ length: waiting }, () => new Uint8Array(1_350)));
    bench.swim.noteBroadcast();
    expect(gossipOf(bench, 200)).toHaveLength(packets);
  },
);
