import { describe, expect, test } from "vitest";
import { sayRow } from "../../src/observe/why/saying.js";
import { seeds } from "../support/seeds.js";
import type { ClusterNode } from "../support/serf-cluster.js";
import { plainWords, Witnesses } from "./witnesses.js";

const others = ["a", "b", "c", "d"];
const all = [...others, "web"];

describe.for(seeds(3))("what a group makes of a fault (SEED=%i)", (seed) => {
  function group(): Witnesses {
    return new Witnesses(seed, ...all);
  }

  test("nothing was the matter with a member that only joined", () => {
    const witnesses = group();
    witnesses.cluster.run(60_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "joined", confidence: "certain" });
  });

  test("a member left on purpose", () => {
    const witnesses = group();
    witnesses.leave("web");
    witnesses.cluster.run(20_000);
    expect(witnesses.why("web", others)).toMatchObject({ cause: "left", confidence: "certain" });
  });

  test("a process was killed, and its host says so", () => {
    const witnesses = group();
    witnesses.cluster.kill(witnesses.node("web"));
    witnesses.cluster.run(20_000);
    expect(witnesses.why("web", others)?.cause).toBe("process-gone");
  });

  test("a process was killed and started again at the same address", () => {
    const witnesses = group();
    witnesses.cluster.kill(witnesses.node("web"));
    witnesses.cluster.run(20_000);
    witnesses.start("web");
    witnesses.cluster.run(20_000);
    const why = witnesses.why("web");
    expect(why).toMatchObject({ cause: "restarted", confidence: "certain" });
    expect(why?.summary).toContain("stopped or killed");
  });

  test("a process was started again before anybody missed it", () => {
    const witnesses = group();
    witnesses.cluster.kill(witnesses.node("web"));
    witnesses.start("web");
    witnesses.cluster.run(20_000);
    expect(witnesses.why("web")?.cause).toBe("restarted");
  });

  test("a member left and was started again", () => {
    const witnesses = group();
    witnesses.leave("web");
    witnesses.cluster.run(5_000);
    witnesses.cluster.crash(witnesses.node("web"));
    witnesses.start("web");
    witnesses.cluster.run(20_000);
    const why = witnesses.why("web");
    expect(why?.cause).toBe("restarted");
    expect(why?.summary).toContain("left on purpose");
  });

  test("a process was killed and started elsewhere", () => {
    const witnesses = group();
    witnesses.cluster.kill(witnesses.node("web"));
    witnesses.cluster.run(500);
    witnesses.start("web", 99);
    witnesses.cluster.run(60_000);
    const why = witnesses.why("web");
    expect(why).toMatchObject({ cause: "moved", confidence: "certain" });
    expect(why?.summary).toContain("10.0.0.99:7946 instead of 10.0.0.5:7946");
  });

  test("a second agent was started with the name", () => {
    const witnesses = group();
    witnesses.start("web", 99);
    witnesses.cluster.run(20_000);
    const why = witnesses.why("web", others);
    expect(why).toMatchObject({ cause: "contested", confidence: "certain" });
    expect(why?.summary).toContain("at 10.0.0.5:7946 and at 10.0.0.99:7946");
  });

  test("a process stood still, as its kernel shows and as it says itself", () => {
    const witnesses = group();
    const web = witnesses.node("web");
    witnesses.cluster.pause(web);
    witnesses.cluster.run(20_000);
    expect(witnesses.why("web", others)).toMatchObject({ cause: "paused", confidence: "likely" });
    witnesses.cluster.resume(web);
    witnesses.note("web", { kind: "stalled", node: "web", how: "paused", took: 20_000 });
    witnesses.cluster.run(20_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "paused", confidence: "certain" });
  });

  test("a process was busy for most of the time that it was missed", () => {
    const witnesses = group();
    const web = witnesses.node("web");
    witnesses.cluster.pause(web);
    witnesses.cluster.run(15_000);
    witnesses.cluster.resume(web);
    witnesses.note("web", { kind: "stalled", node: "web", how: "busy", took: 15_000 });
    witnesses.cluster.run(20_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "overloaded", confidence: "certain" });
  });

  test("nothing was heard of a host, and it was cut off on its side when it is back", () => {
    const witnesses = group();
    const web = witnesses.node("web");
    witnesses.cluster.silence(web);
    witnesses.cluster.run(40_000);
    expect(witnesses.why("web", others)).toMatchObject({ cause: "host-gone" });
    witnesses.note("web", { kind: "stalled", node: "web", how: "paused", took: 1_200 });
    witnesses.cluster.heal(web);
    witnesses.cluster.run(60_000);
    // A stall that is much shorter than the silence does not explain it.
    expect(witnesses.why("web")).toMatchObject({ cause: "cut-off" });
  });

  test("UDP is blocked and TCP works", () => {
    const witnesses = group();
    const web = witnesses.node("web");
    witnesses.cluster.udp = (from, to) => from !== web && to !== web;
    witnesses.cluster.run(40_000);
    expect(witnesses.why("web", others)).toMatchObject({ cause: "udp-blocked", members: [] });
  });

  test("UDP of another member is blocked, which takes all for troubled", () => {
    const witnesses = group();
    const a = witnesses.node("a");
    witnesses.cluster.udp = (from, to) => from !== a && to !== a;
    witnesses.cluster.run(40_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "accuser", members: ["a"] });
  });

  const losers: [string, (from: string, to: string) => boolean][] = [
    ["both ways", (from, to) => [from, to].includes("a") && [from, to].includes("web")],
    ["on the way there", (from, to) => from === "a" && to === "web"],
    ["on the way back", (from, to) => from === "web" && to === "a"],
  ];

  test.for(losers)("packets between two members get lost, %s", ([, isLost]) => {
    const witnesses = group();
    witnesses.cluster.udp = namesPass((from, to) => !isLost(from, to));
    witnesses.cluster.run(60_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "path", members: ["a"] });
    expect(witnesses.why("b")?.cause).toBe("joined");
  });

  test("packets from a member pass, packets to it do not", () => {
    const witnesses = group();
    witnesses.cluster.link = namesPass((_, to) => to !== "web");
    witnesses.cluster.run(30_000);
    expect(witnesses.why("web", others)?.cause).toBe("one-way");
    witnesses.cluster.link = () => true;
    witnesses.cluster.run(60_000);
    const why = witnesses.why("web");
    expect(why?.cause).toBe("one-way");
    expect(why?.summary).toContain("packets to it do not");
  });

  test("packets to a member pass, packets from it do not", () => {
    const witnesses = group();
    witnesses.cluster.link = namesPass((from) => from !== "web");
    witnesses.cluster.run(30_000);
    expect(witnesses.why("web", others)?.cause).toBe("host-gone");
    witnesses.cluster.link = () => true;
    witnesses.cluster.run(60_000);
    const why = witnesses.why("web");
    expect(why?.cause).toBe("one-way");
    expect(why?.summary).toContain("packets from it did not");
  });

  test("a network was split in two, from both sides and afterwards", () => {
    const witnesses = group();
    const { cluster } = witnesses;
    const nodes = (...names: string[]): ClusterNode[] => names.map((name) => witnesses.node(name));
    cluster.cut(nodes("a", "b", "c"), nodes("d", "web"));
    cluster.run(40_000);
    const here = witnesses.why("web", ["a", "b", "c"]);
    expect(here).toMatchObject({ cause: "partition", confidence: "likely", members: ["d"] });
    expect(witnesses.why("a", ["d", "web"])?.cause).toBe("partition");
    cluster.mend();
    cluster.run(60_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "partition", confidence: "certain" });
  });

  test("the one who accused it stood still itself", () => {
    const witnesses = group();
    witnesses.pause("a", 12_000);
    witnesses.cluster.run(2_000);
    for (const name of ["b", "c", "d", "web"]) {
      const why = witnesses.why(name);
      if (why?.cause === "joined") continue;
      expect(why).toMatchObject({ cause: "accuser", members: ["a"] });
    }
    expect(witnesses.why("a")).toMatchObject({ cause: "paused" });
  });

  test("the one who missed it was cut off itself", () => {
    const witnesses = group();
    const a = witnesses.node("a");
    witnesses.cluster.silence(a);
    witnesses.cluster.run(12_000);
    witnesses.cluster.heal(a);
    witnesses.cluster.run(30_000);
    expect(witnesses.why("web")).toMatchObject({ cause: "accuser", members: ["a"] });
  });
});

