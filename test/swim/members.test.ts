import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { type MemberRecord, Members } from "../../src/swim/members.js";
import type { RemoteState } from "../../src/wire/swim-messages.js";
import { address, noBytes, stockVersions } from "../support/swim-host.js";

function record(name: string, state: RemoteState = "alive", changedAt = 0): MemberRecord {
  return {
    name,
    address: address("10.0.0.1:1"),
    meta: noBytes,
    versions: stockVersions,
    incarnation: 1,
    state,
    changedAt,
    suspicion: undefined,
  };
}

function tableOf(count: number, seed = 1): { members: Members; local: MemberRecord } {
  const members = new Members(new SeededRandom(seed), 1_000);
  const local = record("me");
  members.add(local);
  for (let index = 1; index < count; index += 1) members.add(record(`m${index}`));
  return { members, local };
}

describe("the probe ring", () => {
  test("a round has everybody but ourselves, the dead and the left, each once", () => {
    const { members, local } = tableOf(30);
    members.setState(members.get("m3") as MemberRecord, "dead", 0);
    members.setState(members.get("m4") as MemberRecord, "left", 0);
    members.setState(members.get("m5") as MemberRecord, "suspect", 0);
    for (let round = 0; round < 3; round += 1) {
      const names = Array.from({ length: 27 }, () => members.nextToProbe(0, local, 1_000)?.name);
      expect(new Set(names).size).toBe(27);
      expect(names).not.toContain("me");
      expect(names).not.toContain("m3");
      expect(names).toContain("m5");
    }
  });

  test("the next round has another order", () => {
    const { members, local } = tableOf(30);
    const round = (): string[] =>
      Array.from({ length: 29 }, () => members.nextToProbe(0, local, 1_000)?.name ?? "");
    expect(round()).not.toEqual(round());
  });

  test("nobody else is there to probe", () => {
    const { members, local } = tableOf(1);
    expect(members.nextToProbe(0, local, 1_000)).toBeUndefined();
    members.add(record("gone", "dead"));
    expect(members.nextToProbe(0, local, 1_000)).toBeUndefined();
  });

  test("a wrap-around forgets who has been dead or left for too long, and never ourselves", () => {
    const { members, local } = tableOf(4);
    members.setState(members.get("m1") as MemberRecord, "dead", 0);
    members.setState(members.get("m2") as MemberRecord, "left", 0);
    members.setState(local, "left", 0);
    const round = (now: number): void => {
      for (let turn = 0; turn < 4; turn += 1) members.nextToProbe(now, local, 30_000);
    };
    round(300_000);
    expect([...members.all()].map(({ name }) => name).sort()).toEqual(["m1", "m2", "m3", "me"]);
    round(300_001);
    expect([...members.all()].map(({ name }) => name).sort()).toEqual(["m3", "me"]);
    expect(members.get("m1")).toBeUndefined();
  });
});

describe("the random choice", () => {
  test("finds all that are acceptable, however few they are", () => {
    const { members } = tableOf(200);
    const picked = members.pick(3, ({ name }) => name === "m7" || name === "m150");
    expect(picked.map(({ name }) => name).sort()).toEqual(["m150", "m7"]);
  });

  test("takes no one twice and each about as often", () => {
    const { members } = tableOf(10);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 3_000; draw += 1) {
      const picked = members.pick(3, ({ name }) => name !== "me");
      expect(new Set(picked).size).toBe(3);
      for (const { name } of picked) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(9);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(120);
  });
});

test("a new member is probed in the same round still, at a random place of what is left of it", () => {
  const places = new Set<number>();
  for (let seed = 0; seed < 40; seed += 1) {
    const { members, local } = tableOf(5, seed);
    for (let turn = 0; turn < 2; turn += 1) members.nextToProbe(0, local, 1_000);
    members.add(record("new"));
    const names = Array.from({ length: 3 }, () => members.nextToProbe(0, local, 1_000)?.name);
    places.add(names.indexOf("new"));
  }
  expect([...places].sort()).toEqual([0, 1, 2]);
});

test("it counts who is here and stamps changes of state only", () => {
  const { members } = tableOf(4);
  const member = members.get("m1") as MemberRecord;
  members.setState(member, "alive", 5);
  expect(member.changedAt).toBe(0);
  members.setState(member, "suspect", 6);
  expect({ here: members.here, at: member.changedAt }).toEqual({ here: 4, at: 6 });
  members.setState(member, "dead", 7);
  members.setState(members.get("m2") as MemberRecord, "left", 7);
  expect({ here: members.here, known: members.known }).toEqual({ here: 2, known: 4 });
  members.setState(member, "alive", 8);
  expect(members.here).toBe(3);
});
