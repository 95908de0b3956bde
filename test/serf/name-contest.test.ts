import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { minutes, seconds } from "../../src/base/units.js";
import { seeds } from "../support/seeds.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

/** A group in which `elder` has been for long, with nothing told yet. */
function groupWithElder(options: { others: number; seed?: number; loss?: number }): {
  cluster: SerfCluster;
  elder: ClusterNode;
  others: ClusterNode[];
} {
  const { others: count, ...rest } = options;
  const cluster = new SerfCluster(rest);
  const names = ["elder", ...Array.from({ length: count }, (_, index) => `m${index + 1}`)];
  const [elder, ...others] = cluster.addGroup(names) as [ClusterNode, ...ClusterNode[]];
  cluster.run(seconds(30));
  for (const node of [elder, ...others]) node.events.length = 0;
  return { cluster, elder, others };
}

/** Where `node` believes the member to be that is called elder. */
function heldAt(node: ClusterNode): string {
  const member = node.serf.members().find(({ name }) => name === "elder");
  return member === undefined ? "nowhere" : `${member.status} ${formatAddress(member.address)}`;
}

/** Starts a member under the elder's name that joins through `through`. */
function intrude(cluster: SerfCluster, through: ClusterNode): ClusterNode {
  const intruder = cluster.add("elder", { host: 99 });
  cluster.join(intruder, through);
  return intruder;
}

describe("who takes the name of a member that is there", () => {
  test.for([0, 1, 2, 5, 12])("has to stop, and that one stays, with %i others", (count) => {
    const { cluster, elder, others } = groupWithElder({ others: count });
    const intruder = intrude(cluster, others[0] ?? elder);
    cluster.run(seconds(30));
    expect(intruder.stopped).toMatch(
      /^the name 'elder' is in use by another node at 10\.0\.0\.1:7946/,
    );
    expect(elder.stopped).toBeUndefined();
    for (const node of others) {
      expect({ at: node.serf.local.name, held: heldAt(node), told: node.told }).toEqual({
        at: node.serf.local.name,
        held: "alive 10.0.0.1:7946",
        told: [],
      });
    }
    expect(intruder.log.at("error").join()).toMatch(/10\.0\.0\.99:7946 and at 10\.0\.0\.1:7946/);
  });

  test("41: stops within the time of one query when nobody votes", () => {
    const { cluster, elder } = groupWithElder({ others: 0 });
    const intruder = intrude(cluster, elder);
    cluster.run(seconds(5));
    expect(intruder.stopped).toContain("[0 / 0]");
    expect(elder.stopped).toBeUndefined();
  });

  test("is reported by the others with both addresses", () => {
    const { cluster, others } = groupWithElder({ others: 3 });
    intrude(cluster, others[0] as ClusterNode);
    cluster.run(seconds(10));
    expect((others[0] as ClusterNode).log.at("warn")).toEqual([
      "Name conflict for 'elder' both 10.0.0.1:7946 and 10.0.0.99:7946 are claiming",
    ]);
  });

  test("stops also if it cannot reach that one itself", () => {
    const { cluster, elder, others } = groupWithElder({ others: 5 });
    const isBetween = (one: ClusterNode, other: ClusterNode): boolean =>
      one === elder && other.address.ip[3] === 99;
    cluster.link = (from, to) => !isBetween(from, to) && !isBetween(to, from);
    const intruder = intrude(cluster, others[0] as ClusterNode);
    cluster.run(seconds(30));
    expect(intruder.stopped).toBeDefined();
    expect(elder.stopped).toBeUndefined();
    for (const node of others) expect(node.told).toEqual([]);
  });

  test("is not believed by a member whose own way to the other is broken", () => {
    const { cluster, elder, others } = groupWithElder({ others: 5 });
    const [cutOff] = others as [ClusterNode];
    cluster.link = (from, to) =>
      !(from === cutOff && to === elder) && !(from === elder && to === cutOff);
    const intruder = intrude(cluster, cutOff);
    cluster.run(seconds(30));
    expect(intruder.stopped).toBeDefined();
    expect(elder.stopped).toBeUndefined();
    for (const node of others) expect(node.told).toEqual([]);
  });

  test.for(seeds(20))(
    "never drives that one out, with a tenth of the packets lost (SEED=%i)",
    (seed) => {
      const { cluster, elder, others } = groupWithElder({ others: 6, seed, loss: 0.1 });
      const intruder = intrude(cluster, others[seed % 6] as ClusterNode);
      cluster.run(minutes(1));
      expect({ elder: elder.stopped, intruder: intruder.up }).toEqual({
        elder: undefined,
        intruder: false,
      });
      for (const node of others) {
        expect(heldAt(node)).toBe("alive 10.0.0.1:7946");
        expect(node.told.filter((event) => event.includes("elder"))).toEqual([]);
      }
    },
  );

  test("may go on if the members are not to vote, and all go on to report it", () => {
    const cluster = new SerfCluster();
    const nodes = cluster.addGroup(["elder", "m1", "m2"], { nameResolution: false });
    const intruder = cluster.add("elder", { host: 99, nameResolution: false });
    cluster.join(intruder, nodes[1] as ClusterNode);
    cluster.run(minutes(2));
    expect([...nodes, intruder].map(({ stopped }) => stopped)).toEqual(Array(4).fill(undefined));
    expect(intruder.log.at("error").length).toBeGreaterThan(0);
    expect(intruder.log.at("error").join()).toContain("(Resolution enabled: false)");
    for (const node of nodes.slice(1)) expect(heldAt(node)).toBe("alive 10.0.0.1:7946");
  });
});

describe("two members of one name that meet when a cut heals", () => {
  /** Both sides know each other, but for who is called elder: there is one on each. */
  function healed(sizes: [number, number], seed: number, after = minutes(2)) {
    const cluster = new SerfCluster({ seed });
    const groups = sizes.map((size, side) => {
      const names = ["elder", ...Array.from({ length: size }, (_, index) => `s${side}m${index}`)];
      return cluster.addGroup(names);
    }) as [ClusterNode[], ClusterNode[]];
    cluster.run(seconds(30));
    const [[one, firstOther], [other, secondOther]] = groups as unknown as [
      [ClusterNode, ClusterNode],
      [ClusterNode, ClusterNode],
    ];
    cluster.join(firstOther, secondOther);
    cluster.run(after);
    return { one, other, groups };
  }

  test.for(seeds(5))(
    "leave the one that more members know, whom then all know (SEED=%i)",
    (seed) => {
      const { one, other, groups } = healed([5, 2], seed);
      expect([one.stopped, other.stopped]).toEqual([undefined, expect.any(String)]);
      for (const node of groups.flat()) {
        if (node.up) expect(heldAt(node)).toBe("alive 10.0.0.1:7946");
      }
    },
  );

  test.for(seeds(5))("leave exactly one if as many know either (SEED=%i)", (seed) => {
    // With as many votes for each it may take a few of them.
    const { one, other, groups } = healed([3, 3], seed, minutes(6));
    expect([one, other].filter(({ up }) => up)).toHaveLength(1);
    const stays = formatAddress((one.up ? one : other).address);
    for (const node of groups.flat()) if (node.up) expect(heldAt(node)).toBe(`alive ${stays}`);
  });
});
