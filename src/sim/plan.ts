import { intBelow, type Random, SeededRandom } from "../base/random.js";
import { hours, type Instant, type Millis, seconds } from "../base/units.js";
import type { SerfConfig } from "../serf/config.js";
import type { DiskFate } from "./disk.js";
import type { Action, Comeback, ProcessFault, Step } from "./faults.js";
import type { Conditions, Links, NetworkFault } from "./network.js";

/** All that decides a simulation. */
export interface Plan {
  readonly seed: number;
  readonly profile: "lan" | "wan" | "local";
  readonly encrypted: boolean;
  readonly conditions: Conditions;
  readonly settings: Settings;
  readonly nodes: readonly NodePlan[];
  /** From the start until everything heals. */
  readonly trouble: Millis;
  readonly steps: readonly Step[];
}

/** What all members are configured with alike; plans from before there was evidence do not name it. */
type Settings = Pick<
  SerfConfig,
  "eventBuffer" | "coalescePeriod" | "userCoalescePeriod" | "reconnectTimeout" | "tombstoneTimeout"
> &
  Evidence;

type Evidence = Partial<Pick<SerfConfig, "refusals" | "isolation">>;

interface NodePlan {
  readonly startAt: Instant;
  readonly snapshot: boolean;
  /** True: it remembers the others also after it has left. */
  readonly rejoins: boolean;
  /** False: if it remembers others nobody tells it whom to join. */
  readonly introduced: boolean;
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
  corruption: 0.1,
  bandwidth: 0.1,
  refusal: 0.15,
  crash: 0.5,
  leave: 0.3,
  pause: 0.3,
  block: 0.15,
  "full-disk": 0.3,
  twin: 0.08,
  rotation: 0.6,
  event: 0.5,
  burst: 0.06,
  query: 0.3,
  tags: 0.3,
  "force-leave": 0.2,
};

/** One seed in so many has a larger group. */
const largeGroups = 40;

/** One seed in so many of the others has trouble for so long that what is slow can be seen. */
const longTroubles = 12;

/** The plan of a seed: each draws a mix of its own, of which a few kinds then happen often. */
export function drawPlan(seed: number): Plan {
  const random = new SeededRandom(seed, 0xa1b);
  const large = intBelow(random, largeGroups) === 0;
  const long = intBelow(random, longTroubles) === 0 && !large;
  const size = large ? 30 : 2 + Math.floor(random.next() * random.next() * (long ? 7 : 11));
  const trouble = seconds((long ? 400 : 20) + intBelow(random, large ? 20 : long ? 300 : 60));
  const encrypted = chance(random, 0.25);
  const kinds = (Object.keys(odds) as Kind[])
    .filter((kind) => random.next() < odds[kind])
    .filter((kind) => encrypted || !onlyEncrypted.has(kind));
  const count = kinds.length === 0 ? 0 : 1 + intBelow(random, long ? 20 : 12);
  const drift = chance(random, 0.3) ? pick(random, [0.01, 0.01, 0.1]) : 0;
  return {
    seed,
    profile: pick(random, ["lan", "lan", "lan", "local", "local", "wan"]),
    encrypted,
    conditions: drawConditions(random),
    settings: { ...drawSettings(random), ...drawEvidence(new SeededRandom(seed, 0xe71)) },
    nodes: Array.from({ length: size }, () => drawNode(random, drift)),
    trouble,
    steps: Array.from({ length: count }, (_, index) =>
      drawStep(new SeededRandom(seed, 0xb000 + index), { index, kinds, size, trouble }),
    ),
  };
}

/**
 * Without a keyring these mean nothing, or too much: memberlist's checksum is not in all packets, and a
 * name that changed on the way is another member.
 */
const onlyEncrypted: ReadonlySet<Kind> = new Set<Kind>(["corruption", "full-disk", "rotation"]);

/** What goes beyond memberlist: as agents have it in most groups, and without it in some. */
function drawEvidence(random: Random): Evidence {
  return { refusals: chance(random, 0.9), isolation: chance(random, 0.9) };
}

function drawSettings(random: Random): Settings {
  const forgets = chance(random, 0.1);
  return {
    // With the fewest, so much is said that what is late is too old.
    eventBuffer: pick(random, [2, 16, 512, 512]),
    coalescePeriod: pick(random, [0, 3_000]),
    userCoalescePeriod: pick(random, [0, 3_000]),
    reconnectTimeout: forgets ? seconds(40 + intBelow(random, 60)) : hours(24),
    tombstoneTimeout: forgets ? seconds(40 + intBelow(random, 60)) : hours(24),
  };
}

/** Its clock is wrong by at most `drift`. */
function drawNode(random: Random, drift: number): NodePlan {
  return {
    startAt: intBelow(random, 2_000),
    snapshot: chance(random, 0.5),
    rejoins: chance(random, 0.5),
    introduced: chance(random, 0.7),
    rate: drift > 0 ? 1 - drift + 2 * drift * random.next() : 1,
    offset: drift > 0 ? intBelow(random, 1_000_000) : 0,
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
    case "event": {
      const coalesce = chance(random, 0.3);
      const name = coalesce ? `wave-${intBelow(random, 2)}` : `event-${index}`;
      return { kind, node, name, bytes: intBelow(random, 300), coalesce, ...span };
    }
    case "burst": {
      const count = pick(random, [20, 100, 700]);
      return { kind, node, name: `burst-${index}`, count, ...span };
    }
    case "rotation":
      return { kind, node, key: 1 + intBelow(random, 3), ...span };
    case "twin":
      return { kind, node, ...span };
    case "query":
      return { kind, node, name: `query-${index}`, relayFactor: intBelow(random, 3), ...span };
    case "tags":
      return { kind, node, value: `v${index}`, ...span };
    case "force-leave":
      return { kind, node, target: intBelow(random, size), prune: chance(random, 0.3), ...span };
    case "crash":
    case "leave":
    case "pause":
    case "block":
    case "full-disk":
      return { ...drawProcessFault(random, kind, node), ...span };
    default:
      return { ...drawNetworkFault(random, kind, size), ...span };
  }
}

function isAction(kind: Kind): kind is Action["kind"] {
  return ["event", "burst", "query", "tags", "force-leave", "rotation", "twin"].includes(kind);
}

function drawProcessFault(random: Random, kind: ProcessFault["kind"], node: number): ProcessFault {
  const comeback = pick<Comeback>(random, ["never", "same", "same", "elsewhere"]);
  switch (kind) {
    case "pause":
    case "block":
    case "full-disk":
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
    case "delay": {
      const most = chance(random, 0.2) ? 5_000 : 600;
      return { kind, extra: 10 + intBelow(random, most), ...drawLinks(random, size) };
    }
    case "corruption":
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
  const [some, rest] = drawGroup(random, size);
  // The others, or one of them: the more are left in peace, the more can be expected of them.
  const one = rest[intBelow(random, Math.max(1, rest.length))];
  const others = one !== undefined && chance(random, 0.3) ? [one] : rest;
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
