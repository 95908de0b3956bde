import { describe, expect, test } from "vitest";
import type { BalancerConfig, PoolConfig } from "../../src/lb/config.js";
import type { LbMember } from "../../src/lb/model.js";
import { Policy } from "../../src/lb/policy.js";
import {
  Bench,
  edge,
  holdsOf,
  type MemberTraits,
  member,
  ready,
  serversOf,
  settle,
  tcpProbe,
  told,
  viewOf,
  webPool,
  webs,
} from "./support/policy.js";

/** The pool with these members changed. */
function but(members: readonly LbMember[], changes: Record<string, MemberTraits>): LbMember[] {
  return members.map((one) => {
    const traits = changes[one.name];
    return traits === undefined ? one : member(one.name, traits);
  });
}

function withPool(
  changes: Partial<PoolConfig>,
  more: Partial<BalancerConfig> = {},
): BalancerConfig {
  return { ...edge, ...more, pools: [{ ...webPool, ...changes }] };
}

describe("what a member says of itself", () => {
  test.for<[MemberTraits, string | undefined]>([
    [{}, "web2 ready alive"],
    [{ tags: { state: "ready" } }, "web2 ready alive"],
    [{ tags: { state: "draining" } }, "web2 drain draining"],
    [{ tags: { state: "maint" } }, "web2 drain maintenance"],
    [{ tags: { state: "starting" } }, "web2 drain starting"],
    [{ tags: { state: "reday" } }, "web2 drain maintenance"],
    [{ tags: { state: "" } }, "web2 drain maintenance"],
    [{ tags: { weight: "0" } }, "web2 drain draining"],
    [{ status: "leaving" }, "web2 drain left"],
    [{ status: "left" }, undefined],
    [{ status: "failed" }, "web2 out failed"],
    [{ status: "none" }, undefined],
    [{ suspected: true }, "web2 drain suspected"],
    [{ tags: { role: "db" } }, undefined],
  ])("%j becomes %s", ([traits, expected]) => {
    const members = webs(4);
    const bench = new Bench(edge, members);
    const decision = bench.see(but(members, { web2: traits }));
    expect(told(decision).find((line) => line.startsWith("web2 "))).toBe(expected);
    expect(ready(decision).filter((node) => node !== "web2")).toEqual(["web1", "web3", "web4"]);
  });

  test("is taken from its tags", () => {
    const bench = new Bench(edge, [
      member("web1", { tags: { lb_addr: "2001:db8::0:1", port: "8080", weight: "256" } }),
    ]);
    expect(serversOf(bench.decide())).toMatchObject([
      { node: "web1", ip: "2001:db8::1", port: 8080, weight: 256 },
    ]);
  });

  test("is out of the list when its sessions have been ended for sure", () => {
    const members = webs(4);
    const bench = new Bench(edge, members);
    bench.see(but(members, { web1: { status: "failed" } }));
    expect(told(bench.pass(9_999))).toContain("web1 out failed");
    expect(told(bench.pass(1))).toEqual([
      "web2 ready alive",
      "web3 ready alive",
      "web4 ready alive",
    ]);
    expect(bench.decide().deadline).toBeUndefined();
  });

  test("does not make a server of the balancer itself, unless it shall", () => {
    const members = [member("lb1"), member("web2")];
    expect(ready(new Bench(edge, members).decide())).toEqual(["web2"]);
    expect(ready(new Bench(withPool({ includeSelf: true }), members).decide())).toEqual([
      "lb1",
      "web2",
    ]);
  });
});

