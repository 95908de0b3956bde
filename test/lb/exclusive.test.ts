import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BalancerConfig, PoolConfig } from "../../src/lb/config.js";
import type { Decision } from "../../src/lb/decision.js";
import type { LbMember } from "../../src/lb/model.js";
import {
  Bench,
  edge,
  holdsOf,
  type MemberTraits,
  member,
  primaryPool,
  ready,
  settle,
  tcpProbe,
  told,
} from "./support/policy.js";
import "../support/seed.js";

function withPrimary(changes: Partial<PoolConfig> = {}): BalancerConfig {
  return { ...edge, pools: [{ ...primaryPool, ...changes }] };
}

const holding = withPrimary({ exclusive: { epochTag: "role_epoch", noPrimary: "hold" } });

/** A database that claims to be the primary, of that epoch if one is given. */
function primary(name: string, epoch?: string, traits: MemberTraits = {}): LbMember {
  const epochs: Record<string, string> = epoch === undefined ? {} : { role_epoch: epoch };
  return member(name, { ...traits, tags: { role: "primary", ...epochs, ...traits.tags } });
}

const replica = (name: string): LbMember => member(name, { tags: { role: "replica" } });

const said = (decision: Decision): readonly string[] => told(decision, "primary");

describe("of an exclusive pool", () => {
  test.for<[string, readonly LbMember[], readonly string[], boolean]>([
    ["one claimant", [primary("db1"), replica("db2")], ["db1 ready alive"], false],
    [
      "the higher epoch",
      [primary("db1", "7"), primary("db2", "10")],
      ["db1 out rival", "db2 ready alive"],
      false,
    ],
    [
      "nobody, if equal epochs decide nothing,",
      [primary("db1", "7"), primary("db2", "7")],
      ["db1 out rival", "db2 out rival"],
      true,
    ],
    [
      "nobody, if an epoch is missing,",
      [primary("db1", "7"), primary("db2")],
      ["db1 out rival", "db2 out rival"],
      true,
    ],
    [
      "nobody who drains",
      [primary("db1", "7", { tags: { state: "draining" } })],
      ["db1 drain draining"],
      false,
    ],
  ])("%s is served", ([_, members, expected, held]) => {
    const decision = new Bench(withPrimary(), members).decide();
    expect(said(decision)).toEqual(expected);
    expect(holdsOf(decision)).toEqual(held ? ["no single primary: db1 db2"] : []);
  });

  test("the old primary is out when the new one is ready", () => {
    const bench = new Bench(withPrimary(), [primary("db1", "1"), replica("db2")]);
    bench.decide();
    const decision = bench.see([replica("db1"), primary("db2", "2")]);
    expect(said(decision)).toEqual(["db1 out rival", "db2 ready alive"]);
    expect(said(bench.pass(10_000))).toEqual(["db2 ready alive"]);
  });

  test("a draining primary is out when the new one is ready", () => {
    const bench = new Bench(withPrimary(), [primary("db1", "1")]);
    const draining = primary("db1", "1", { tags: { state: "draining" } });
    expect(said(bench.see([draining]))).toEqual(["db1 drain draining"]);
    expect(said(bench.see([draining, primary("db2", "2")]))).toEqual([
      "db1 out rival",
      "db2 ready alive",
    ]);
  });

  test("the current one stays while two claim it without a difference", () => {
    const bench = new Bench(withPrimary(), [primary("db2", "4")]);
    const decision = bench.see([primary("db1", "4"), primary("db2", "4")]);
    expect(said(decision)).toEqual(["db1 out rival", "db2 ready alive"]);
    expect(decision.desired.holds).toEqual([
      {
        pool: "primary",
        kind: "no single primary",
        nodes: ["db1", "db2"],
        reason:
          "2 members claim to be the primary and no highest role_epoch decides it: db2 stays as it was",
        until: undefined,
      },
    ]);
    expect(holdsOf(bench.see([primary("db1", "5"), primary("db2", "4")]))).toEqual([]);
    expect(ready(bench.decide(), "primary")).toEqual(["db1"]);
  });

  test("a primary that restarts at another address is another server", () => {
    const bench = new Bench(withPrimary(), [primary("db1", "1")]);
    const decision = bench.see([primary("db1", "1", { ip: "10.9.9.9" })]);
    expect(decision.desired.pools[0]?.servers).toMatchObject([
      { ip: "10.0.0.1", admission: "out", cause: "rival" },
      { ip: "10.9.9.9", admission: "ready", cause: "alive" },
    ]);
  });

  test("neither suspicion nor flapping moves the primary", () => {
    const bench = new Bench(withPrimary(), [primary("db1")]);
    expect(said(bench.see([primary("db1", undefined, { suspected: true })]))).toEqual([
      "db1 ready alive",
    ]);
    for (let time = 0; time < 9; time += 1) {
      bench.see([primary("db1", undefined, { status: "failed" })]);
      expect(said(bench.see([primary("db1")]))).toEqual(["db1 ready alive"]);
    }
  });

  test.for<[string, readonly LbMember[], readonly string[], readonly string[]]>([
    ["failed", [primary("db1", "1", { status: "failed" })], ["db1 ready held"], ["db1 out failed"]],
    ["was demoted", [replica("db1")], ["db1 ready held"], []],
    ["vanished", [], ["db1 ready held"], []],
    ["left", [primary("db1", "1", { status: "left" })], [], []],
    [
      "is leaving",
      [primary("db1", "1", { status: "leaving" })],
      ["db1 drain left"],
      ["db1 drain left"],
    ],
    [
      "is in maintenance",
      [primary("db1", "1", { tags: { state: "maint" } })],
      ["db1 drain maintenance"],
      ["db1 drain maintenance"],
    ],
  ])("without a primary, the last that %s is held or refused", ([_, members, held, refused]) => {
    const keeper = new Bench(holding, [primary("db1", "1")]);
    keeper.pass(60_000);
    const decision = keeper.see(members);
    expect(said(decision)).toEqual(held);
    const isHeld = held[0] === "db1 ready held";
    expect(holdsOf(decision)).toEqual(isHeld ? ["no single primary: db1"] : []);
    const refuser = new Bench(withPrimary(), [primary("db1", "1")]);
    refuser.pass(60_000);
    expect(said(refuser.see(members))).toEqual(refused);
  });

  test("a held primary gives way to a new one, and to an operator", () => {
    const bench = new Bench(holding, [primary("db1", "1")]);
    bench.see([replica("db1")]);
    expect(said(bench.see([replica("db1"), primary("db2", "2")]))).toEqual([
      "db1 out rival",
      "db2 ready alive",
    ]);
    bench.see([replica("db1"), replica("db2")]);
    expect(bench.order({ kind: "accept" })).toBe("primary: 1 let go (db2)");
    expect(ready(bench.decide(), "primary")).toEqual([]);
    expect(bench.order({ kind: "accept" })).toBe("nothing is held");
  });

  test("a primary that failed and still answers stays, until another claims its place", () => {
    const bench = new Bench(withPrimary({ probe: tcpProbe }), [primary("db1", "1")]);
    const failed = primary("db1", "1", { status: "failed" });
    expect(said(bench.see([failed]))).toEqual(["db1 drain failed"]);
    bench.answers.set("10.0.0.1:5432", "yes");
    expect(said(bench.decide())).toEqual(["db1 ready disputed"]);
    expect(said(bench.see([failed, primary("db2", "2")]))).toEqual([
      "db1 out failed",
      "db2 ready alive",
    ]);
    bench.answers.set("10.0.0.2:5432", "no");
    expect(said(bench.see([primary("db2", "2", { status: "failed" })]))).toContain(
      "db2 out failed",
    );
  });

  test("the operator's word stands above all claims", () => {
    const claims = [primary("db1", "1"), primary("db2", "2"), primary("db3", "3")];
    const bench = new Bench(withPrimary(), claims);
    bench.order({ kind: "override", node: "db1", admission: "ready" });
    expect(said(bench.decide())).toEqual([
      "db1 ready overridden",
      "db2 out rival",
      "db3 out rival",
    ]);
    bench.order({ kind: "override", node: "db1", admission: "none" });
    bench.order({ kind: "override", node: "db3", admission: "out" });
    expect(said(bench.decide())).toEqual([
      "db1 out rival",
      "db2 ready alive",
      "db3 out overridden",
    ]);
  });

  test("the primary outlasts a restart of the agent", () => {
    const bench = new Bench(withPrimary(), [primary("db2", "4")]);
    bench.decide();
    bench.restart();
    bench.see([primary("db1", "4"), primary("db2", "4")]);
    expect(ready(bench.pass(settle.settleTime), "primary")).toEqual(["db2"]);
    bench.restart();
    bench.see([]);
    expect(said(bench.pass(settle.settleTime))).toEqual(["db2 ready held"]);
    expect(said(bench.pass(settle.settleLimit))).toEqual([]);
  });

  test("a primary stays while the agent hears nobody", () => {
    const bench = new Bench(withPrimary(), [primary("db1", "1")]);
    const alone = { health: { isolated: true, awareness: 0 } };
    expect(said(bench.see([primary("db1", "1", { status: "failed" })], alone))).toEqual([
      "db1 ready held",
    ]);
  });

  test("an epoch that is none refuses its member and moves nobody", () => {
    const bench = new Bench(withPrimary(), [primary("db1", "1")]);
    const decision = bench.see([primary("db1", "1"), primary("db2", "9e9")]);
    expect(said(decision)).toEqual(["db1 ready alive"]);
    expect(decision.desired.refused).toEqual([
      {
        pool: "primary",
        node: "db2",
        reason: 'tag role_epoch: "9e9" must be a whole number of up to 15 digits',
      },
    ]);
  });

  test("a primary that left is out when the new one is ready", () => {
    const bench = new Bench(withPrimary(), [primary("db1", "1")]);
    bench.decide();
    bench.see([primary("db1", "1", { status: "left" })]);
    expect(said(bench.see([primary("db2", "2")]))).toEqual(["db1 out rival", "db2 ready alive"]);
  });

  const anyStep = fc.record({
    kind: fc.constantFrom(
      "claim",
      "demote",
      "fail",
      "return",
      "leave",
      "drain",
      "alone",
      "restart",
      "pass",
    ),
    who: fc.integer({ min: 1, max: 4 }),
    epoch: fc.constantFrom(undefined, "1", "2", "3", "x"),
  });

  test.for(["hold", "refuse"] as const)(
    "never two are ready, and who was is out when another is (%s)",
    (noPrimary) => {
      const config = withPrimary({ exclusive: { epochTag: "role_epoch", noPrimary } });
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
          const members = new Map<string, LbMember>();
          const bench = new Bench(config, []);
          let before: string | undefined;
          let isolated = false;
          for (const { kind, who, epoch } of steps) {
            const name = `db${who}`;
            const known = members.get(name);
            if (kind === "claim") members.set(name, primary(name, epoch));
            else if (kind === "demote") members.set(name, replica(name));
            else if (kind === "drain") {
              members.set(name, primary(name, epoch, { tags: { state: "draining" } }));
            } else if (kind === "alone") isolated = !isolated;
            else if (kind === "restart") bench.restart();
            else if (kind === "pass") bench.now += who * 4_000;
            else if (known !== undefined) {
              const statuses = { fail: "failed", return: "alive", leave: "left" } as const;
              members.set(name, { ...known, status: statuses[kind] });
            }
            const decision = bench.see([...members.values()], {
              health: { isolated, awareness: 0 },
            });
            expect(JSON.stringify(bench.decide().desired)).toBe(JSON.stringify(decision.desired));
            if (decision.desired.frozen) continue;
            const [now, ...others] = ready(decision, "primary");
            expect(others).toEqual([]);
            if (now !== undefined && before !== undefined && now !== before) {
              expect(said(decision).find((line) => line.startsWith(`${before} `))).toContain(
                " out ",
              );
            }
            before = now ?? before;
            if (kind === "pass" && now === undefined) before = undefined;
          }
        }),
        { numRuns: 300 },
      );
    },
  );
});
