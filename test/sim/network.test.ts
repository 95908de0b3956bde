import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import {
  type Conditions,
  Network,
  type NetworkFault,
  quietConditions,
} from "../../src/sim/network.js";

function network(conditions: Partial<Conditions> = {}): Network {
  return new Network(new SeededRandom(1, 2), { ...quietConditions, ...conditions });
}

/** How many of 1,000 datagrams, one a millisecond, arrive. */
function arriving(net: Network, from: number, to: number, begin = 0): number {
  let count = 0;
  for (let sent = 0; sent < 1_000; sent += 1) {
    count += net.datagram(begin + sent, from, to, 100).length;
  }
  return count;
}

const oneWay = { from: [0], to: [1], both: false };
const bothWays = { from: [0], to: [1], both: true };

test("a quiet network takes between the least latency and the jitter above it", () => {
  const net = network({ latency: 5, jitter: 10 });
  for (let sent = 0; sent < 100; sent += 1) {
    const [at = 0, ...copies] = net.datagram(sent, 0, 1, 100);
    expect(copies).toEqual([]);
    expect(at - sent).toBeGreaterThanOrEqual(5);
    expect(at - sent).toBeLessThan(15);
  }
});

test("a tail makes some packets take many times as long", () => {
  const net = network({ latency: 1, jitter: 0, tail: 0.1 });
  const delays = Array.from({ length: 1_000 }, () => net.datagram(0, 0, 1, 100)[0] ?? 0);
  expect(delays.filter((delay) => delay > 1).length).toBeGreaterThan(50);
  expect(Math.max(...delays)).toBeGreaterThan(5);
  expect(Math.max(...delays)).toBeLessThanOrEqual(50);
});

test.for<{ what: string; fault: NetworkFault; there: number; back: number; tcp: boolean }>([
  {
    what: "a partition lets nothing through, one way",
    fault: { kind: "partition", period: 0, ...oneWay },
    there: 0,
    back: 1_000,
    tcp: false,
  },
  {
    what: "a partition lets nothing through, both ways",
    fault: { kind: "partition", period: 0, ...bothWays },
    there: 0,
    back: 0,
    tcp: false,
  },
  {
    what: "a flapping partition is there half of the time",
    fault: { kind: "partition", period: 100, ...oneWay },
    there: 500,
    back: 1_000,
    tcp: false,
  },
  {
    what: "a filter stops one protocol",
    fault: { kind: "filter", protocol: "udp", ...oneWay },
    there: 0,
    back: 1_000,
    tcp: true,
  },
  {
    what: "a filter stops the other protocol",
    fault: { kind: "filter", protocol: "tcp", ...oneWay },
    there: 1_000,
    back: 1_000,
    tcp: false,
  },
])("$what", ({ fault, there, back, tcp }) => {
  const net = network();
  net.begin(0, fault);
  expect(arriving(net, 0, 1)).toBe(there);
  expect(arriving(net, 1, 0)).toBe(back);
  expect(arriving(net, 0, 2)).toBe(1_000);
  expect(net.segment(0, 0, 1, 100) !== undefined).toBe(tcp);
  net.end(fault);
  expect(arriving(net, 0, 1)).toBe(1_000);
});

test("loss takes its share", () => {
  const net = network({ loss: 0.1 });
  net.begin(0, { kind: "loss", rate: 0.4, ...oneWay });
  expect(arriving(net, 0, 1) / 1_000).toBeCloseTo(0.5, 1);
  expect(arriving(net, 1, 0) / 1_000).toBeCloseTo(0.9, 1);
});

test("duplication gives some twice", () => {
  const net = network();
  net.begin(0, { kind: "duplication", rate: 0.3, ...oneWay });
  expect(arriving(net, 0, 1) / 1_000).toBeCloseTo(1.3, 1);
});

test("reordering lets others overtake, a delay holds all back alike", () => {
  const net = network({ latency: 1, jitter: 0 });
  net.begin(0, { kind: "delay", extra: 20, ...oneWay });
  expect(net.datagram(0, 0, 1, 100)).toEqual([21]);
  net.begin(0, { kind: "reordering", rate: 1, time: 100, ...oneWay });
  const times = Array.from({ length: 20 }, () => net.datagram(0, 0, 1, 100)[0] ?? 0);
  expect(times).not.toEqual(times.toSorted((one, other) => one - other));
  expect(Math.max(...times)).toBeLessThan(121);
});

test("a full link makes wait, then drops", () => {
  const net = network({ latency: 0, jitter: 0 });
  net.begin(0, { kind: "bandwidth", nodes: [0], perSecond: 10_000 });
  const times = Array.from({ length: 60 }, () => net.datagram(0, 0, 1, 58).slice());
  expect(times[0]).toEqual([10]);
  expect(times[1]).toEqual([20]);
  expect(times.filter((copies) => copies.length > 0)).toHaveLength(51);
  expect(net.datagram(0, 1, 0, 58)).toEqual([0]);
  expect(net.datagram(2_000, 0, 1, 58)).toEqual([2_010]);
});

test("a refusal is of one node, and healing ends all", () => {
  const net = network({ loss: 1 });
  net.begin(0, { kind: "refusal", nodes: [1] });
  expect([net.refuses(0), net.refuses(1)]).toEqual([false, true]);
  net.heal();
  expect(net.refuses(1)).toBe(false);
  expect(arriving(net, 0, 1)).toBe(1_000);
});