describe("a member at another address", () => {
  test("is another server, and the old one drains", () => {
    const members = webs(3);
    const bench = new Bench(edge, members);
    const decision = bench.see(but(members, { web2: { ip: "10.9.9.9" } }));
    expect(serversOf(decision).map(({ node, ip, admission }) => [node, ip, admission])).toEqual([
      ["web1", "10.0.0.1", "ready"],
      ["web2", "10.9.9.9", "ready"],
      ["web3", "10.0.0.3", "ready"],
    ]);
    expect(decision.desired.holds).toEqual([]);
  });

  test("leaves the old server out if it had failed", () => {
    const members = webs(3);
    const bench = new Bench(edge, members);
    bench.see(but(members, { web2: { status: "failed" } }));
    const decision = bench.see(but(members, { web2: { ip: "10.9.9.9" } }));
    expect(serversOf(decision).map(({ ip, admission, cause }) => [ip, admission, cause])).toEqual([
      ["10.0.0.1", "ready", "alive"],
      ["10.0.0.2", "out", "failed"],
      ["10.9.9.9", "ready", "alive"],
      ["10.0.0.3", "ready", "alive"],
    ]);
  });

  test("that held its old server lets it go", () => {
    const bench = new Bench(edge, webs(1));
    expect(told(bench.see(webs(1, { status: "failed" })))).toEqual(["web1 ready held"]);
    const decision = bench.see([member("web1", { ip: "10.9.9.9" })]);
    expect(serversOf(decision).map(({ ip, admission }) => [ip, admission])).toEqual([
      ["10.0.0.1", "out"],
      ["10.9.9.9", "ready"],
    ]);
  });

  test("takes over the address of somebody who failed, and nothing is done to it", () => {
    const members = webs(3);
    const bench = new Bench(edge, members);
    const failed = but(members, { web1: { status: "failed" } });
    bench.see(failed);
    const decision = bench.see([...failed, member("web9", { ip: "10.0.0.1" })]);
    expect(told(decision)).toEqual(["web2 ready alive", "web3 ready alive", "web9 ready alive"]);
    expect(decision.desired.refused).toEqual([]);
  });
});

describe("suspicion", () => {
  const members = webs(8);
  const suspected = (count: number): LbMember[] => [
    ...webs(count, { suspected: true }),
    ...members.slice(count),
  ];

  test.for([
    { servers: 1, share: 0.25, out: 0 },
    { servers: 2, share: 0.25, out: 1 },
    { servers: 3, share: 0.25, out: 1 },
    { servers: 8, share: 0.25, out: 2 },
    { servers: 11, share: 0.25, out: 2 },
    { servers: 8, share: 1, out: 7 },
    { servers: 8, share: 0, out: 0 },
    { servers: 100, share: 0.29, out: 29 },
  ])("of all $servers takes out $out when $share may go", ({ servers, share, out }) => {
    const bench = new Bench(withPool({ maxSuspects: share }), webs(servers));
    const decision = bench.see(webs(servers, { suspected: true }));
    expect(serversOf(decision).filter(({ admission }) => admission === "drain")).toHaveLength(out);
    expect(bench.see(webs(servers)).desired.pools).toEqual(
      new Bench(withPool({ maxSuspects: share }), webs(servers)).decide().desired.pools,
    );
  });

  test("leaves those out that are out already", () => {
    const bench = new Bench(edge, members);
    const late = but(members, { web7: { suspected: true }, web8: { suspected: true } });
    bench.see(late);
    const decision = bench.see(but(late, { web1: { suspected: true }, web2: { suspected: true } }));
    expect(ready(decision)).toEqual(["web1", "web2", "web3", "web4", "web5", "web6"]);
  });

  test("can be told to end its sessions, to lower the weight, or to do nothing", () => {
    const ended = new Bench(withPool({ onSuspect: "out" }), members).see(suspected(1));
    expect(told(ended)).toContain("web1 out suspected");
    const light = new Bench(withPool({ onSuspect: "weight" }), members).see(suspected(1));
    expect(serversOf(light)[0]).toMatchObject({
      admission: "ready",
      weight: 10,
      cause: "suspected",
    });
    expect(
      ready(new Bench(withPool({ onSuspect: "none" }), members).see(suspected(8))),
    ).toHaveLength(8);
  });

  test("by an agent that is unwell itself counts for nothing", () => {
    const bench = new Bench(edge, members);
    const unwell = { health: { isolated: false, awareness: 1 } };
    expect(ready(bench.see(suspected(2), unwell))).toHaveLength(8);
    expect(ready(bench.see(suspected(2)))).toHaveLength(6);
  });

  test("stays as it is when the agent begins to doubt itself over it", () => {
    const bench = new Bench(edge, members);
    expect(told(bench.see(suspected(1)))).toContain("web1 drain suspected");
    const unwell = { health: { isolated: false, awareness: 8 } };
    expect(told(bench.see(suspected(1), unwell))).toContain("web1 drain suspected");
    expect(ready(bench.see(suspected(2), unwell))).toHaveLength(7);
    expect(ready(bench.see(members, unwell))).toHaveLength(8);
  });

  test("counts with a probe of our own although the silence makes the agent doubt itself", () => {
    const bench = new Bench(withPool({ probe: tcpProbe }), members);
    for (const { ip } of members) bench.answers.set(`${ip}:80`, "yes");
    bench.decide();
    bench.answers.set("10.0.0.1:80", "no");
    const unwell = (awareness: number) => ({ health: { isolated: false, awareness } });
    expect(ready(bench.see(suspected(1), unwell(4)))).toHaveLength(8);
    expect(told(bench.see(suspected(1), unwell(3)))).toContain("web1 drain suspected");
  });

  test("asks the service first, and believes it", () => {
    const bench = new Bench(withPool({ probe: tcpProbe }), members);
    for (const { ip } of members) bench.answers.set(`${ip}:80`, "yes");
    bench.decide();
    bench.answers.clear();
    const asked = bench.see(suspected(1));
    expect(ready(asked)).toHaveLength(8);
    expect(asked.questions).toEqual([{ ip: "10.0.0.1", port: 80, probe: tcpProbe }]);
    bench.answers.set("10.0.0.1:80", "no");
    expect(told(bench.decide())).toContain("web1 drain suspected");
    bench.answers.clear();
    expect(told(bench.decide())).toContain("web1 drain suspected");
    bench.answers.set("10.0.0.1:80", "yes");
    expect(ready(bench.decide())).toHaveLength(8);
  });
});

