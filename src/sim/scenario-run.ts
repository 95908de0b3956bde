import { assert } from "../base/assert.js";
import { intBelow, SeededRandom } from "../base/random.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import { minSuspicion } from "../swim/scaling.js";
import { encodeText } from "../wire/text.js";
import { Onlooker } from "./onlooker.js";
import type { Process } from "./process.js";
import { drawRoles, type Roles } from "./roles.js";
import type { PhaseName, Progress, Scenario, ScenarioReport, TrafficSample } from "./scenario.js";
import { reportSpreads, Spread, type SpreadsReport } from "./spread.js";
import { TrafficMeter, trafficBetween } from "./traffic.js";
import { World, type WorldNode } from "./world.js";

/** How often is looked whether a phase is over. */
const stepTime: Millis = 100;
const sampleTime = seconds(1);

/** A storm that has not ended by then is reported as it is. */
const longestJoin = seconds(180);

/** After a join all that has to be gossiped gets so long at most, and anything gets so long at least. */
const longestSettling = seconds(60);
const shortestSettling = seconds(5);

/** News that have not reached everybody by then go on unwatched, to be heard of late. */
const longestNews = seconds(20);

/** After everybody knows, false alarms get so long to be raised. */
const afterglow = seconds(5);

/** What one run of a scenario does, in order, and what it measures. */
export class ScenarioRun {
  readonly #scenario: Scenario;
  readonly #progress: Progress;
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #roles: Roles;
  readonly #onlooker: Onlooker;
  readonly #meter: TrafficMeter;
  readonly #phases: { name: PhaseName; at: Instant }[] = [];
  readonly #timeline: TrafficSample[] = [];
  /** What was sent until the latest sample. */
  #sampled;
  #sampledAt: Instant = 0;

  constructor(scenario: Scenario, progress: Progress) {
    const { compression, conditions, nodes, refusals, seed, start, timing } = scenario;
    this.#scenario = scenario;
    this.#progress = progress;
    this.#random = new SeededRandom(seed, 0xf00d);
    // Members tell at once what they know: handlers hear of it later, when changes have been collected.
    const config = { timing, compression, refusals, coalescePeriod: 0, userCoalescePeriod: 0 };
    this.#world = new World({ seed, conditions, config, hashPackets: false });
    const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
    if (start === "settled") this.#world.populate(names);
    else for (const name of names) this.#world.add(name);
    this.#roles = drawRoles(scenario, this.#random);
    this.#onlooker = new Onlooker(this.#world, this.#roles);
    this.#world.observer = this.#onlooker;
    this.#meter = new TrafficMeter(this.#world);
    this.#sampled = this.#meter.totals();
  }

