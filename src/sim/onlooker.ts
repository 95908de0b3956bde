import type { Instant, Millis } from "../base/units.js";
import type { MemberEventKind, SerfEvent } from "../serf/events.js";
import { FalseAlarms } from "./false-alarms.js";
import type { Process } from "./process.js";
import { type Curve, curveOf, quantile } from "./quantiles.js";
import type { Roles } from "./roles.js";
import type { Spread } from "./spread.js";
import type { Observer, World } from "./world.js";

/** How soon views were complete, which all members joined at the same moment. */
export interface JoinReport {
  /** Views that were never complete. */
  readonly missed: number;
  readonly half: Millis | undefined;
  /** 99 % of the views. */
  readonly most: Millis | undefined;
  readonly all: Millis | undefined;
  readonly curve: Curve;
}

/** What members held wrongly of others that were not quite well. */
export interface ExcusedAlarms {
  /** Stalled members that somebody declared failed, which they nearly were; and to how many it was told. */
  readonly stalledMembers: number;
  readonly stalledViews: number;
  /** Members that left and were taken for failed. */
  readonly leavingMembers: number;
  readonly leavingViews: number;
}

/**
 * Makes measures out of what members are told, as they are told it: nothing here takes longer in a
 * larger group.
 */
export class Onlooker implements Observer {
  readonly falseAlarms = new FalseAlarms();
  /** By member: the news of its end, of its leave, of its tags. Set when that happens. */
  readonly ends = new Map<number, Spread>();
  readonly leaves = new Map<number, Spread>();
  readonly updates = new Map<number, Spread>();
  /** By name. */
  readonly userEvents = new Map<string, Spread>();
  readonly #world: World;
  readonly #indices = new Map<string, number>();
  readonly #stalled: ReadonlySet<number>;
  /** By viewer: how many members it holds for alive. */
  readonly #known: Uint32Array;
  readonly #complete: Uint8Array;
  /** When views were complete for the first time; sorted. */
  readonly #completed: Instant[] = [];
  readonly #excused = { stalled: new Set<number>(), leaving: new Set<number>() };
  #stalledViews = 0;
  #leavingViews = 0;

  constructor(world: World, roles: Roles) {
    this.#world = world;
    for (const { index, name } of world.nodes) this.#indices.set(name, index);
    this.#stalled = new Set(roles.stalled);
    this.#known = new Uint32Array(world.nodes.length);
    this.#complete = new Uint8Array(world.nodes.length);
  }

  /** True once every view was complete. */
  get isJoined(): boolean {
    return this.#completed.length === this.#known.length;
  }

  touched(): void {}
  sent(): void {}
  started(): void {}
  stopped(): void {}

  told(process: Process, event: SerfEvent): void {
    const { now } = this.#world;
    if (event.kind === "query") return;
    if (event.kind === "user") {
      this.userEvents.get(event.name)?.hear(now, process.node);
      return;
    }
    for (const { name } of event.members) {
      const member = this.#indices.get(name);
      if (member !== undefined) this.#change(now, event.kind, process.node, member);
    }
  }

  joinReport(): JoinReport {
    const times = this.#completed;
    const total = this.#known.length;
    return {
      missed: total - times.length,
      half: quantile(times, 0.5, total),
      most: quantile(times, 0.99, total),
      all: quantile(times, 1, total),
      curve: curveOf(times, total),
    };
  }

  excusedAlarms(): ExcusedAlarms {
    return {
      stalledMembers: this.#excused.stalled.size,
      stalledViews: this.#stalledViews,
      leavingMembers: this.#excused.leaving.size,
      leavingViews: this.#leavingViews,
    };
  }

  #change(now: Instant, kind: MemberEventKind, viewer: number, member: number): void {
    switch (kind) {
      case "member-join":
        this.#meet(now, viewer);
        this.falseAlarms.refute(now, viewer, member);
        return;
      case "member-failed":
        this.#lose(viewer);
        this.#fail(now, viewer, member);
        return;
      case "member-leave":
        this.#lose(viewer);
        this.leaves.get(member)?.hear(now, viewer);
        return;
      case "member-update":
        this.updates.get(member)?.hear(now, viewer);
        return;
      case "member-reap":
    }
  }

  #meet(now: Instant, viewer: number): void {
    const known = (this.#known[viewer] ?? 0) + 1;
    this.#known[viewer] = known;
    if (known < this.#known.length || this.#complete[viewer] === 1) return;
    this.#complete[viewer] = 1;
    this.#completed.push(now);
  }

  #lose(viewer: number): void {
    this.#known[viewer] = Math.max(0, (this.#known[viewer] ?? 0) - 1);
  }

  #fail(now: Instant, viewer: number, member: number): void {
    const end = this.ends.get(member);
    if (end !== undefined) {
      end.hear(now, viewer);
    } else if (this.leaves.has(member)) {
      this.#excused.leaving.add(member);
      this.#leavingViews += 1;
    } else if (this.#stalled.has(member)) {
      this.#excused.stalled.add(member);
      this.#stalledViews += 1;
    } else this.falseAlarms.raise(now, viewer, member);
  }
}