describe("the guard against mass losses", () => {
  const members = webs(8);
  const failed = (count: number): LbMember[] => [
    ...webs(count, { status: "failed" }),
    ...members.slice(count),
  ];

  test("lets half of a pool go", () => {
    const decision = new Bench(edge, members).see(failed(4));
    expect(ready(decision)).toEqual(["web5", "web6", "web7", "web8"]);
    expect(decision.desired.holds).toEqual([]);
  });

  test("holds all of it when more fails at once", () => {
    const decision = new Bench(edge, members).see(failed(5));
    expect(ready(decision)).toHaveLength(8);
    expect(holdsOf(decision)).toEqual(["mass loss: web1 web2 web3 web4 web5"]);
    expect(told(decision)).toContain("web1 ready held");
  });

  test("holds all of it when more fails one after the other, as partitions are seen", () => {
    const bench = new Bench(edge, members);
    for (let count = 1; count <= 8; count += 1) {
      const decision = bench.see(failed(count));
      expect(ready(decision)).toHaveLength(count < 5 ? 8 - count : 8);
      bench.pass(2_000);
    }
    expect(holdsOf(bench.decide())).toEqual(["mass loss: web1 web2 web3 web4 web5 web6 web7 web8"]);
    // It recovers alone, and nobody is out for a moment.
    for (let count = 7; count >= 0; count -= 1) {
      expect(ready(bench.see(failed(count)))).toHaveLength(8);
      bench.pass(1_000);
    }
    expect(bench.decide().desired.holds).toEqual([]);
    expect(told(bench.decide())).toEqual(members.map(({ name }) => `${name} ready alive`));
  });

  test("holds for good when nothing changes", () => {
    const bench = new Bench(edge, members);
    bench.see(failed(5));
    expect(ready(bench.pass(86_400_000))).toHaveLength(8);
  });

  test("still takes joins", () => {
    const bench = new Bench(edge, members);
    bench.see(failed(8));
    expect(ready(bench.see([...failed(8), member("web9")]))).toContain("web9");
  });

  test("lets go what is missing when enough others stood still for a while", () => {
    const bench = new Bench(edge, members);
    bench.see(failed(5));
    const joined = [...failed(5), ...webs(14).slice(8)];
    const decision = bench.see(joined);
    expect(ready(decision)).toHaveLength(14);
    expect(decision.deadline).toBe(bench.now + settle.settleLimit);
    expect(ready(bench.pass(settle.settleLimit))).toHaveLength(9);
    expect(bench.decide().desired.holds).toEqual([]);
  });

  test.for<[string, (bench: Bench) => void, number]>([
    ["that left", (bench) => bench.see([...webs(5, { status: "left" }), ...members.slice(5)]), 3],
    ["whom the group forgot", (bench) => bench.see(members.slice(5)), 3],
    ["whose loss the operator accepts", (bench) => bench.order({ kind: "accept" }), 3],
    ["that are back", (bench) => bench.see(members), 8],
  ])("lets go those %s", ([_, end, count]) => {
    const bench = new Bench(edge, members);
    bench.see(failed(5));
    end(bench);
    expect(ready(bench.decide())).toHaveLength(count);
    expect(bench.decide().desired.holds).toEqual([]);
    expect(ready(bench.pass(60_000))).toHaveLength(count);
  });

  test("compares with the pool as it was scaled down, not as it once was", () => {
    const bench = new Bench(edge, webs(20));
    bench.see([...webs(4), ...webs(20, { status: "left" }).slice(4)]);
    const decision = bench.see([
      ...webs(1, { status: "failed" }),
      ...webs(4).slice(1),
      ...webs(20, { status: "left" }).slice(4),
    ]);
    expect(ready(decision)).toEqual(["web2", "web3", "web4"]);
  });

  test("remembers for its window how many there were", () => {
    const bench = new Bench(edge, members);
    bench.see(failed(2));
    bench.pass(599_000);
    expect(ready(bench.see(failed(5)))).toHaveLength(6);
    const later = new Bench(edge, members);
    later.see(failed(2));
    later.pass(600_000);
    expect(ready(later.see(failed(5)))).toHaveLength(3);
  });

  test("keeps as many as it is told", () => {
    const guard = { ...edge.guard, keepShare: 0, minServers: 6 };
    const bench = new Bench({ ...edge, guard }, members);
    expect(ready(bench.see(failed(2)))).toHaveLength(6);
    expect(ready(bench.see(failed(3)))).toHaveLength(8);
  });

  test("holds everything while the agent hears nobody", () => {
    const bench = new Bench(edge, members);
    const isolated = { health: { isolated: true, awareness: 0 } };
    const decision = bench.see(failed(1), isolated);
    expect(ready(decision)).toHaveLength(8);
    expect(holdsOf(decision)).toEqual(["isolated: web1"]);
    expect(ready(bench.see(failed(1)))).toHaveLength(8);
    expect(ready(bench.pass(settle.settleLimit))).toHaveLength(7);
  });

  test("holds those of whom nobody knows any more", () => {
    const bench = new Bench(edge, members);
    const decision = bench.see(members.slice(5));
    expect(ready(decision)).toHaveLength(8);
    expect(ready(bench.pass(edge.guard.window))).toHaveLength(3);
  });

  test("holds servers whose values went wrong all at once", () => {
    const bench = new Bench(edge, members);
    const decision = bench.see(webs(8, { tags: { port: "8o" } }));
    expect(told(decision)).toEqual(members.map(({ name }) => `${name} ready held`));
    expect(serversOf(decision).every(({ port }) => port === 80)).toBe(true);
    expect(decision.desired.refused).toHaveLength(8);
    const mended = bench.see(webs(8, { tags: { port: "81" } }));
    expect(serversOf(mended).every(({ port }) => port === 81)).toBe(true);
  });

  test("never takes the last server for a failure", () => {
    const bench = new Bench(edge, webs(1));
    const decision = bench.see(webs(1, { status: "failed" }));
    expect(told(decision)).toEqual(["web1 ready held"]);
    expect(holdsOf(decision)).toEqual(["last server: web1"]);
  });

  test.for([
    { allowEmpty: false, left: ["web1 ready held"] },
    { allowEmpty: true, left: [] },
  ])("takes the last that leaves only if told so: $allowEmpty", ({ allowEmpty, left }) => {
    const bench = new Bench({ ...edge, guard: { ...edge.guard, allowEmpty } }, webs(2));
    bench.see([...webs(1), ...webs(2, { status: "left" }).slice(1)]);
    expect(told(bench.see(webs(2, { status: "left" })))).toEqual(left);
    expect(told(bench.see([]))).toEqual(left);
    expect(ready(bench.see([member("web3")]))).toEqual(["web3"]);
    bench.order({ kind: "accept" });
    expect(ready(bench.see([member("web3")]))).toEqual(["web3"]);
  });

  test("obeys a member that asks for itself to be out, even if it is the last", () => {
    const bench = new Bench(edge, webs(1));
    expect(told(bench.see(webs(1, { tags: { state: "draining" } })))).toEqual([
      "web1 drain draining",
    ]);
    expect(told(bench.see(webs(1, { status: "left" })))).toEqual([]);
  });

  test("keeps the last one that works, whoever drains", () => {
    const bench = new Bench(edge, webs(2));
    const draining = member("web1", { tags: { state: "draining" } });
    bench.see([draining, member("web2")]);
    expect(ready(bench.see([draining, member("web2", { status: "failed" })]))).toEqual(["web2"]);
  });

  test("holds on over a restart of the agent", () => {
    const bench = new Bench(edge, members);
    bench.see(failed(5));
    bench.restart();
    expect(bench.decide().desired.frozen).toBe(true);
    expect(ready(bench.pass(3_600_000))).toHaveLength(8);
    bench.order({ kind: "accept", pool: "web" });
    expect(ready(bench.decide())).toHaveLength(3);
  });

  test("does not let an order accept for a pool that there is not", () => {
    expect(() => new Bench().order({ kind: "accept", pool: "wbe" })).toThrow(
      "there is no pool wbe; there are: web",
    );
  });
});

