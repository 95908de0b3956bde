import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { OperatorError } from "../../src/base/errors.js";
import { seconds } from "../../src/base/units.js";
import type { UserEvent } from "../../src/serf/events.js";
import { profiles } from "../../src/swim/config.js";
import { encodeSerfMessage } from "../../src/wire/serf-messages.js";
import { LoneSerf } from "../support/lone-serf.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

function trio(seed = 1): [SerfCluster, ClusterNode, ClusterNode, ClusterNode] {
  const cluster = new SerfCluster({ seed });
  const [a, b, c] = cluster.addGroup(["a", "b", "c"]) as [ClusterNode, ClusterNode, ClusterNode];
  return [cluster, a, b, c];
}

/** A machine that gossips so seldom that nothing it says is said in time. */
function silentSerf(): LoneSerf {
  const never = seconds(10_000);
  return new LoneSerf({
    timing: { ...profiles.lan, gossipInterval: never, probeInterval: never },
  });
}

describe("being a member", () => {
  test("a node is told of itself a second after it started", () => {
    const cluster = new SerfCluster();
    const node = cluster.add("a");
    cluster.run(seconds(1) - 1);
    expect(node.told).toEqual([]);
    cluster.run(1);
    expect(node.told).toEqual(["member-join a"]);
    expect(node.log.at("info")).toEqual(["EventMemberJoin: a 10.0.0.1"]);
    expect(node.serf.local).toMatchObject({
      name: "a",
      status: "alive",
      protocol: { min: 1, max: 5, current: 2 },
      delegate: { min: 2, max: 5, current: 5 },
    });
  });

  test("nodes that join know each other", () => {
    const [, a, b, c] = trio();
    for (const node of [a, b, c]) {
      expect(node.view).toEqual({ a: "alive", b: "alive", c: "alive" });
      expect(node.log.at("info").filter((line) => line.startsWith("EventMemberJoin"))).toHaveLength(
        3,
      );
    }
    expect(a.told).toEqual(["member-join a b c"]);
  });

  test("a join that reaches nobody changes nothing", () => {
    const cluster = new SerfCluster();
    const node = cluster.add("a");
    const results: unknown[] = [];
    const address = { ip: Uint8Array.of(10, 0, 0, 99), port: 7946 };
    node.serf.join(0, [{ address, name: "" }], false, (result) => results.push(result));
    cluster.settle(node);
    cluster.run(seconds(20));
    expect(results).toMatchObject([{ contacted: 0, failures: [{ address }] }]);
    expect(node.serf.stats()).toMatchObject({ members: 1, memberTime: 1, intentQueue: 0 });
  });

  test("the numbers for info", () => {
    const [cluster, a, b] = trio();
    cluster.crash(b);
    cluster.run(seconds(30));
    expect(a.serf.stats()).toEqual({
      members: 3,
      failed: 1,
      left: 0,
      healthScore: expect.any(Number),
      memberTime: expect.any(Number),
      eventTime: 1,
      queryTime: 1,
      intentQueue: 0,
      eventQueue: 0,
      queryQueue: 0,
      encrypted: false,
      coordinateResets: 0,
    });
  });

  test("the same seed gives the same history, another seed another one", () => {
    const history = (seed: number): unknown => {
      const [cluster, a, b, c] = trio(seed);
      cluster.crash(c);
      a.serf.userEvent(cluster.now, "deploy", text("v1"), false);
      cluster.settle(a);
      cluster.run(seconds(30));
      return [a, b].map(({ sent, told }) => [told, sent.map(({ payload }) => [...payload])]);
    };
    expect(history(7)).toEqual(history(7));
    expect(history(7)).not.toEqual(history(8));
  });

  test("round trips move coordinates, which are forgotten with their members", () => {
    const [cluster, a, b] = trio();
    cluster.run(seconds(30));
    expect(a.serf.rtt("a", "b")).toBeGreaterThan(0);
    expect(a.serf.rtt("a", "b")).toBeLessThan(50);
    expect(a.serf.coordinate("b")?.vec).toHaveLength(8);
    expect(a.serf.coordinate("stranger")).toBeUndefined();
    cluster.crash(b);
    cluster.run(seconds(20));
    a.serf.forceLeave(cluster.now, "b", true, () => {});
    expect(a.serf.coordinate("b")).toBeUndefined();
  });
});

