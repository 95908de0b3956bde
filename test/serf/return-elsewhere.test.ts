import { afterAll, describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { intBelow, SeededRandom } from "../../src/base/random.js";
import { type Millis, seconds } from "../../src/base/units.js";
import { seeds } from "../support/seeds.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

const roundsPerSeed = 10;

/** One gossip round of the lan profile. */
const gossipRound: Millis = 200;

/** So long after all accepted it, nothing more may be told of the one that returned. */
const aftermath = seconds(12);

/** How a member goes before it returns, and how long it is away. */
const departures = [
  { how: "kill", away: 0 },
  { how: "kill", away: 700 },
  { how: "kill", away: 1_900 },
  { how: "kill", away: 4_000 },
  { how: "kill", away: 9_000 },
  { how: "kill", away: 20_000 },
  { how: "kill", away: 45_000 },
  { how: "leave", away: 0 },
  { how: "leave", away: 1_500 },
  { how: "leave", away: 10_000 },
] as const;

/** The time until each member held a returned one where it is, of all rounds. */
const acceptances: Millis[] = [];

/** A group of which members are killed and return, while others come, go and change their tags. */
class Churn {
  readonly cluster: SerfCluster;
  /** All of them join early and stay, but for those that are killed and return. */
  readonly #nodes = new Map<string, ClusterNode>();
  readonly #random: SeededRandom;
  #guests = 0;
  #hosts = 0;

  constructor(seed: number) {
    this.cluster = new SerfCluster({ seed, loss: 0.02 });
    this.#random = new SeededRandom(seed, 77);
    const names = Array.from({ length: 9 }, (_, index) => `n${index + 1}`);
    for (const name of names) this.#nodes.set(name, this.#add(name));
    const [first, ...others] = this.#nodes.values() as unknown as [ClusterNode, ...ClusterNode[]];
    for (const node of others) this.cluster.join(node, first);
    this.cluster.run(seconds(20));
  }

  get live(): ClusterNode[] {
    return [...this.#nodes.values()].filter(({ up }) => up);
  }

  pick(): ClusterNode {
    return this.live[intBelow(this.#random, this.live.length)] as ClusterNode;
  }

  /** Within the next seconds a guest comes and one leaves, and somebody sets a tag. */
  stir(spared: string): void {
    const { cluster } = this;
    const run = (what: () => void): void => {
      cluster.at(cluster.now + intBelow(this.#random, 6_000), what);
    };
    run(() => {
      this.#guests += 1;
      const guest = this.#add(`guest${this.#guests}`);
      cluster.join(guest, this.#someoneBut(spared));
      cluster.at(cluster.now + seconds(8), () => {
        guest.serf.leave(cluster.now, () => cluster.at(cluster.now, () => cluster.crash(guest)));
        cluster.settle(guest);
      });
    });
    run(() => {
      const node = this.#someoneBut(spared);
      const tags = new Map([["at", String(cluster.now)]]);
      node.serf.setTags(cluster.now, tags, () => {});
      cluster.settle(node);
    });
  }

  take(node: ClusterNode, how: "kill" | "leave"): void {
    const { cluster } = this;
    if (how === "leave") {
      let left = false;
      node.serf.leave(cluster.now, () => {
        left = true;
      });
      cluster.settle(node);
      while (!left) cluster.run(50);
    }
    cluster.crash(node);
  }

  /** Starts `name` at an address where nobody was, and joins. */
  bringBack(name: string): ClusterNode {
    const node = this.#add(name);
    this.#nodes.set(name, node);
    this.cluster.join(node, this.#someoneBut(name));
    return node;
  }

  #someoneBut(name: string): ClusterNode {
    const others = this.live.filter(({ serf }) => serf.local.name !== name);
    return others[intBelow(this.#random, others.length)] as ClusterNode;
  }

  #add(name: string): ClusterNode {
    this.#hosts += 1;
    return this.cluster.add(name, { host: this.#hosts });
  }
}

function holds(node: ClusterNode, { address, serf }: ClusterNode): boolean {
  const member = node.serf.members().find(({ name }) => name === serf.local.name);
  return member?.status === "alive" && formatAddress(member.address) === formatAddress(address);
}

/** The events that tell where the one that returned is. */
function toldOf(node: ClusterNode, { address, serf }: ClusterNode, from: number): string[] {
  return node.events.slice(from).flatMap((event) => {
    if (event.kind !== "member-join" && event.kind !== "member-update") return [];
    const found = event.members.some(
      (member) =>
        member.name === serf.local.name && formatAddress(member.address) === formatAddress(address),
    );
    return found ? [event.kind] : [];
  });
}

describe("a member that is killed, or leaves, and returns at another address", () => {
  test.for(seeds(10))(
    "is accepted by all and told of once, never stops, whatever else happens (SEED=%i)",
    { timeout: 120_000 },
    (seed) => {
      const churn = new Churn(seed);
      const { cluster } = churn;
      for (let round = 0; round < roundsPerSeed; round += 1) {
        const { away, how } = departures[
          (round + seed) % departures.length
        ] as (typeof departures)[0];
        const victim = churn.pick();
        const { name } = victim.serf.local;
        churn.stir(name);
        cluster.run(seconds(1));
        churn.take(victim, how);
        cluster.run(away);
        const others = churn.live.filter((node) => node !== victim);
        const before = new Map(others.map((node) => [node, node.events.length]));
        const since = cluster.now;
        const back = churn.bringBack(name);
        const waiting = new Set(others);
        while (waiting.size > 0 && cluster.now < since + seconds(30)) {
          cluster.run(10);
          for (const node of waiting) {
            if (!holds(node, back)) continue;
            waiting.delete(node);
            acceptances.push(cluster.now - since);
          }
        }
        cluster.run(aftermath);
        const what = `round ${round}: ${how}, away ${away} ms`;
        expect({ what, missed: [...waiting].map(({ serf }) => serf.local.name) }).toEqual({
          what,
          missed: [],
        });
        for (const node of others) {
          const told = toldOf(node, back, before.get(node) ?? 0);
          const at = `${what}, told at ${node.serf.local.name}`;
          expect({ at, told: told.length }).toEqual({ at, told: 1 });
        }
        expect(churn.live.map(({ stopped }) => stopped)).toEqual(churn.live.map(() => undefined));
        expect(back.up).toBe(true);
      }
    },
  );

  afterAll(() => {
    const sorted = acceptances.toSorted((one, other) => one - other);
    const quantile = (share: number): Millis =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as Millis;
    const [p50, p90, p99, last] = [0.5, 0.9, 0.99, 1].map(quantile);
    process.stdout.write(
      `accepted by ${sorted.length} members: p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, last ${last} ms (virtual)\n`,
    );
    expect(p50).toBeLessThanOrEqual(1.5 * gossipRound);
    expect(p99).toBeLessThanOrEqual(2 * gossipRound);
  });
});