describe("a second opinion", () => {
  const members = webs(8);
  const config = withPool({ probe: tcpProbe });
  const answer = (bench: Bench, value: "yes" | "no", from = 1, to = 8): void => {
    for (let index = from; index <= to; index += 1) bench.answers.set(`10.0.0.${index}:80`, value);
  };
  const proven = (): Bench => {
    const bench = new Bench(config, members);
    answer(bench, "yes");
    bench.decide();
    return bench;
  };

  test("keeps who failed and still answers, with a tenth of its weight and for a while", () => {
    const bench = proven();
    const failed = but(members, { web1: { status: "failed" } });
    const decision = bench.see(failed);
    expect(serversOf(decision)[0]).toMatchObject({
      admission: "ready",
      cause: "disputed",
      weight: 10,
    });
    expect(told(bench.pass(edge.guard.disputeLimit - 1))).toContain("web1 ready disputed");
    expect(told(bench.pass(1))).toContain("web1 out failed");
  });

  test("keeps a whole pool for good whose services answer", () => {
    const bench = proven();
    const failed = webs(8, { status: "failed" });
    expect(ready(bench.see(failed))).toHaveLength(8);
    expect(ready(bench.pass(86_400_000))).toHaveLength(8);
    expect(told(bench.see(members))).toEqual(members.map(({ name }) => `${name} ready alive`));
  });

  test("is asked before sessions are ended", () => {
    const bench = proven();
    bench.answers.delete("10.0.0.1:80");
    const decision = bench.see(but(members, { web1: { status: "failed" } }));
    expect(told(decision)).toContain("web1 drain failed");
    expect(decision.questions).toEqual([{ ip: "10.0.0.1", port: 80, probe: tcpProbe }]);
    answer(bench, "no", 1, 1);
    expect(told(bench.decide())).toContain("web1 out failed");
  });

  test("that never comes is not waited for", () => {
    const bench = proven();
    bench.answers.delete("10.0.0.1:80");
    bench.see(but(members, { web1: { status: "failed" } }));
    expect(told(bench.pass(1_400))).toContain("web1 out failed");
  });

  test("confirms losses: what is dead on the way of the data as well is not held", () => {
    const bench = proven();
    answer(bench, "no", 1, 7);
    const decision = bench.see([...webs(7, { status: "failed" }), member("web8")]);
    expect(ready(decision)).toEqual(["web8"]);
  });

  test("never empties a pool", () => {
    const bench = proven();
    answer(bench, "no");
    expect(ready(bench.see(webs(8, { status: "failed" })))).toHaveLength(8);
  });

  test("is wanted of who joins a pool that serves", () => {
    const bench = proven();
    const joined = [...members, member("web9")];
    // Its first answer is awaited before anybody is told of it, so that a join is one change.
    expect(told(bench.see(joined)).join()).not.toContain("web9");
    expect(told(bench.pass(200))).toContain("web9 drain pending");
    answer(bench, "no", 9, 9);
    expect(told(bench.pass(60_000))).toContain("web9 drain pending");
    answer(bench, "yes", 9, 9);
    expect(told(bench.decide())).toContain("web9 ready alive");
    answer(bench, "no", 9, 9);
    expect(told(bench.decide())).toContain("web9 ready alive");
  });

  test("that comes at once makes a join a single change", () => {
    const bench = proven();
    bench.see([...members, member("web9")]);
    answer(bench, "yes", 9, 9);
    expect(told(bench.decide())).toContain("web9 ready alive");
  });

  test("is wanted again of who was drained, who stays where it is meanwhile", () => {
    const bench = proven();
    bench.see([...members.slice(1), member("web1", { tags: { state: "draining" } })]);
    answer(bench, "no", 1, 1);
    expect(told(bench.see(members))).toContain("web1 drain pending");
  });

  test("is not waited for where nobody else serves", () => {
    const bench = new Bench(config, webs(2));
    expect(ready(bench.decide())).toEqual(["web1", "web2"]);
    answer(bench, "no", 1, 2);
    expect(ready(bench.decide())).toEqual(["web1", "web2"]);
    answer(bench, "yes", 1, 1);
    expect(told(bench.decide())).toEqual(["web1 ready alive", "web2 drain pending"]);
  });

  test("that never comes admits", () => {
    const bench = proven();
    bench.see([...members, member("web9")]);
    expect(told(bench.pass(1_399))).toContain("web9 drain pending");
    expect(told(bench.pass(1))).toContain("web9 ready alive");
  });
});