describe("leaving", () => {
  test("a graceful leave is seen as such by all", () => {
    const [cluster, a, b, c] = trio();
    let left = false;
    c.serf.leave(cluster.now, () => {
      left = true;
    });
    cluster.settle(c);
    expect(c.serf.state).toBe("leaving");
    cluster.run(seconds(4));
    expect(left).toBe(true);
    expect(c.serf.state).toBe("left");
    expect(a.view).toEqual({ a: "alive", b: "alive", c: "left" });
    expect(b.view).toEqual(a.view);
    expect(a.told.at(-1)).toBe("member-leave c");
    expect(a.log.at("info").at(-1)).toBe("EventMemberLeave: c 10.0.0.3");
  });

  test("our own leave is told before the leave is done", () => {
    const [cluster, , , c] = trio();
    let told: string[] = [];
    c.serf.leave(cluster.now, () => {
      cluster.settle(c);
      told = [...c.told];
    });
    cluster.settle(c);
    cluster.run(seconds(4));
    expect(told.at(-1)).toBe("member-leave c");
  });

  test("a lone node leaves after the time that others would get", () => {
    const cluster = new SerfCluster();
    const node = cluster.add("a");
    let left: number | undefined;
    node.serf.leave(0, () => {
      left = cluster.now;
    });
    cluster.settle(node);
    cluster.run(seconds(10));
    expect(left).toBe(seconds(1));
  });

  test("a leave that nobody hears is warned of and goes on", () => {
    const [cluster, , , c] = trio();
    cluster.silence(c);
    let left = false;
    // Nothing is gossiped while the others are believed to be gone.
    cluster.run(seconds(60));
    expect(c.view).toEqual({ a: "failed", b: "failed", c: "alive" });
    c.serf.leave(cluster.now, () => {
      left = true;
    });
    cluster.settle(c);
    cluster.run(seconds(12));
    expect(left).toBe(true);
  });

  test("a leave waits no longer than the broadcast timeout, twice", () => {
    const lone = silentSerf();
    lone.meet("peer", 2);
    let left: number | undefined;
    lone.serf.leave(lone.cluster.now, () => {
      left = lone.cluster.now;
    });
    lone.cluster.settle(lone.node);
    lone.run(seconds(30));
    expect(lone.node.log.at("warn")).toEqual([
      "timeout while waiting for graceful leave",
      "timeout waiting for leave broadcast",
    ]);
    expect(left).toBe(seconds(11));
  });

  test("a join that ends while we leave does not take the leave back", () => {
    const [cluster, a, b] = trio();
    const c = cluster.add("late");
    const nobody = { ip: Uint8Array.of(10, 0, 0, 99), port: 7946 };
    const targets = [a.address, nobody].map((address) => ({ address, name: "" }));
    c.serf.join(cluster.now, targets, false, () => {});
    cluster.settle(c);
    cluster.run(2);
    expect(c.serf.stats()).toMatchObject({ members: 4, memberTime: 2 });
    c.serf.leave(cluster.now, () => {});
    cluster.settle(c);
    cluster.run(seconds(5));
    expect(c.serf.stats().memberTime).toBe(3);
    expect([a, b].map(({ view }) => view.late)).toEqual(["left", "left"]);
  });

  test("while it leaves a node neither leaves again nor joins", () => {
    const [cluster, , , c] = trio();
    c.serf.leave(cluster.now, () => {});
    cluster.settle(c);
    expect(() => c.serf.leave(cluster.now, () => {})).toThrow(
      new OperatorError("Leave already in progress"),
    );
    expect(() => c.serf.join(cluster.now, [], false, () => {})).toThrow(
      new OperatorError("Serf can't Join after Leave or Shutdown"),
    );
    cluster.run(seconds(4));
    let again = false;
    c.serf.leave(cluster.now, () => {
      again = true;
    });
    expect(again).toBe(true);
  });

  test("a node that left and comes back at another address is told there", () => {
    const [cluster, a, , c] = trio();
    c.serf.leave(cluster.now, () => {});
    cluster.settle(c);
    cluster.run(seconds(1));
    cluster.crash(c);
    const again = cluster.add("c", { host: 77 });
    cluster.join(again, a);
    cluster.run(seconds(5));
    expect(a.serf.members().map(({ address }) => formatAddress(address))).toContain(
      "10.0.0.77:7946",
    );
    const last = a.events.at(-1);
    expect(last).toMatchObject({
      kind: "member-join",
      members: [{ name: "c", address: { ip: Uint8Array.of(10, 0, 0, 77) } }],
    });
  });
});

