import type { Instant, Millis } from "../base/units.js";

export interface FalseAlarmReport {
  /** Members that were here and well, and that somebody declared failed. */
  readonly members: number;
  /** How often that was told to somebody. */
  readonly views: number;
  /** How long each of {@link views} believed it; undefined: to the end. */
  readonly believedFor: readonly (Millis | undefined)[];
}

/** Alarms about members that were here and well. */
export class FalseAlarms {
  readonly #members = new Set<number>();
  /** By viewer, then by member: since when it is believed. At most one for each pair. */
  readonly #believed = new Map<number, Map<number, Instant>>();
  /** How long those that are over were believed. */
  readonly #refuted: Millis[] = [];
  #views = 0;

  raise(now: Instant, viewer: number, member: number): void {
    this.#members.add(member);
    this.#views += 1;
    const believed = this.#believed.get(viewer) ?? new Map<number, Instant>();
    believed.set(member, now);
    this.#believed.set(viewer, believed);
  }

  /** `viewer` holds `member` for alive again. */
  refute(now: Instant, viewer: number, member: number): void {
    const believed = this.#believed.get(viewer);
    const since = believed?.get(member);
    if (believed === undefined || since === undefined) return;
    believed.delete(member);
    this.#refuted.push(now - since);
  }

  report(): FalseAlarmReport {
    const open = new Array<undefined>(this.#views - this.#refuted.length).fill(undefined);
    return {
      members: this.#members.size,
      views: this.#views,
      believedFor: [...this.#refuted, ...open],
    };
  }
}