describe("a start", () => {
  test("with an empty list of members leaves everything as it was", () => {
    const bench = new Bench(edge, webs(4));
    bench.decide();
    bench.restart();
    const decision = bench.see([], { joined: false });
    expect(decision.desired.frozen).toBe(true);
    expect(ready(decision)).toHaveLength(4);
    expect(bench.pass(3_600_000).desired.frozen).toBe(true);
  });

  test("counts when the group is joined and stood still", () => {
    const bench = new Bench(edge, [], true);
    expect(bench.see([], { joined: false }).desired.frozen).toBe(true);
    bench.now += 5_000;
    expect(bench.see(webs(1)).desired.frozen).toBe(true);
    bench.now += 999;
    expect(bench.see(webs(2)).desired.frozen).toBe(true);
    const { deadline } = bench.decide();
    expect(deadline).toBe(bench.now + 1_000);
    bench.now += 1_000;
    expect(bench.decide().desired.frozen).toBe(false);
    expect(ready(bench.decide())).toEqual(["web1", "web2"]);
  });

  test("counts at the latest after a while, however much moves", () => {
    const bench = new Bench(edge, [], true);
    for (let count = 1; count < 20; count += 1) {
      expect(bench.see(webs(count)).desired.frozen).toBe(true);
      bench.now += 500;
    }
    bench.now += 500;
    expect(bench.see(webs(20)).desired.frozen).toBe(false);
  });

  test("keeps who was served before and was not heard of yet", () => {
    const bench = new Bench(edge, webs(4));
    bench.decide();
    bench.restart();
    bench.see(webs(3));
    const decision = bench.pass(settle.settleTime);
    expect(decision.desired.frozen).toBe(false);
    expect(told(decision)).toContain("web4 ready held");
    expect(holdsOf(decision)).toEqual(["warm-up: web4"]);
    expect(ready(bench.pass(settle.settleLimit))).toEqual(["web1", "web2", "web3"]);
  });

  test("without a memory worth reading is a first start", () => {
    for (const junk of [null, 7, "x", [], { version: 1, pools: { web: [{ node: "$(x)" }, 3] } }]) {
      const policy = new Policy(edge, { settleTime: 0, settleLimit: 0 }, junk);
      const decision = policy.decide(0, viewOf(webs(2)), { answer: () => "unknown" });
      expect(told(decision)).toEqual(["web1 ready alive", "web2 ready alive"]);
    }
  });

  test("without any patience is a single look", () => {
    const policy = new Policy(edge, { settleTime: 0, settleLimit: 0 });
    const decision = policy.decide(0, viewOf(webs(2)), { answer: () => "unknown" });
    expect(decision.desired.frozen).toBe(false);
  });
});