describe("failing", () => {
  test("a crash is seen as a failure, and undone by a restart", () => {
    const [cluster, a, , c] = trio();
    cluster.crash(c);
    cluster.run(seconds(20));
    expect(a.view).toEqual({ a: "alive", b: "alive", c: "failed" });
    expect(a.told.at(-1)).toBe("member-failed c");
    expect(a.log.at("info")).toContain("EventMemberFailed: c 10.0.0.3");
    const again = cluster.add("c", { host: 3 });
    cluster.join(again, a);
    cluster.run(seconds(5));
    expect(a.view).toEqual({ a: "alive", b: "alive", c: "alive" });
    expect(a.told.at(-1)).toBe("member-join c");
    expect(a.serf.counters.flaps).toBe(1);
  });

  test("a member that was cut off for minutes is found again without any command", () => {
    const [cluster, a, b, c] = trio();
    cluster.silence(c);
    cluster.run(seconds(120));
    expect(a.view).toEqual({ a: "alive", b: "alive", c: "failed" });
    cluster.heal(c);
    cluster.run(seconds(180));
    for (const node of [a, b, c]) expect(node.view).toEqual({ a: "alive", b: "alive", c: "alive" });
    const attempts = [a, b, c].flatMap(({ log }) => log.at("info"));
    expect(
      attempts.some((line) => /^attempting reconnect to [abc] 10\.0\.0\.\d:7946$/.test(line)),
    ).toBe(true);
  });

  test("nobody is sought who has not failed", () => {
    const [cluster, a] = trio();
    cluster.run(seconds(120));
    expect(a.log.lines.filter(({ message }) => message.includes("reconnect"))).toEqual([]);
  });
});

describe("coming back", () => {
  const gaps = [2, 25, 30, 31, 32, 34, 40, 90].map((gap) => ({ gap }));

  test.for(gaps)("$gap s after it left or crashed a member is alive to all", ({ gap }) => {
    for (const leaves of [true, false]) {
      for (let seed = 1; seed <= 3; seed += 1) {
        const cluster = new SerfCluster({ seed });
        const group = cluster.addGroup(["a", "b", "c", "d", "e", "f", "g", "h"]);
        const [first, , gone] = group as [ClusterNode, ClusterNode, ClusterNode];
        cluster.run(seconds(30));
        if (leaves) gone.serf.leave(cluster.now, () => {});
        cluster.settle(gone);
        cluster.run(seconds(2));
        cluster.crash(gone);
        cluster.run(seconds(gap));
        const back = cluster.add("c", { host: 3 });
        cluster.join(back, first);
        const all = [back, ...group.filter((node) => node !== gone)];
        // Gossip may miss one of so few; one or two intervals later a push/pull has told it.
        cluster.run(seconds(65));
        expect(all.map(({ view }) => view.c)).toEqual(all.map(() => "alive"));
      }
    }
  });
});

