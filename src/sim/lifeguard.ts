import { SeededRandom, shuffle } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import {
  type LifeguardParts,
  memberlistThoroughness,
  profiles,
  wholeThoroughness,
} from "../swim/config.js";
import type { Process } from "./process.js";
import { type NodeConfig, type Observer, World, type WorldNode } from "./world.js";

/** What of Lifeguard is on, and how patient it is. */
export interface LifeguardConfiguration {
  readonly parts: LifeguardParts;
  /**
   * As `SwimConfig.isolation`: what goes beyond Lifeguard. Without it claims are also spread as memberlist
   * does, which the paper measured; with it as we do.
   */
  readonly isolation: boolean;
  /** The shortest time to refute, in probe intervals times the logarithm of the group (the paper's α). */
  readonly alpha: number;
  /** The longest, in shortest ones (the paper's β). */
  readonly beta: number;
}

/**
 * What is wrong with the members that have an anomaly.
 *
 * `block`: they neither send nor handle messages, but their timers run, all of them: as of an event loop
 * whose network is gone. `hang`: the same, but whoever wants to send gets stuck there, as memberlist's
 * threads do, which the paper blocked; so no more than one probe fails in the meantime. `pause`: all of
 * them stands still, as a stalled event loop, a stopped process or a frozen machine does.
 */
export type Anomaly = "block" | "hang" | "pause";

/** One combination of the paper's interval experiment. */
export interface IntervalCell {
  /** How many members have the anomaly at the same time (C). */
  readonly concurrent: number;
  /** How long it takes each time (D). */
  readonly duration: Millis;
  /** How long they are free in between (I). */
  readonly interval: Millis;
}

export interface IntervalCounts {
  /** Members that never had an anomaly and were declared failed, at any member. */
  readonly fp: number;
  /** Those of {@link fp} that a member was told that never had an anomaly either. */
  readonly fpMinus: number;
  /** Datagrams sent by all. */
  readonly messages: number;
  /** In datagrams and streams. */
  readonly bytes: number;
}

/** When the failure of one member was known, after its anomaly began. */
export interface Detection {
  /** To anybody. */
  readonly first: Millis;
  /** To all that never had an anomaly. */
  readonly full: Millis;
}

/** The paper's parameters; those of D and I are given from memory (performance.md). */
export const paperCells = {
  concurrent: [1, 4, 8, 12, 16, 20, 24, 28, 32],
  duration: [128, 512, 2_048, 8_192, 16_384, 32_768],
  interval: [1, 4, 16, 64, 256, 1_024, 4_096, 16_384],
} as const;

/** Members of the group; a smaller one is for tests. */
const groupSize = 128;

/** How long nothing happens before the first anomaly. */
const quietTime: Millis = seconds(15);

/** Cycles begin until so long after the first. */
const cyclingTime: Millis = seconds(120);

/** The group knows each other; all is told at once, so that all is counted. */
class Experiment implements Observer {
  readonly world: World;
  readonly impaired: readonly WorldNode[];
  fp = 0;
  fpMinus = 0;
  readonly #detections = new Map<string, Instant[]>();
  readonly #impairedNames: ReadonlySet<string>;
  readonly #anomaly: Anomaly;

  constructor(
    configuration: LifeguardConfiguration,
    anomaly: Anomaly,
    concurrent: number,
    seed: number,
    size: number,
  ) {
    const { alpha, beta, isolation, parts } = configuration;
    const config: NodeConfig = {
      timing: { ...profiles.lan, suspicionMult: alpha, suspicionMaxTimeoutMult: beta },
      lifeguard: parts,
      isolation,
      thoroughness: isolation ? wholeThoroughness : memberlistThoroughness,
      compression: false,
      coalescePeriod: 0,
    };
    const world = new World({ seed, config, hashPackets: false });
    this.world = world;
    this.#anomaly = anomaly;
    world.populate(Array.from({ length: size }, (_, index) => `n${index + 1}`));
    const candidates = [...world.nodes];
    shuffle(new SeededRandom(seed, 0xf004), candidates);
    this.impaired = candidates.slice(0, concurrent);
    this.#impairedNames = new Set(this.impaired.map(({ name }) => name));
    world.observer = this;
    world.run(quietTime);
  }

  begin(): void {
    for (const node of this.impaired) {
      if (this.#anomaly !== "pause") this.world.block(node, this.#anomaly === "hang");
      else this.world.pause(node);
    }
  }

  end(): void {
    for (const node of this.impaired) {
      if (this.#anomaly !== "pause") this.world.unblock(node);
      else this.world.resume(node);
    }
  }

  /** When members that never had an anomaly were told that `name` has failed, in that order. */
  detectionsOf(name: string): readonly Instant[] {
    return this.#detections.get(name) ?? [];
  }

  total(counter: "packetsSent" | "packetBytesSent" | "streamBytesSent"): number {
    let sum = 0;
    for (const { serf } of this.world.processes()) sum += serf.swimCounters[counter];
    return sum;
  }

  touched(): void {}
  sent(): void {}
  started(): void {}
  stopped(): void {}

  told(process: Process, event: SerfEvent): void {
    if (event.kind !== "member-failed") return;
    const healthy = !this.#impairedNames.has(process.name);
    for (const { name } of event.members) {
      if (!this.#impairedNames.has(name)) {
        this.fp += 1;
        if (healthy) this.fpMinus += 1;
      } else if (healthy) {
        const times = this.#detections.get(name) ?? [];
        times.push(this.world.now);
        this.#detections.set(name, times);
      }
    }
  }
}

/** Members are impaired and free in turns: how often is it found that others have failed? */
export function runInterval(
  configuration: LifeguardConfiguration,
  anomaly: Anomaly,
  { concurrent, duration, interval }: IntervalCell,
  seed: number,
  size = groupSize,
): IntervalCounts {
  const experiment = new Experiment(configuration, anomaly, concurrent, seed, size);
  const { world } = experiment;
  for (const end = world.now + cyclingTime; world.now < end; world.run(interval)) {
    experiment.begin();
    world.run(duration);
    experiment.end();
  }
  const { fp, fpMinus } = experiment;
  const messages = experiment.total("packetsSent");
  const bytes = experiment.total("packetBytesSent") + experiment.total("streamBytesSent");
  return { fp, fpMinus, messages, bytes };
}

/** Members are impaired once: how soon is that known? Undefined for those that it was not found of. */
export function runThreshold(
  configuration: LifeguardConfiguration,
  anomaly: Anomaly,
  { concurrent, duration }: Omit<IntervalCell, "interval">,
  seed: number,
  size = groupSize,
): readonly (Detection | undefined)[] {
  const experiment = new Experiment(configuration, anomaly, concurrent, seed, size);
  const { impaired, world } = experiment;
  const start = world.now;
  experiment.begin();
  world.run(duration);
  experiment.end();
  world.run(Math.max(0, cyclingTime - duration));
  return impaired.map(({ name }) => {
    const times = experiment.detectionsOf(name);
    const [first] = times;
    const full = times[size - concurrent - 1];
    return first === undefined || full === undefined
      ? undefined
      : { first: first - start, full: full - start };
  });
}