describe("damping", () => {
  const members = webs(6);
  const flap = (bench: Bench, times: number, names: readonly string[] = ["web1"]): void => {
    for (let time = 0; time < times; time += 1) {
      bench.see(
        but(members, Object.fromEntries(names.map((name) => [name, { status: "failed" }]))),
      );
      bench.pass(500);
      bench.see(members);
      bench.pass(500);
    }
  };

  test("holds out who failed again and again, until the penalty has fallen", () => {
    const bench = new Bench(edge, members);
    flap(bench, 3);
    expect(ready(bench.decide())).toContain("web1");
    flap(bench, 1);
    const decision = bench.decide();
    expect(told(decision)).toContain("web1 drain damped");
    const [damped] = decision.damped;
    expect(damped).toMatchObject({ node: "web1" });
    expect(damped?.penalty).toBeGreaterThan(3);
    expect(decision.deadline).toBe(damped?.until);
    expect(holdsOf(decision)).toEqual(["damped: web1"]);
    bench.now = (damped?.until ?? 0) - 1;
    expect(told(bench.decide())).toContain("web1 drain damped");
    bench.now += 1;
    expect(told(bench.decide())).toContain("web1 ready alive");
    expect(bench.decide().damped[0]?.penalty).toBeLessThanOrEqual(1.001);
  });

  test("lets nobody in by one more failure that its service denies", () => {
    const bench = new Bench(withPool({ probe: tcpProbe }), members);
    const says = (answer: "yes" | "no"): void => {
      for (const { ip } of members) bench.answers.set(`${ip}:80`, answer);
    };
    says("yes");
    bench.decide();
    for (let time = 0; time < 5; time += 1) {
      bench.answers.set("10.0.0.1:80", "no");
      flap(bench, 1);
      says("yes");
      bench.pass(500);
    }
    expect(told(bench.decide())).toContain("web1 drain damped");
    const failed = but(members, { web1: { status: "failed" } });
    expect(told(bench.see(failed))).toContain("web1 drain damped");
  });

  test("never holds anybody longer than the ceiling allows", () => {
    const bench = new Bench(edge, members);
    flap(bench, 100);
    const [damped] = bench.decide().damped;
    expect((damped?.until ?? 0) - bench.now).toBeLessThanOrEqual(60_000);
  });

  test("leaves as many as the guard wants", () => {
    const bench = new Bench(edge, members);
    for (const { name } of members) flap(bench, 4, [name]);
    expect(ready(bench.decide())).toHaveLength(3);
    const single = new Bench(edge, webs(1));
    for (let time = 0; time < 9; time += 1) {
      single.see(webs(1, { status: "failed" }));
      expect(ready(single.see(webs(1)))).toEqual(["web1"]);
    }
  });

  test("does not count leaves, drains and losses that are held", () => {
    const bench = new Bench(edge, members);
    for (let time = 0; time < 9; time += 1) {
      bench.see(
        but(members, { web1: { status: "leaving" }, web2: { tags: { state: "draining" } } }),
      );
      bench.see(but(members, { web1: { status: "left" } }));
      bench.see(members);
      bench.see(webs(6, { status: "failed" }));
      bench.see(members);
    }
    expect(bench.decide().damped).toEqual([]);
  });

  test("is forgiven", () => {
    const bench = new Bench(edge, members);
    flap(bench, 4);
    expect(bench.order({ kind: "forgive", node: "web1" })).toBe("web1: the penalty is forgiven");
    expect(ready(bench.decide())).toContain("web1");
    expect(bench.order({ kind: "forgive", node: "web1" })).toBe("web1: there is no penalty");
  });

  test("outlasts the agent", () => {
    const bench = new Bench(edge, members);
    flap(bench, 4);
    const { until } = bench.decide().damped[0] ?? {};
    const left = (until ?? 0) - bench.now;
    bench.restart(2_000);
    const decision = bench.pass(settle.settleTime);
    expect(told(decision)).toContain("web1 drain damped");
    expect((decision.damped[0]?.until ?? 0) - 5_000).toBeCloseTo(left - 2_000);
  });

  test("can be switched off", () => {
    const bench = new Bench({ ...edge, damping: undefined }, members);
    flap(bench, 9);
    expect(ready(bench.decide())).toContain("web1");
    expect(bench.decide().damped).toEqual([]);
  });
});