describe("force-leave", () => {
  const forceLeave = (cluster: SerfCluster, node: ClusterNode, name: string, prune = false) => {
    const results: (string | undefined)[] = [];
    node.serf.forceLeave(cluster.now, name, prune, (error) => results.push(error));
    cluster.settle(node);
    cluster.run(seconds(3));
    return results;
  };

  test("the only other member is told of it as well, and contradicts if it is here", () => {
    const cluster = new SerfCluster();
    const [a, b] = cluster.addGroup(["a", "b"]) as [ClusterNode, ClusterNode];
    forceLeave(cluster, a, "b");
    expect(a.view).toEqual({ a: "alive", b: "alive" });
    expect(b.view).toEqual({ a: "alive", b: "alive" });
    expect(b.log.at("debug")).toContain("Refuting an older leave intent");
  });

  test("a failed member has left, for all", () => {
    const [cluster, a, b, c] = trio();
    cluster.crash(c);
    cluster.run(seconds(20));
    expect(forceLeave(cluster, a, "c")).toEqual([undefined]);
    for (const node of [a, b]) {
      expect(node.view).toMatchObject({ c: "left" });
      expect(node.told.at(-1)).toBe("member-leave c");
      expect(node.log.at("info")).toContain("EventMemberLeave (forced): c 10.0.0.3");
    }
  });

  test("a failed member is forgotten by all when it is pruned", () => {
    const [cluster, a, b, c] = trio();
    cluster.crash(c);
    cluster.run(seconds(20));
    expect(forceLeave(cluster, a, "c", true)).toEqual([undefined]);
    for (const node of [a, b]) {
      expect(node.view).toEqual({ a: "alive", b: "alive" });
      expect(node.told.at(-1)).toBe("member-reap c");
    }
  });

  test("a member that is alive denies it", () => {
    const [cluster, a, b, c] = trio();
    expect(forceLeave(cluster, a, "c")).toEqual([undefined]);
    for (const node of [a, b, c]) expect(node.view).toMatchObject({ c: "alive" });
    expect(c.log.at("debug")).toContain("Refuting an older leave intent");
  });

  test("a member that is alive and denies it is not pruned", () => {
    const [cluster, a, b, c] = trio();
    forceLeave(cluster, a, "c", true);
    cluster.run(seconds(30));
    for (const node of [a, b, c]) expect(node.view).toMatchObject({ c: "alive" });
    expect(a.told.join(" ")).not.toContain("member-reap");
  });

  test("an unknown member is no error", () => {
    const [cluster, a, b] = trio();
    expect(forceLeave(cluster, a, "nobody")).toEqual([undefined]);
    expect(b.view).toEqual({ a: "alive", b: "alive", c: "alive" });
  });

  test("a node alone is done at once", () => {
    const cluster = new SerfCluster();
    const node = cluster.add("a");
    expect(forceLeave(cluster, node, "nobody")).toEqual([undefined]);
  });

  test("what is not gossiped in time is an error", () => {
    const lone = silentSerf();
    lone.meet("peer", 2);
    const results: (string | undefined)[] = [];
    lone.serf.forceLeave(lone.cluster.now, "x", false, (error) => results.push(error));
    lone.cluster.settle(lone.node);
    lone.run(seconds(10));
    expect(results).toEqual(["timed out broadcasting node removal"]);
  });
});

describe("tags", () => {
  test("a change reaches all and is told to all, ourselves included", () => {
    const [cluster, a, b, c] = trio();
    const results: (string | undefined)[] = [];
    c.serf.setTags(cluster.now, new Map([["role", "db"]]), (error) => results.push(error));
    cluster.settle(c);
    cluster.run(seconds(5));
    expect(results).toEqual([undefined]);
    for (const node of [a, b, c]) {
      expect(node.serf.members().at(-1)?.tags).toEqual(new Map([["role", "db"]]));
      expect(node.told.at(-1)).toBe("member-update c");
      expect(node.log.at("info").at(-1)).toBe("EventMemberUpdate: c");
    }
  });

  test("tags that are too long change nothing", () => {
    const [cluster, , , c] = trio();
    expect(() => c.serf.setTags(cluster.now, new Map([["k", "v".repeat(512)]]), () => {})).toThrow(
      new OperatorError("Encoded length of tags exceeds limit of 512 bytes"),
    );
    expect(c.serf.local.tags).toEqual(new Map());
  });

  test("a member that speaks protocol 2 shows its role alone", () => {
    const cluster = new SerfCluster();
    const a = cluster.add("a");
    const tags = new Map([
      ["role", "web"],
      ["dc", "east"],
    ]);
    const old = cluster.add("old", { delegateVersion: 2, tags });
    cluster.join(old, a);
    cluster.run(seconds(3));
    expect(a.serf.members().at(-1)).toMatchObject({
      name: "old",
      tags: new Map([["role", "web"]]),
      delegate: { current: 2 },
    });
  });
});

