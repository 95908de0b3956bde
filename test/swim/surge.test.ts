import { describe, expect, test } from "vitest";
import { profiles, wholeThoroughness } from "../../src/swim/config.js";
import type { MemberState } from "../../src/wire/swim-messages.js";
import { aliveClaim, memberState, noBytes, SwimBench } from "../support/swim-host.js";

const timing = { ...profiles.lan, probeInterval: 1e9, pushPullInterval: 1e9 };

function arrive(bench: SwimBench, from: number, count: number): void {
  for (let number = from; number < from + count; number += 1) {
    bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
}

/** A member that has known `count` others for long. */
function settled(count: number): SwimBench {
  const bench = SwimBench.started({ timing });
  arrive(bench, 2, count);
  exchange(bench);
  bench.run(100_000);
  bench.takeOutputs();
  return bench;
}

/** Somebody else tells us what we know, and `more`. */
function exchange(bench: SwimBench, more: readonly string[] = []): void {
  const names = Object.keys(bench.view()).filter((name) => name !== "me");
  const members: MemberState[] = [...names, ...more].map((name) => memberState(name));
  const own = bench.swim.local;
  const { ip, port } = own.address;
  members.push({ ...memberState("me"), ip, port, incarnation: own.incarnation });
  bench.request({ kind: "push-pull", join: false, members, userState: noBytes });
}

const begun = (bench: SwimBench): number => bench.swim.counters.streamsDialled;

describe("when many come at once, a member", () => {
  test("exchanges all with somebody soon, and again while it is not sure", () => {
    const bench = settled(8);
    const before = begun(bench);
    arrive(bench, 20, 5);
    bench.run(499);
    expect(begun(bench)).toBe(before);
    bench.run(1_001);
    expect(begun(bench)).toBe(before + 1);
    // Nobody answers: five in all, each after about twice the time.
    bench.run(100_000);
    expect(begun(bench)).toBe(before + 5);
  });

  test("exchanges nothing once somebody else's exchange brought nothing new", () => {
    const bench = settled(8);
    const before = begun(bench);
    arrive(bench, 20, 5);
    exchange(bench);
    bench.run(100_000);
    expect(begun(bench)).toBe(before);
  });

  test("goes on if that brought something new", () => {
    const bench = settled(8);
    const before = begun(bench);
    arrive(bench, 20, 5);
    exchange(bench, ["m30"]);
    bench.run(1_500);
    expect(begun(bench)).toBe(before + 1);
  });
});

describe("there is no exchange more", () => {
  test("when few come", () => {
    const bench = settled(40);
    const before = begun(bench);
    arrive(bench, 60, 5);
    bench.run(100_000);
    expect(begun(bench)).toBe(before);
  });

  test("for one that joins a group at rest", () => {
    const bench = SwimBench.started({ timing });
    const members = Array.from({ length: 50 }, (_, index) => memberState(`m${index + 2}`));
    bench.request({ kind: "push-pull", join: true, members, userState: noBytes });
    bench.run(100_000);
    expect(begun(bench)).toBe(0);
  });

  test("where it is switched off", () => {
    const bench = SwimBench.started({
      timing,
      thoroughness: { ...wholeThoroughness, surge: false },
    });
    arrive(bench, 2, 50);
    bench.run(100_000);
    expect(begun(bench)).toBe(0);
  });
});