describe("an override", () => {
  test.for([
    { admission: "out", members: webs(2), expected: "web1 out overridden" },
    { admission: "drain", members: webs(2), expected: "web1 drain overridden" },
    {
      admission: "ready",
      members: webs(2, { tags: { state: "maint" } }),
      expected: "web1 ready overridden",
    },
    {
      admission: "ready",
      members: webs(2, { suspected: true }),
      expected: "web1 ready overridden",
    },
    {
      admission: "ready",
      members: webs(2, { status: "failed" }),
      expected: "web1 ready overridden",
    },
  ] as const)("says $expected and ends", ({ admission, members, expected }) => {
    const bench = new Bench(edge, webs(2));
    bench.order({ kind: "override", node: "web1", admission, until: bench.now + 60_000 });
    const decision = bench.see(members);
    expect(told(decision)).toContain(expected);
    expect(decision.deadline).toBeLessThanOrEqual(bench.now + 60_000);
    expect(told(bench.pass(60_000)).join()).not.toContain("overridden");
  });

  test("is taken back", () => {
    const bench = new Bench(edge, webs(2));
    expect(bench.order({ kind: "override", node: "web1", admission: "out" })).toBe(
      "web1: out, until it is taken back",
    );
    expect(ready(bench.decide())).toEqual(["web2"]);
    bench.restart();
    expect(ready(bench.pass(60_000))).toEqual(["web2"]);
    bench.order({ kind: "override", node: "web1", admission: "none" });
    expect(ready(bench.decide())).toEqual(["web1", "web2"]);
  });

  test("does not count as somebody who serves", () => {
    const bench = new Bench(edge, webs(2));
    bench.order({ kind: "override", node: "web1", admission: "out" });
    bench.decide();
    expect(ready(bench.see([member("web1"), member("web2", { status: "failed" })]))).toEqual([
      "web2",
    ]);
  });

  test("is refused for a name that is none", () => {
    expect(() => new Bench().order({ kind: "override", node: "a\nb", admission: "out" })).toThrow(
      "must be 1 to 128 letters",
    );
  });
});

describe("a decision", () => {
  test("is the same for members in any order, and so is its version", () => {
    const members = webs(30);
    const one = new Bench(edge, members).decide().desired;
    const other = new Bench(edge, [...members].reverse()).decide().desired;
    expect(JSON.stringify(other)).toBe(JSON.stringify(one));
    expect(one.version).toMatch(/^[0-9a-f]{12}$/);
    expect(new Bench(edge, webs(29)).decide().desired.version).not.toBe(one.version);
  });
});