  run(): ScenarioReport {
    const { nodes, seed, start, steady } = this.#scenario;
    const onlooker = this.#onlooker;
    const begin = this.#meter.totals();
    if (start === "cold") this.#join();
    else this.#meter.count(nodes);
    this.#settle();
    this.#begin("steady");
    const before = this.#meter.totals();
    this.#advance(steady);
    const after = this.#meter.totals();
    const userEvent = this.#tellEvent();
    const tags = this.#changeTags();
    this.#leave();
    this.#strike();
    this.#watch();
    this.#progress(1);
    const endsOf = (members: readonly number[]): SpreadsReport =>
      reportSpreads(members.flatMap((member) => onlooker.ends.get(member) ?? []));
    return {
      nodes,
      seed,
      start,
      join: start === "cold" ? onlooker.joinReport() : undefined,
      userEvent: userEvent.report(),
      tags: tags.report(),
      leaves: reportSpreads([...onlooker.leaves.values()]),
      killed: endsOf(this.#roles.killed),
      hostsLost: endsOf(this.#roles.hostsLost),
      falseAlarms: onlooker.falseAlarms.report(),
      excusedAlarms: onlooker.excusedAlarms(),
      steady: trafficBetween(before, after),
      overall: trafficBetween(begin, this.#meter.totals()),
      timeline: this.#timeline,
      phases: this.#phases,
      virtualTime: this.#world.now,
    };
  }

  /** All at once, as after a power cut: the hardest way to begin. */
  #join(): void {
    this.#begin("join");
    const world = this.#world;
    const [seed] = world.nodes;
    for (const node of world.nodes) {
      const process = world.start(node);
      this.#meter.count(1);
      if (seed === undefined || node === seed) continue;
      world.feed(process, (now) =>
        process.serf.join(now, [{ address: seed.address, name: "" }], false, () => {}),
      );
    }
    this.#advance(longestJoin, () => this.#onlooker.isJoined);
  }

  /** Until nobody has anything left to say. */
  #settle(): void {
    this.#begin("settle");
    this.#advance(shortestSettling);
    const end = this.#world.now + longestSettling;
    while (this.#world.now < end && this.#hasBroadcasts()) this.#advance(sampleTime);
  }

  #hasBroadcasts(): boolean {
    for (const { serf } of this.#world.processes()) {
      if (serf.queuedClaims > 0 || serf.stats().intentQueue > 0) return true;
    }
    return false;
  }

  #tellEvent(): Spread {
    this.#begin("event");
    const name = "simulated";
    const source = this.#pick();
    const spread = new Spread(this.#world.now, this.#roles.audience, source.node);
    this.#onlooker.userEvents.set(name, spread);
    const payload = encodeText("payload");
    this.#world.feed(source, (now) => source.serf.userEvent(now, name, payload, false));
    this.#advance(longestNews, () => spread.isComplete);
    return spread;
  }

  #changeTags(): Spread {
    this.#begin("tags");
    const source = this.#pick();
    const spread = new Spread(this.#world.now, this.#roles.audience, source.node);
    this.#onlooker.updates.set(source.node, spread);
    const tags = new Map([["role", "simulated"]]);
    this.#world.feed(source, (now) => source.serf.setTags(now, tags, () => {}));
    this.#advance(longestNews, () => spread.isComplete);
    return spread;
  }

  /** Gracefully, and the process ends when the leave is done. */
  #leave(): void {
    const { leaving, audience } = this.#roles;
    if (leaving.length === 0) return;
    this.#begin("leave");
    const world = this.#world;
    for (const index of leaving) {
      const node = world.node(index);
      const { process } = node;
      if (process === undefined) continue;
      this.#onlooker.leaves.set(index, new Spread(world.now, audience, index));
      world.feed(process, (now) =>
        process.serf.leave(now, () => world.at(world.now, () => this.#end(node, false))),
      );
    }
    const spreads = [...this.#onlooker.leaves.values()];
    this.#advance(longestNews, () => spreads.every((spread) => spread.isComplete));
  }

  /** Processes are killed, hosts are lost, others stand still. */
  #strike(): void {
    this.#begin("faults");
    const { hostsLost, killed, stalled } = this.#roles;
    const { killSpread, stallTime } = this.#scenario;
    const world = this.#world;
    const strike = (index: number, hostEnds: boolean): void => {
      const node = world.node(index);
      world.at(world.now + killSpread * this.#random.next(), () => {
        this.#onlooker.ends.set(index, new Spread(world.now, this.#roles.audience, index));
        this.#end(node, hostEnds);
      });
    };
    for (const index of killed) strike(index, false);
    for (const index of hostsLost) strike(index, true);
    for (const index of stalled) {
      const node = world.node(index);
      world.pause(node);
      world.at(world.now + stallTime, () => world.resume(node));
    }
  }

  #watch(): void {
    const { killSpread, stallTime, watch } = this.#scenario;
    if (watch !== undefined) {
      this.#advance(watch);
      return;
    }
    const { hostsLost, killed, stalled } = this.#roles;
    const until = this.#world.now + Math.max(killSpread, stalled.length > 0 ? stallTime : 0);
    const { ends } = this.#onlooker;
    const total = killed.length + hostsLost.length;
    const isKnown = (): boolean => {
      if (this.#world.now < until || ends.size < total) return false;
      for (const spread of ends.values()) if (!spread.isComplete) return false;
      return true;
    };
    this.#advance(longestWatch(this.#scenario), isKnown);
    this.#advance(afterglow);
  }

  #end(node: WorldNode, hostEnds: boolean): void {
    if (node.process?.up !== true) return;
    this.#meter.count(-1);
    this.#world.crash(node, "kept", hostEnds);
  }

  /** Somebody who stays. */
  #pick(): Process {
    const { staying } = this.#roles;
    const { process } = this.#world.node(staying[intBelow(this.#random, staying.length)] ?? 0);
    assert(process !== undefined, "who stays runs");
    return process;
  }

  #begin(name: PhaseName): void {
    this.#phases.push({ name, at: this.#world.now });
  }

  /** Lets time pass, until `isOver` or for so long at most. */
  #advance(limit: Millis, isOver: () => boolean = () => false): void {
    const world = this.#world;
    const end = world.now + limit;
    while (world.now < end && !isOver()) {
      world.run(Math.min(stepTime, end - world.now));
      if (world.now >= this.#sampledAt + sampleTime) this.#sample();
      this.#tellProgress();
    }
  }

  #sample(): void {
    const totals = this.#meter.totals();
    this.#sampledAt = this.#world.now;
    this.#timeline.push({ at: this.#world.now, ...trafficBetween(this.#sampled, totals) });
    this.#sampled = totals;
  }

  /** Phases end when they are over, so the share is a guess that comes nearer and nearer to 1. */
  #tellProgress(): void {
    const elapsed = this.#world.now / expectedTime(this.#scenario);
    this.#progress(1 - Math.exp(-2 * elapsed));
  }
}

/** How long faults are watched at most: the longest suspicion that there can be, and some probes. */
function longestWatch(scenario: Scenario): Millis {
  const { killSpread, nodes, stallTime, stalled, timing } = scenario;
  const suspicion = minSuspicion(timing.suspicionMult, nodes, timing.probeInterval);
  const stall = stalled > 0 ? stallTime : 0;
  const longest = suspicion * timing.suspicionMaxTimeoutMult + 10 * timing.probeInterval;
  return longest + killSpread + stall;
}

/** What a run usually takes. */
function expectedTime(scenario: Scenario): Millis {
  const { nodes, start, steady, timing, watch } = scenario;
  const suspicion = minSuspicion(timing.suspicionMult, nodes, timing.probeInterval);
  const joining = start === "cold" ? seconds(10) : 0;
  const watching = watch ?? suspicion + 3 * timing.probeInterval + afterglow;
  return joining + shortestSettling + steady + seconds(5) + scenario.killSpread + watching;
}
