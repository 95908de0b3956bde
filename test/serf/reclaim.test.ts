import { describe, expect, test } from "vitest";
import { formatAddress, sameAddress } from "../../src/base/address.js";
import { type Millis, minutes, seconds } from "../../src/base/units.js";
import { LoneSerf, peerAddress, remoteState, stockVersions } from "../support/lone-serf.js";
import { seeds } from "../support/seeds.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";
import { serfLike, toldBySerf } from "../support/serf-like.js";

const noBytes = new Uint8Array();
const newAddress = "10.0.0.77:7946";

/** Where `node` believes the member to be that is called n. */
function heldAt(node: ClusterNode): string {
  const member = node.serf.members().find(({ name }) => name === "n");
  return member === undefined ? "nowhere" : `${member.status} ${formatAddress(member.address)}`;
}

interface Group {
  readonly cluster: SerfCluster;
  readonly serfs: ClusterNode[];
  readonly ours: ClusterNode[];
  readonly n: ClusterNode;
}

/** Members like Serf's, some of ours, and n, which is to return. */
function group(options: { serfs: number; ours?: number; seed?: number; loss?: number }): Group {
  const { ours: count = 0, serfs: serfCount, ...rest } = options;
  const cluster = new SerfCluster(rest);
  const names = (prefix: string, number: number): string[] =>
    Array.from({ length: number }, (_, index) => `${prefix}${index + 1}`);
  const serfs = cluster.addGroup(names("serf", serfCount), serfLike);
  const ours = names("our", count).map((name) => cluster.add(name));
  const n = cluster.add("n");
  for (const node of [...ours, n]) cluster.join(node, serfs[0] as ClusterNode);
  cluster.run(seconds(20));
  return { cluster, serfs, ours, n };
}

function comeBack({ cluster, serfs }: Group): ClusterNode {
  const back = cluster.add("n", { host: 77 });
  cluster.join(back, serfs[0] as ClusterNode);
  return back;
}

/** What handlers behind Serf were told of n since it returned. */
function toldOfReturn(node: ClusterNode, since: number): string[] {
  const before = toldBySerf({
    history: node.history.filter(({ at }) => at <= since),
  } as ClusterNode);
  return toldBySerf(node)
    .filter(({ member }) => member.name === "n")
    .slice(before.filter(({ member }) => member.name === "n").length)
    .map(({ kind, member }) => `${kind} ${formatAddress(member.address)}`);
}

function timeUntilHeld({ cluster, serfs, ours }: Group, limit: Millis): Millis {
  const start = cluster.now;
  const all = [...serfs, ...ours];
  while (cluster.now < start + limit) {
    cluster.run(50);
    if (all.every((node) => heldAt(node) === `alive ${newAddress}`)) return cluster.now - start;
  }
  return Number.POSITIVE_INFINITY;
}

describe("members that believe as Serf's do", () => {
  for (const away of [0, 1_500, 4_000, 7_000, 12_000, 25_000]) {
    test.for(seeds(5))(
      `hold one that was away for ${away} ms at its new address within 6 s (SEED=%i)`,
      (seed) => {
        const g = group({ serfs: 4, seed, loss: 0.02 });
        g.cluster.crash(g.n);
        g.cluster.run(away);
        const since = g.cluster.now;
        const back = comeBack(g);
        expect(timeUntilHeld(g, seconds(6))).toBeLessThan(seconds(6));
        g.cluster.run(seconds(10));
        expect(back.stopped).toBeUndefined();
        for (const node of g.serfs) {
          expect(heldAt(node)).toBe(`alive ${newAddress}`);
          expect(toldOfReturn(node, since).at(-1)).toBe(`member-join ${newAddress}`);
        }
      },
    );
  }

  test.for(seeds(10))("do so with a tenth of all packets lost, if later (SEED=%i)", (seed) => {
    const g = group({ serfs: 5, ours: 2, seed, loss: 0.1 });
    g.cluster.crash(g.n);
    g.cluster.run(seconds(seed));
    const back = comeBack(g);
    expect(timeUntilHeld(g, seconds(40))).toBeLessThan(seconds(40));
    expect(back.stopped).toBeUndefined();
  });

  test.for(seeds(5))("do so while others change all the time (SEED=%i)", (seed) => {
    const g = group({ serfs: 4, seed });
    g.cluster.crash(g.n);
    const restless = g.serfs[1] as ClusterNode;
    for (let time = 0; time < 20_000; time += 700) {
      g.cluster.at(g.cluster.now + time, () => {
        restless.serf.setTags(g.cluster.now, new Map([["t", String(time)]]), () => {});
        g.cluster.settle(restless);
      });
    }
    g.cluster.run(300);
    const since = g.cluster.now;
    comeBack(g);
    expect(timeUntilHeld(g, seconds(8))).toBeLessThan(seconds(8));
    g.cluster.run(seconds(10));
    for (const node of g.serfs) {
      expect(toldOfReturn(node, since).at(-1)).toBe(`member-join ${newAddress}`);
    }
  });

  test.for(seeds(10))(
    "share a group with ours, which are told once and sooner (SEED=%i)",
    (seed) => {
      const g = group({ serfs: 3, ours: 3, seed });
      g.cluster.crash(g.n);
      g.cluster.run(seed * 1_000);
      for (const node of g.ours) node.events.length = 0;
      const back = comeBack(g);
      g.cluster.run(600);
      for (const node of g.ours) expect(heldAt(node)).toBe(`alive ${newAddress}`);
      expect(timeUntilHeld(g, seconds(6))).toBeLessThan(seconds(6));
      g.cluster.run(seconds(15));
      expect(back.stopped).toBeUndefined();
      for (const node of g.ours) {
        const arrivals = node.events.filter(
          (event) =>
            (event.kind === "member-join" || event.kind === "member-update") &&
            event.members.some(
              (member) => member.name === "n" && formatAddress(member.address) === newAddress,
            ),
        );
        expect(arrivals).toHaveLength(1);
        expect(node.log.at("warn").filter((line) => line.includes("Name conflict"))).toEqual([]);
      }
    },
  );

  test.for(seeds(5))(
    "hear of the leave and of the return apart, even if they ask in between (SEED=%i)",
    (seed) => {
      const g = group({ serfs: 4, seed });
      g.cluster.crash(g.n);
      g.cluster.run(300);
      const since = g.cluster.now;
      const back = comeBack(g);
      const told = "members that hold us elsewhere are told that we left";
      while (!back.log.at("info").includes(told)) g.cluster.run(10);
      g.cluster.run(500);
      for (const node of g.serfs) g.cluster.join(node, back);
      expect(timeUntilHeld(g, seconds(6))).toBeLessThan(seconds(6));
      g.cluster.run(seconds(10));
      for (const node of g.serfs) {
        expect(toldOfReturn(node, since).at(-1)).toBe(`member-join ${newAddress}`);
      }
    },
  );

  test("hold one that moves again and again where it is", () => {
    const g = group({ serfs: 4 });
    let node = g.n;
    for (const host of [71, 72, 73, 77]) {
      g.cluster.crash(node);
      node = g.cluster.add("n", { host });
      g.cluster.join(node, g.serfs[host % 4] as ClusterNode);
      g.cluster.run(2_000);
    }
    expect(timeUntilHeld(g, seconds(15))).toBeLessThan(seconds(15));
    expect(node.stopped).toBeUndefined();
  });

  test("are not told that a member has left which only the newcomer cannot reach", () => {
    const g = group({ serfs: 4 });
    g.cluster.link = (from, to) => {
      const hosts = [from, to].map(({ address }) => address.ip[3]);
      return !(hosts.includes(77) && hosts.includes(5));
    };
    const back = comeBack(g);
    g.cluster.run(minutes(1));
    expect(back.stopped).toBeDefined();
    expect(g.n.stopped).toBeUndefined();
    for (const node of g.serfs) {
      expect(heldAt(node)).toBe("alive 10.0.0.5:7946");
      expect(node.told.filter((event) => event.includes("failed"))).toEqual([]);
    }
  });
});

