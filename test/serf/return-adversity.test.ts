import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { intBelow, SeededRandom } from "../../src/base/random.js";
import { minutes, seconds } from "../../src/base/units.js";
import { seeds } from "../support/seeds.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

const sizes = [1, 2, 6];

/** Some members and one called n, whose datagrams get lost, come twice and overtake each other. */
class Adversity {
  readonly cluster: SerfCluster;
  readonly others: ClusterNode[];
  readonly n: ClusterNode;
  readonly #random: SeededRandom;

  constructor(seed: number, size: number) {
    this.cluster = new SerfCluster({ seed, loss: 0.1, duplicates: 0.1, jitter: 30 });
    this.#random = new SeededRandom(seed, 5);
    this.others = Array.from({ length: size }, (_, index) => this.cluster.add(`m${index + 1}`));
    this.n = this.cluster.add("n");
    for (const node of [...this.others.slice(1), this.n]) this.#join(node);
    this.cluster.run(seconds(30));
  }

  /** Lets some time go by, less than `limit`. */
  pause(limit: number): void {
    this.cluster.run(intBelow(this.#random, limit));
  }

  start(name: string, host: number): ClusterNode {
    const node = this.cluster.add(name, { host });
    this.#join(node);
    return node;
  }

  heldAt(node: ClusterNode): string[] {
    const { name } = node.serf.local;
    return this.others.map((other) => {
      const member = other.serf.members().find((one) => one.name === name);
      return member === undefined ? "nowhere" : `${member.status} ${formatAddress(member.address)}`;
    });
  }

  /** All others hold `node` where it is. */
  expectHeld(node: ClusterNode): void {
    expect(node.stopped).toBeUndefined();
    const place = `alive ${formatAddress(node.address)}`;
    expect(this.heldAt(node)).toEqual(this.others.map(() => place));
  }

  #join(node: ClusterNode): void {
    this.cluster.join(node, this.others[0] as ClusterNode);
  }
}

const hostOf = ({ address }: ClusterNode): number => address.ip[3] as number;

describe.for(sizes)("among %i others, on a bad network, a member", (size) => {
  test.for(seeds(5))("may move to another address and back (SEED=%i)", (seed) => {
    const world = new Adversity(seed, size);
    const { cluster, n } = world;
    cluster.crash(n);
    world.pause(8_000);
    const away = world.start("n", 77);
    world.pause(8_000);
    cluster.crash(away);
    world.pause(8_000);
    const back = world.start("n", hostOf(n));
    cluster.run(seconds(20));
    world.expectHeld(back);
  });

  test.for(seeds(5))("may return when another has its old address (SEED=%i)", (seed) => {
    const world = new Adversity(seed, size);
    const { cluster, n } = world;
    cluster.crash(n);
    world.pause(3_000);
    const heir = world.start("heir", hostOf(n));
    world.pause(8_000);
    const back = world.start("n", 77);
    cluster.run(seconds(20));
    world.expectHeld(back);
    world.expectHeld(heir);
  });

  test.for(seeds(5))("may swap addresses with another (SEED=%i)", (seed) => {
    const world = new Adversity(seed, size);
    const { cluster, n } = world;
    const partner = world.start("partner", 60);
    cluster.run(seconds(20));
    cluster.crash(n);
    cluster.crash(partner);
    world.pause(6_000);
    const back = world.start("n", 60);
    world.pause(3_000);
    const other = world.start("partner", hostOf(n));
    cluster.run(seconds(30));
    world.expectHeld(back);
    world.expectHeld(other);
  });

  test.for(seeds(5))("that only slept ends when its name has moved on (SEED=%i)", (seed) => {
    const world = new Adversity(seed, size);
    const { cluster, n } = world;
    cluster.pause(n);
    world.pause(8_000);
    const back = world.start("n", 77);
    cluster.run(seconds(20));
    world.expectHeld(back);
    world.pause(60_000);
    cluster.resume(n);
    cluster.run(minutes(5));
    expect(n.stopped).toBeDefined();
    world.expectHeld(back);
  });
});
