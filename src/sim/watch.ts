import type { Bytes, Instant, Millis } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import {
  type Bounds,
  ClockCheck,
  checkBounds,
  checkPacket,
  checkSelf,
  DeliveryCheck,
  IncarnationCheck,
} from "./checkers.js";
import type { Process } from "./process.js";
import { Violation } from "./violation.js";
import type { Observer, World } from "./world.js";

/** Groups larger than this are looked at now and then only: a look costs as much as the group is large. */
const smallGroup = 40;

/** After so long without any fault nobody has reason to hold a member for failed. */
const calmTime: Millis = 120_000;

interface Look {
  readonly incarnations: IncarnationCheck;
  readonly clocks: ClockCheck;
  readonly delivery: DeliveryCheck;
}

/** Looks at every process after every step: what must never happen, has it? Throws {@link Violation}. */
export class Watch implements Observer {
  readonly #world: World;
  readonly #bounds: Bounds;
  readonly #graceTime: Millis;
  /** One for each life. */
  readonly #looks = new Map<Process, Look>();
  /** When something was wrong last; the start is not counted. */
  #troubledAt: Instant = Number.NEGATIVE_INFINITY;
  #touches = 0;

  constructor(world: World, graceTime: Millis, bounds: Bounds) {
    this.#world = world;
    this.#graceTime = graceTime;
    this.#bounds = bounds;
  }

  /** Something is wrong now, or was until now. */
  noteTrouble(): void {
    this.#troubledAt = this.#world.now;
  }

  /** The user events that `process` was told of, by name. */
  delivered(process: Process): ReadonlySet<string> {
    return this.#looks.get(process)?.delivery.delivered ?? new Set();
  }

  /** All processes that there were. */
  lives(): Iterable<Process> {
    return this.#looks.keys();
  }

  started(process: Process): void {
    const { recovered } = process;
    const clocks = new ClockCheck();
    if (recovered !== undefined) clocks.recovered(recovered);
    this.#looks.set(process, {
      incarnations: new IncarnationCheck(this.#graceTime),
      clocks,
      delivery: new DeliveryCheck(process.name, recovered),
    });
  }

  touched(process: Process): void {
    this.#touches += 1;
    const { nodes, now } = this.#world;
    if (nodes.length > smallGroup && this.#touches % nodes.length !== 0) return;
    const look = this.#looks.get(process);
    if (look === undefined) return;
    look.incarnations.look(process.clock.at(now), process);
    look.clocks.look(process);
    checkBounds(process, this.#bounds);
    checkSelf(process);
  }

  sent(process: Process, payload: Bytes): void {
    checkPacket(process.name, payload);
  }

  told(process: Process, event: SerfEvent): void {
    this.#looks.get(process)?.delivery.told(event);
    if (event.kind !== "member-failed") return;
    const { nodes, now } = this.#world;
    if (now - this.#troubledAt < calmTime) return;
    for (const { name } of event.members) {
      const failed = nodes.find((node) => node.name === name)?.process;
      if (failed?.up !== true || now - failed.startedAt < calmTime) continue;
      throw new Violation("nobody fails in a calm", `${process.name} takes ${name} for failed`);
    }
  }

  stopped(process: Process, reason: string): void {
    throw new Violation("nobody loses a name without a rival", `${process.name}: ${reason}`);
  }
}