describe("a member that returns", () => {
  test("stops asking once all hold it where it is", () => {
    const g = group({ serfs: 1, ours: 3 });
    g.cluster.crash(g.n);
    const back = comeBack(g);
    g.cluster.run(seconds(20));
    expect(back.log.at("info")).toContain("all members hold us where we are");
    const asked = g.ours[0]?.serf.counters.queries;
    g.cluster.run(minutes(2));
    expect(g.ours[0]?.serf.counters.queries).toBe(asked);
  });

  test("under another form of its old address does not take itself for a rival", () => {
    const cluster = new SerfCluster();
    const [a, , n] = cluster.addGroup(["a", "b", "n"]) as [ClusterNode, ClusterNode, ClusterNode];
    cluster.crash(n);
    const ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 3);
    const back = cluster.add("n", { host: 3, advertise: { ip, port: 7946 } });
    cluster.join(back, a);
    cluster.run(seconds(20));
    expect(back.stopped).toBeUndefined();
    expect(a.view.n).toBe("alive");
    expect(a.serf.members().find(({ name }) => name === "n")?.address.ip).toEqual(ip);
  });

  test("after a leave is told everywhere within two gossip rounds", () => {
    const g = group({ serfs: 3, ours: 3 });
    g.n.serf.leave(g.cluster.now, () => g.cluster.at(g.cluster.now, () => g.cluster.crash(g.n)));
    g.cluster.settle(g.n);
    g.cluster.run(seconds(5));
    comeBack(g);
    expect(timeUntilHeld(g, 400)).toBeLessThanOrEqual(400);
  });

  test("tells each member once a round, however often it hears that it had left", () => {
    const b = new LoneSerf();
    b.meet("m1", 1);
    b.run(seconds(30));
    b.takeSent();
    const { ip, port } = peerAddress(50);
    const left = { node: "self", ip, port, meta: noBytes, versions: stockVersions } as const;
    const members = Array.from({ length: 500 }, () => ({
      ...left,
      incarnation: 1,
      state: "left" as const,
    }));
    for (let round = 0; round < 3; round += 1) {
      b.exchange(remoteState(), false, members);
      b.exchange(remoteState(), false, members);
      b.run(200);
    }
    const told = b
      .takeSent()
      .filter(({ message, to }) => message.kind === "alive" && sameAddress(to, peerAddress(1)));
    expect(told.length).toBeGreaterThan(2);
    expect(told.length).toBeLessThan(10);
  });

  test("takes its name over when the one that had it ends while the members vote", () => {
    const g = group({ serfs: 1, ours: 4 });
    const back = comeBack(g);
    g.cluster.run(250);
    g.cluster.crash(g.n);
    g.cluster.run(seconds(15));
    expect(back.stopped).toBeUndefined();
    for (const node of g.ours) expect(heldAt(node)).toBe(`alive ${newAddress}`);
  });
});