describe("a time line", () => {
  test("has what several saw of one thing once, in order, with who saw it", () => {
    const witnesses = new Witnesses(1, ...all);
    witnesses.cluster.kill(witnesses.node("web"));
    witnesses.cluster.run(20_000);
    const told = { kind: "told", event: "member-failed", nodes: ["web"], count: 1 } as const;
    for (const name of others) witnesses.note(name, told);
    const { rows } = witnesses.explain("web", others);
    const lines = rows.map((row) => `${row.who.toSorted().join()}: ${sayRow(row, plainWords)}`);
    const accused = lines.findIndex((line) => / suspects web$/.test(line));
    const gone = lines.findIndex((line) => line.includes("web failed"));
    expect(lines).toContain("a,b,c,d: web is new, at 10.0.0.5:7946");
    expect(lines.at(-1)).toBe("a,b,c,d: tells handlers and streams: member-failed");
    expect(accused).toBeGreaterThan(0);
    expect(gone).toBeGreaterThan(accused);
    expect(lines.filter((line) => line.includes("TCP: connection refused"))).not.toEqual([]);
    expect(rows.map(({ at }) => at)).toEqual(rows.map(({ at }) => at).sort((x, y) => x - y));
  });

  test("says nothing of what only the tellers were concerned with", () => {
    const witnesses = new Witnesses(1, ...all);
    witnesses.cluster.run(200_000);
    witnesses.note("a", { kind: "stalled", node: "a", how: "busy", took: 900 });
    const { rows } = witnesses.explain("web", all);
    expect(rows.filter(({ deed }) => deed.kind === "stalled")).toEqual([]);
  });
});

function namesPass(
  passes: (from: string, to: string) => boolean,
): (from: ClusterNode, to: ClusterNode) => boolean {
  return (from, to) => passes(from.serf.local.name, to.serf.local.name);
}
