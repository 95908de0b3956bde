import { sameAddress } from "../base/address.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import type { Timing } from "../swim/config.js";
import {
  type Bounds,
  ClockCheck,
  checkBounds,
  checkPacket,
  checkSelf,
  DeliveryCheck,
  IncarnationCheck,
} from "./checkers.js";
import type { Disturbances } from "./disturbances.js";
import { MemberSequence } from "./member-sequence.js";
import type { Process } from "./process.js";
import { Violation } from "./violation.js";
import type { Observer, World } from "./world.js";

/** Groups larger than this are looked at now and then only: a look costs as much as the group is large. */
const smallGroup = 40;

/** Who takes a name from another was here so shortly before at least: time to vote, and to end. */
const rivalTime: Millis = 30_000;

/** Who had no trouble for so long is not to blame for what comes of it. */
const sparedTime: Millis = 10_000;

interface Look {
  readonly incarnations: IncarnationCheck;
  readonly clocks: ClockCheck;
  readonly delivery: DeliveryCheck;
  readonly sequence: MemberSequence;
  /** When it was given an input last, in virtual time. */
  lastAt: Instant;
  /** Since when it holds a name for gone, at each look at all pairs. */
  readonly goneSince: Map<string, Instant>;
}

/** What a {@link Watch} needs to know of the group that it watches. */
export interface WatchOptions {
  readonly timing: Timing;
  readonly bounds: Bounds;
  readonly disturbances: Disturbances;
}

/** Looks at every process after every step: what must never happen, has it? Throws {@link Violation}. */
export class Watch implements Observer {
  readonly #world: World;
  readonly #options: WatchOptions;
  /** One for each life. */
  readonly #looks = new Map<Process, Look>();
  #touches = 0;
  /**
   * How often somebody who was in no trouble was told that somebody failed who was in none either. That may
   * be, while others are in trouble; but seldom.
   */
  falseAlarms = 0;

  constructor(world: World, options: WatchOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** What `process` was told of user events. */
  delivery(process: Process): DeliveryCheck | undefined {
    return this.#looks.get(process)?.delivery;
  }

  /** All processes that there were. */
  lives(): Iterable<Process> {
    return this.#looks.keys();
  }

  started(process: Process): void {
    const { name, recovered } = process;
    const clocks = new ClockCheck();
    if (recovered !== undefined) clocks.recovered(recovered);
    this.#looks.set(process, {
      incarnations: new IncarnationCheck(this.#options.timing.gossipToTheDeadTime),
      clocks,
      delivery: new DeliveryCheck(name, recovered),
      sequence: new MemberSequence(name),
      lastAt: this.#world.now,
      goneSince: new Map(),
    });
  }

  touched(process: Process): void {
    this.#touches += 1;
    const { nodes, now } = this.#world;
    const look = this.#looks.get(process);
    if (look === undefined) return;
    look.lastAt = now;
    if (nodes.length > smallGroup && this.#touches % nodes.length !== 0) return;
    look.incarnations.look(process.clock.at(now), process);
    look.clocks.look(process);
    checkBounds(process, this.#options.bounds);
    checkSelf(process);
  }

  sent(process: Process, payload: Bytes): void {
    checkPacket(process.name, payload);
  }

  told(process: Process, event: SerfEvent): void {
    const look = this.#looks.get(process);
    look?.delivery.told(event);
    look?.sequence.told(event);
    if (event.kind !== "member-failed") return;
    const { now } = this.#world;
    for (const { name } of event.members) {
      if (this.#isSpared(process) && this.#isSpared(this.#only(name))) this.falseAlarms += 1;
    }
    const calm = calmTime(this.#options.timing);
    if (!this.#options.disturbances.sparesAll(now, calm)) return;
    for (const { name } of event.members) {
      const failed = this.#only(name);
      if (failed === undefined || now - failed.startedAt < calm) continue;
      throw new Violation("nobody fails in a calm", `${process.name} takes ${name} for failed`);
    }
  }

  stopped(process: Process, reason: string): void {
    const { disturbances } = this.#options;
    const { now } = this.#world;
    disturbances.strike(now);
    for (const [other, { lastAt }] of this.#looks) {
      if (other === process || other.name !== process.name) continue;
      if (other.up || now - lastAt <= rivalTime) return;
    }
    throw new Violation("nobody loses a name without a rival", `${process.name}: ${reason}`);
  }

  /**
   * Also while others are in trouble: who is here, and was spared for long, as its viewer was and half
   * of the group, is not held for failed all that time. To be called now and then.
   */
  lookAtPairs(): void {
    const { now } = this.#world;
    const { disturbances, timing } = this.#options;
    const patience = 2 * calmTime(timing);
    const here = [...this.#world.processes()];
    const spared = here.filter(
      ({ node, startedAt }) =>
        now - startedAt >= patience && disturbances.spares(node, now, patience),
    );
    const isCertain = 2 * spared.length >= here.length;
    for (const viewer of here) {
      const since = this.#looks.get(viewer)?.goneSince;
      if (since === undefined) continue;
      const before = new Map(since);
      since.clear();
      for (const { address, name, status } of viewer.serf.members()) {
        if (status !== "failed" && status !== "leaving") continue;
        const from = before.get(name) ?? now;
        since.set(name, from);
        const member = this.#only(name);
        if (!isCertain || now - from < patience || member === undefined) continue;
        if (!spared.includes(viewer) || !spared.includes(member)) continue;
        if (!sameAddress(member.address, address) || member.serf.state !== "alive") continue;
        throw new Violation(
          "nobody stays failed who is here",
          `${viewer.name} holds ${name} for ${status} since ${from / 1_000} s`,
        );
      }
    }
  }

  #isSpared(process: Process | undefined): boolean {
    if (process?.up !== true) return false;
    const { now } = this.#world;
    const { node, startedAt } = process;
    return (
      now - startedAt >= sparedTime && this.#options.disturbances.spares(node, now, sparedTime)
    );
  }

  /** The one process of this name that is up; undefined if there are none or more. */
  #only(name: string): Process | undefined {
    const [one, another] = this.#world.nodes.filter(
      (node) => node.name === name && node.process?.up === true,
    );
    return another === undefined ? one?.process : undefined;
  }
}

/**
 * After so long without any fault nobody has reason to hold a member for failed: the longest suspicion
 * of a small group, and a few exchanges.
 */
function calmTime(timing: Timing): Millis {
  const { probeInterval, pushPullInterval, suspicionMaxTimeoutMult, suspicionMult } = timing;
  const suspicion = 1.5 * suspicionMult * probeInterval * suspicionMaxTimeoutMult;
  return Math.max(120_000, suspicion + 2 * pushPullInterval);
}
