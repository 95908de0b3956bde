import { describe, expect, test } from "vitest";
import { profiles } from "../../src/swim/config.js";
import { minSuspicion } from "../../src/swim/scaling.js";
import { Keyring } from "../../src/wire/keyring.js";
import { text } from "../support/swim-host.js";
import { VirtualCluster } from "../support/virtual-cluster.js";

/** SEED=17 alone if the environment says so, else the first `count`. */
function seeds(count: number): number[] {
  const { SEED } = process.env;
  if (SEED !== undefined) return [Number(SEED)];
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** All members joined and every claim has been gossiped. */
function settled(options: { seed: number; members: number; loss?: number }): VirtualCluster {
  const cluster = new VirtualCluster(options);
  cluster.joinAll();
  expect(cluster.runUntil(() => cluster.converged(), 120_000)).toBeLessThan(120_000);
  cluster.run(5_000);
  return cluster;
}

/**
 * The longest until the last member knows of a crash: the victim may be last in one ring and first in
 * the next, the probe that finds it may be late with others that failed, and nobody may confirm.
 */
function detectionBound(members: number): number {
  const { probeInterval, suspicionMaxTimeoutMult, suspicionMult } = profiles.lan;
  const suspicion = minSuspicion(suspicionMult, members, probeInterval) * suspicionMaxTimeoutMult;
  return 2 * members * probeInterval + 8 * probeInterval + suspicion + 5_000;
}

describe("a group", () => {
  test.for(seeds(10))("that joins one member is known to all (SEED=%i)", (seed) => {
    const cluster = new VirtualCluster({ seed, members: 20 });
    cluster.joinAll();
    expect(cluster.runUntil(() => cluster.converged(), 5_000)).toBeLessThan(5_000);
  });

  test.for(seeds(5))("becomes one in spite of lost packets (SEED=%i)", (seed) => {
    const cluster = new VirtualCluster({ seed, members: 20, loss: 0.2 });
    cluster.joinAll();
    expect(cluster.runUntil(() => cluster.converged(), 120_000)).toBeLessThan(120_000);
  });

  test.for(seeds(10))("learns of a crash within the bound (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 10, loss: 0.02 });
    cluster.crash("n7");
    const bound = detectionBound(10);
    const known = (): boolean => cluster.viewsOf("n7").dead === 9;
    expect(cluster.runUntil(known, bound)).toBeLessThan(bound);
    expect(cluster.converged()).toBe(true);
  });

  test.for(seeds(10))("sees a graceful leave as left, by everybody (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 10 });
    const done: boolean[] = [];
    cluster.tell("n3", (swim, now) => swim.leave(now, 5_000, (inTime) => done.push(inTime)));
    cluster.runUntil(() => done.length > 0, 6_000);
    cluster.run(1_000);
    cluster.crash("n3");
    expect(done).toEqual([true]);
    expect(cluster.viewsOf("n3")).toEqual({ left: 9 });
    cluster.run(20_000);
    expect(cluster.viewsOf("n3")).toEqual({ left: 9 });
    for (const { delegate, name } of cluster.nodes.values()) {
      expect({ name, dead: delegate.events.includes("dead n3") }).toEqual({ name, dead: false });
    }
  });

  test.for(seeds(5))("forgets who left or failed, and knows of it no more (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 8 });
    cluster.tell("n3", (swim, now) => swim.leave(now, 5_000, () => {}));
    cluster.run(3_000);
    cluster.crash("n3");
    cluster.crash("n4");
    cluster.run(400_000);
    expect(cluster.viewsOf("n3")).toEqual({ unknown: 6 });
    expect(cluster.viewsOf("n4")).toEqual({ unknown: 6 });
    expect(cluster.converged()).toBe(true);
  });

  test.for(seeds(10))("is quiet: nobody is ever suspected wrongly (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 10 });
    cluster.run(60_000);
    for (const { name, swim } of cluster.nodes.values()) {
      const { probesFailed, refutations } = swim.counters;
      expect({ name, probesFailed, refutations }).toEqual({
        name,
        probesFailed: 0,
        refutations: 0,
      });
      expect(swim.health).toBe(0);
      expect(swim.queuedClaims).toBe(0);
    }
  });
});

