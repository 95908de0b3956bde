import { intBelow, type Random, SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { DiskFate } from "./disk.js";
import type { Action, Comeback, ProcessFault, Step } from "./faults.js";
import type { Conditions, Links, NetworkFault } from "./network.js";

/** All that decides a simulation. */
export interface Plan {
  readonly seed: number;
  readonly profile: "lan" | "local";
  readonly encrypted: boolean;
  readonly conditions: Conditions;
  readonly nodes: readonly NodePlan[];
  /** From the start until everything heals. */
  readonly trouble: Millis;
  readonly steps: readonly Step[];
}

interface NodePlan {
  readonly startAt: Instant;
  readonly snapshot: boolean;
  /** How fast its clock runs; 1 is right. */
  readonly rate: number;
  /** What its clock shows when the simulation begins. */
  readonly offset: Instant;
}

type Kind = Step["kind"];

/** How often each kind is drawn into the mix of a seed. */
const odds: Readonly<Record<Kind, number>> = {
  partition: 0.4,
  filter: 0.15,
  loss: 0.3,
  delay: 0.2,
  duplication: 0.15,
  reordering: 0.15,
  bandwidth: 0.1,
  refusal: 0.15,
  crash: 0.5,
  leave: 0.3,
  pause: 0.3,
  event: 0.5,
  query: 0.3,
  tags: 0.3,
  "force-leave": 0.2,
};

/** One seed in so many has a larger group. */
const largeGroups = 40;

/** The plan of a seed: each draws a mix of its own, of which a few kinds then happen often. */
export function drawPlan(seed: number): Plan {
  const random = new SeededRandom(seed, 0xa1a);
  const large = intBelow(random, largeGroups) === 0;
  const size = large ? 30 : 2 + Math.floor(random.next() * random.next() * 11);
  const trouble = seconds(20 + intBelow(random, large ? 20 : 60));
  const kinds = (Object.keys(odds) as Kind[]).filter((kind) => random.next() < odds[kind]);
  const count = kinds.length === 0 ? 0 : 1 + intBelow(random, 12);
  const drifts = chance(random, 0.3);
  return {
    seed,
    profile: chance(random, 0.6) ? "lan" : "local",
    encrypted: chance(random, 0.15),
    conditions: drawConditions(random),
    nodes: Array.from({ length: size }, () => ({
      startAt: intBelow(random, 2_000),
      snapshot: chance(random, 0.5),
      rate: drifts ? 0.99 + 0.02 * random.next() : 1,
      offset: drifts ? intBelow(random, 1_000_000) : 0,
    })),
    trouble,
    steps: Array.from({ length: count }, (_, index) =>
      drawStep(new SeededRandom(seed, 0xb000 + index), { index, kinds, size, trouble }),
    ),
  };
}

interface StepFrame {
  readonly index: number;
  readonly kinds: readonly Kind[];
  readonly size: number;
  readonly trouble: Millis;
}

/** Each from chance of its own, so that one more or less does not change the others. */
function drawStep(random: Random, { index, kinds, size, trouble }: StepFrame): Step {
  const kind = pick(random, kinds);
  const begin = intBelow(random, trouble);
  const lasting = isAction(kind) ? 0 : 100 + Math.floor(trouble * random.next() * random.next());
  const span = { begin, end: Math.min(begin + lasting, trouble) };
  const node = intBelow(random, size);
  switch (kind) {
    case "event":
      return { kind, node, name: `event-${index}`, bytes: intBelow(random, 300), ...span };
    case "query":
      return { kind, node, name: `query-${index}`, relayFactor: intBelow(random, 3), ...span };
    case "tags":
      return { kind, node, value: `v${index}`, ...span };
    case "force-leave":
      return { kind, node, target: intBelow(random, size), prune: chance(random, 0.3), ...span };
    case "crash":
    case "leave":
    case "pause":
      return { ...drawProcessFault(random, kind, node), ...span };
    default:
      return { ...drawNetworkFault(random, kind, size), ...span };
  }
}

function isAction(kind: Kind): kind is Action["kind"] {
  return ["event", "query", "tags", "force-leave"].includes(kind);
}

function drawProcessFault(random: Random, kind: ProcessFault["kind"], node: number): ProcessFault {
  const comeback = pick<Comeback>(random, ["never", "same", "same", "elsewhere"]);
  switch (kind) {
    case "pause":
      return { kind, node };
    case "leave":
      return { kind, node, comeback };
    case "crash": {
      const disk = pick<DiskFate>(random, ["kept", "torn", "lost"]);
      return { kind, node, comeback, disk, hostEnds: chance(random, 0.3) };
    }
  }
}

function drawNetworkFault(random: Random, kind: NetworkFault["kind"], size: number): NetworkFault {
  switch (kind) {
    case "partition": {
      const period = chance(random, 0.3) ? 200 + intBelow(random, 10_000) : 0;
      return { kind, period, ...drawLinks(random, size) };
    }
    case "filter":
      return { kind, protocol: pick(random, ["udp", "tcp"]), ...drawLinks(random, size) };
    case "loss":
      return { kind, rate: 0.05 + 0.6 * random.next(), ...drawLinks(random, size) };
    case "delay":
      return { kind, extra: 10 + intBelow(random, 600), ...drawLinks(random, size) };
    case "duplication":
      return { kind, rate: random.next(), ...drawLinks(random, size) };
    case "reordering": {
      const time = 1 + intBelow(random, 300);
      return { kind, rate: random.next(), time, ...drawLinks(random, size) };
    }
    case "bandwidth":
      return {
        kind,
        perSecond: 1_000 + intBelow(random, 20_000),
        nodes: drawGroup(random, size)[0],
      };
    case "refusal":
      return { kind, nodes: drawGroup(random, size)[0] };
  }
}

/** Between some and the others, or between some and all, there, or there and back. */
function drawLinks(random: Random, size: number): Links {
  const [some, others] = drawGroup(random, size);
  const both = chance(random, 0.6);
  switch (intBelow(random, 4)) {
    case 0:
    case 1:
      return { from: some, to: others, both };
    case 2:
      return { from: some, to: [...some, ...others], both };
    default:
      return { from: [...some, ...others], to: some, both };
  }
}

/** Some of all, at least one, and the others. */
function drawGroup(random: Random, size: number): [number[], number[]] {
  const share = random.next();
  const some: number[] = [];
  const others: number[] = [];
  for (let node = 0; node < size; node += 1) (chance(random, share) ? some : others).push(node);
  const [first] = others;
  if (some.length === 0 && first !== undefined) some.push(others.shift() ?? first);
  return [some, others];
}

function drawConditions(random: Random): Conditions {
  const faulty = chance(random, 0.4);
  return {
    latency: pick(random, [0.1, 0.2, 2, 20]),
    jitter: pick(random, [0, 1, 20]),
    tail: pick(random, [0, 0, 0.01]),
    loss: faulty ? 0.1 * random.next() : 0,
    duplication: faulty ? 0.1 * random.next() : 0,
    reordering: faulty ? 0.2 * random.next() : 0,
    reorderTime: 50,
  };
}

function chance(random: Random, share: number): boolean {
  return random.next() < share;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[intBelow(random, choices.length)] as T;
}
