import { describe, expect, test } from "vitest";
import type { BalancerConfig } from "../../src/lb/config.js";
import type { LbMember } from "../../src/lb/model.js";
import { parseSelector } from "../../src/lb/selector.js";
import {
  Bench,
  edge,
  member,
  ready,
  serversOf,
  tcpProbe,
  webPool,
  webs,
} from "./support/policy.js";

/** Counts how often it is looked at. */
class CountedMember implements LbMember {
  static reads = 0;
  readonly suspected: boolean;
  readonly #member: LbMember;
  readonly #status: LbMember["status"];

  constructor(member: LbMember, status = member.status) {
    this.#member = member;
    this.#status = status;
    this.suspected = member.suspected;
  }

  get name(): string {
    CountedMember.reads += 1;
    return this.#member.name;
  }

  get ip(): string {
    CountedMember.reads += 1;
    return this.#member.ip;
  }

  get status(): LbMember["status"] {
    CountedMember.reads += 1;
    return this.#status;
  }

  get tags(): ReadonlyMap<string, string> {
    CountedMember.reads += 1;
    return this.#member.tags;
  }

  /** The same member, gone if it was here and back if it was gone. */
  turned(): CountedMember {
    return new CountedMember(this.#member, this.#status === "alive" ? "failed" : "alive");
  }
}

describe("at scale", () => {
  const pools = ["a", "b", "c", "d", "e"].map((zone) => ({
    ...webPool,
    name: zone,
    select: parseSelector(zone === "e" ? "role=web" : `role=web,zone in (${zone}|x)`),
    probe: tcpProbe,
  }));
  const many: BalancerConfig = { ...edge, pools };
  const zones = ["a", "b", "c", "d", "x"];

  /** How often each of `count` members is looked at in a decision, on average over 30 in which one changed each. */
  function looks(count: number): number {
    const members = webs(count).map((one, index) => {
      const tags = { zone: zones[index % zones.length] ?? "a", weight: String(1 + (index % 256)) };
      return new CountedMember(member(one.name, { tags, suspected: index % 97 === 0 }));
    });
    const bench = new Bench(many, members);
    const rounds = 30;
    CountedMember.reads = 0;
    for (let round = 0; round < rounds; round += 1) {
      const index = (round * 37) % count;
      members[index] = (members[index] as CountedMember).turned();
      bench.see([...members]);
    }
    const { reads } = CountedMember;
    expect(serversOf(bench.decide(), "e")).toHaveLength(count);
    return reads / rounds / count;
  }

  test("a member costs five pools the same among a thousand as among a few", () => {
    const [few, lots] = [looks(100), looks(1_000)];
    expect(few).toBeGreaterThan(5);
    // Ten times as many, and what is sorted takes logarithmically more.
    expect(lots).toBeLessThan(2 * few);
  });

  test("and what it remembers of them is bounded", () => {
    const bench = new Bench(edge, webs(4));
    for (let round = 0; round < 300; round += 1) {
      const names = Array.from({ length: 50 }, (_, index) => `guest${round * 50 + index}`);
      const guests = names.map((name, index) =>
        member(name, { ip: `10.7.${round % 250}.${index + 1}` }),
      );
      bench.see([...webs(4), ...guests]);
      bench.see([...webs(4), ...guests.map((one): LbMember => ({ ...one, status: "failed" }))]);
      bench.see(webs(4));
      bench.now += 1_000;
    }
    const { damped } = bench.decide();
    expect(damped.length).toBeLessThanOrEqual(4_096);
    expect(serversOf(bench.decide()).length).toBeLessThanOrEqual(2_000);
    bench.pass(3_600_000);
    expect(JSON.stringify(bench.policy.memory()).length).toBeLessThan(2_000);
    expect(bench.decide().damped).toEqual([]);
  });
});

describe("ten of thirty members that flap once a second for a minute", () => {
  test("are held out after a few turns, while the others are never touched", () => {
    const members = webs(30);
    const flapping = new Set(members.slice(0, 10).map(({ name }) => name));
    const bench = new Bench(edge, members);
    let changes = 0;
    let version = bench.decide().desired.version;
    for (let second = 0; second < 60; second += 1) {
      for (const status of ["failed", "alive"] as const) {
        const decision = bench.see(
          members.map((one) => (flapping.has(one.name) ? { ...one, status } : one)),
        );
        const served = ready(decision);
        expect(members.filter(({ name }) => !flapping.has(name) && !served.includes(name))).toEqual(
          [],
        );
        // To whoever writes files only what gets requests matters.
        if (decision.desired.version !== version && second >= 5) {
          const back = served.filter((name) => flapping.has(name));
          if (back.length > 0) changes += 1;
        }
        version = decision.desired.version;
        bench.now += 500;
      }
    }
    expect(changes).toBe(0);
    const decision = bench.decide();
    expect(decision.damped.filter(({ until }) => until !== undefined)).toHaveLength(10);
    expect(decision.desired.holds).toMatchObject([{ kind: "damped" }]);
    const last = Math.max(...decision.damped.map(({ until }) => until ?? 0));
    expect(last - bench.now).toBeLessThanOrEqual(60_000);
    bench.pass(60_000);
    expect(ready(bench.decide())).toHaveLength(30);
  });
});