describe("a member that one other cannot reach", () => {
  test.for(seeds(5))("is reached through others (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 8 });
    cluster.link = (from, to) => !(from === "n1" && to === "n2") && !(from === "n2" && to === "n1");
    cluster.run(60_000);
    expect(cluster.viewsOf("n2")).toEqual({ alive: 7 });
    const counts = [...cluster.nodes.values()].map(({ swim }) => swim.counters);
    expect(counts.some(({ pingsRelayed }) => pingsRelayed > 0)).toBe(true);
    expect(counts.every(({ probesFailed }) => probesFailed === 0)).toBe(true);
  });

  test.for(seeds(5))("refutes what is said of it because packets got lost (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 8 });
    cluster.loss = 0.35;
    cluster.streamsPass = false;
    cluster.run(60_000);
    cluster.loss = 0;
    cluster.streamsPass = true;
    cluster.run(60_000);
    const refuted = [...cluster.nodes.values()].filter(({ swim }) => swim.local.incarnation > 1);
    expect(refuted.length).toBeGreaterThan(0);
    expect(cluster.converged()).toBe(true);
  });

  test.for(seeds(5))("that was heard by nobody is believed again (SEED=%i)", (seed) => {
    const cluster = settled({ seed, members: 8 });
    cluster.link = (from) => from !== "n2";
    const suspected = cluster.runUntil(() => cluster.viewsOf("n2").suspect === 7, 30_000);
    expect(suspected).toBeLessThan(30_000);
    cluster.link = () => true;
    // At once if it hears of the suspicion now; if it refuted while nobody heard it, with a push/pull.
    const healed = (): boolean => cluster.converged();
    expect(cluster.runUntil(healed, 90_000)).toBeLessThan(90_000);
    expect(cluster.node("n2").swim.local.incarnation).toBeGreaterThan(1);
  });
});

test.for(seeds(5))("two halves that lost each other become one again (SEED=%i)", (seed) => {
  const cluster = settled({ seed, members: 10 });
  const left = new Set(["n1", "n2", "n3", "n4"]);
  cluster.link = (from, to) => left.has(from) === left.has(to);
  const apart = (): boolean =>
    cluster.node("n1").swim.aliveCount === 4 && cluster.node("n9").swim.aliveCount === 6;
  expect(cluster.runUntil(apart, 120_000)).toBeLessThan(120_000);
  cluster.link = () => true;
  // As Serf's reconnect does it: the dead are still gossiped to, but nobody has anything to say.
  const { address } = cluster.node("n9");
  cluster.tell("n1", (swim, now) => swim.join(now, [{ address, name: "n9" }], () => {}));
  expect(cluster.runUntil(() => cluster.converged(), 90_000)).toBeLessThan(90_000);
});

test.for(seeds(5))("a member that crashed and came back is believed (SEED=%i)", (seed) => {
  const cluster = settled({ seed, members: 6 });
  cluster.crash("n4");
  cluster.runUntil(() => cluster.viewsOf("n4").dead === 5, 60_000);
  cluster.add("n4");
  const { address } = cluster.node("n1");
  cluster.tell("n4", (swim, now) => swim.join(now, [{ address, name: "" }], () => {}));
  expect(cluster.runUntil(() => cluster.converged(), 10_000)).toBeLessThan(10_000);
  expect(cluster.node("n4").swim.local.incarnation).toBeGreaterThan(1);
});

test.for(seeds(3))("an encrypted and compressed group works the same (SEED=%i)", (seed) => {
  const keyring = new Keyring([text("0123456789abcdef")]);
  const config = { keyring, compression: true, label: "blue" };
  const cluster = new VirtualCluster({ seed, members: 8, loss: 0.02, config });
  cluster.joinAll();
  expect(cluster.runUntil(() => cluster.converged(), 60_000)).toBeLessThan(60_000);
  cluster.crash("n5");
  const known = (): boolean => cluster.viewsOf("n5").dead === 7;
  expect(cluster.runUntil(known, detectionBound(8))).toBeLessThan(detectionBound(8));
});

describe("the same seed", () => {
  function history(seed: number): string {
    const cluster = new VirtualCluster({ seed, members: 8, loss: 0.1 });
    cluster.joinAll();
    cluster.run(20_000);
    cluster.crash("n5");
    cluster.run(20_000);
    cluster.tell("n3", (swim, now) => swim.leave(now, 5_000, () => {}));
    cluster.run(10_000);
    return cluster.history();
  }

  test("gives the same history, byte for byte, and another seed another", () => {
    expect(history(7)).toBe(history(7));
    expect(history(8)).not.toBe(history(7));
  });
});