describe("user events in a group", () => {
  const eventsOf = ({ events }: ClusterNode): string[] =>
    events.filter((event): event is UserEvent => event.kind === "user").map(({ name }) => name);

  test.for([1, 2, 3, 4, 5])("every member is told once, under loss (SEED=%i)", (seed) => {
    const cluster = new SerfCluster({ seed, loss: 0.2 });
    const nodes = cluster.addGroup(["a", "b", "c", "d", "e"]);
    cluster.run(seconds(60));
    for (let count = 0; count < 10; count += 1) {
      const node = nodes[count % nodes.length] as ClusterNode;
      node.serf.userEvent(cluster.now, `e${count}`, text("x"), false);
      cluster.settle(node);
      cluster.run(seconds(1));
    }
    cluster.run(seconds(90));
    for (const node of nodes) {
      expect(eventsOf(node).sort()).toEqual(Array.from({ length: 10 }, (_, count) => `e${count}`));
    }
  });

  test.for([
    { replay: false, told: ["after"] },
    { replay: true, told: ["before", "after"] },
  ])("who joins with replay $replay is told $told", ({ replay, told }) => {
    const [cluster, a] = trio();
    a.serf.userEvent(cluster.now, "before", text("x"), false);
    cluster.settle(a);
    cluster.run(seconds(5));
    const late = cluster.add("late");
    cluster.join(late, a, replay);
    cluster.run(seconds(2));
    a.serf.userEvent(cluster.now, "after", text("x"), false);
    cluster.settle(a);
    cluster.run(seconds(60));
    expect(eventsOf(late)).toEqual(told);
  });
});

test("a join that failed does not make the next one ignore the past", () => {
  const [cluster, a] = trio();
  a.serf.userEvent(cluster.now, "before", text("x"), false);
  cluster.settle(a);
  const late = cluster.add("late");
  const nowhere = { ip: Uint8Array.of(10, 0, 0, 99), port: 7946 };
  late.serf.join(cluster.now, [{ address: nowhere, name: "" }], false, () => {});
  cluster.settle(late);
  cluster.run(seconds(20));
  cluster.join(late, a, true);
  cluster.run(seconds(2));
  expect(late.events.some((event) => event.kind === "user" && event.name === "before")).toBe(true);
});

test("a query from one member is acked by the others that it is meant for, through the network", () => {
  const [cluster, a, b, c] = trio();
  const query = encodeSerfMessage({
    kind: "query",
    ltime: 1,
    id: 9,
    ...a.address,
    sourceNode: "a",
    filters: undefined,
    flags: 1,
    relayFactor: 2,
    timeout: 10_000,
    name: "_serf_ping",
    payload: undefined,
  });
  b.serf.receivePacket(cluster.now, a.address, Uint8Array.from([8, ...query]));
  cluster.settle(b);
  cluster.run(seconds(2));
  // b hears it first and gossips it to all; each acks, and sends two copies through the others.
  const late = a.log.lines.filter(({ message }) => message === "reply for non-running query");
  expect(new Set(late.map(({ fields }) => fields.from))).toEqual(new Set(["a", "b", "c"]));
  expect(c.serf.counters.acksSent).toBe(1);
  expect(late).toHaveLength(9);
});
