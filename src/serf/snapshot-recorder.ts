import { type Address, sameAddress } from "../base/address.js";
import type { Timers } from "../base/timers.js";
import type { Instant, Millis } from "../base/units.js";
import type { LamportTime } from "../wire/serf-messages.js";
import type { Member, MemberEventKind } from "./events.js";
import type { Clocks } from "./merge.js";
import { recordOf, type SnapshotRecord, type SnapshotState } from "./snapshot.js";

/** How often the clock of the members is looked at. */
const clockInterval: Millis = 500;

/** What {@link SnapshotRecorder} works with. */
export interface RecorderParts {
  readonly clocks: Pick<Clocks, "member">;
  readonly timers: Timers;
  emit(record: SnapshotRecord): void;
}

/**
 * Tells the snapshot file all that it needs for the next start, as it happens and before anything is
 * coalesced (protocol.md section 5.15).
 */
export class SnapshotRecorder {
  readonly #parts: RecorderParts;
  /** Where the members are that were recorded as alive since the start; at most all there are. */
  readonly #places = new Map<string, Address>();
  #clock: LamportTime;
  #eventClock: LamportTime;
  #queryClock: LamportTime;
  #leaving = false;

  /** `recovered` is what the file says already. */
  constructor(recovered: SnapshotState, parts: RecorderParts) {
    this.#parts = parts;
    this.#clock = recovered.clock;
    this.#eventClock = recovered.eventClock;
    this.#queryClock = recovered.queryClock;
  }

  start(now: Instant): void {
    this.#parts.timers.at(now + clockInterval, (then) => {
      this.#recordClock();
      this.start(then);
    });
  }

  member(kind: MemberEventKind, member: Member): void {
    if (this.#leaving) return;
    const record = this.#recordOf(kind, member);
    if (record?.kind === "alive") this.#places.set(record.name, record.address);
    if (record?.kind === "not-alive") this.#places.delete(record.name);
    if (record !== undefined) this.#parts.emit(record);
    this.#recordClock();
  }

  /** A user event of this time was delivered. */
  userEvent(ltime: LamportTime): void {
    if (this.#leaving || ltime <= this.#eventClock) return;
    this.#eventClock = ltime;
    this.#parts.emit({ kind: "event-clock", ltime });
  }

  /** A query of this time was taken in, and be it one of Serf's own. */
  query(ltime: LamportTime): void {
    if (this.#leaving || ltime <= this.#queryClock) return;
    this.#queryClock = ltime;
    this.#parts.emit({ kind: "query-clock", ltime });
  }

  /** We leave on purpose: what happens from now on is no matter of the next start. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#parts.emit({ kind: "leave" });
  }

  #recordOf(kind: MemberEventKind, member: Member): SnapshotRecord | undefined {
    if (kind === "member-update") return this.#moved(member);
    // Pruned while it still was leaving: nothing else says that it is gone, and Serf would look for it.
    if (kind === "member-reap" && this.#places.has(member.name)) {
      return { kind: "not-alive", name: member.name };
    }
    return recordOf(kind, member);
  }

  /** Serf keeps the address that a member had when it joined, and looks for it there after a restart. */
  #moved({ name, address }: Member): SnapshotRecord | undefined {
    const before = this.#places.get(name);
    if (before === undefined || sameAddress(before, address)) return undefined;
    return { kind: "alive", name, address };
  }

  /** The last time that was seen, which is one before the next to be given. */
  #recordClock(): void {
    const ltime = this.#parts.clocks.member.time - 1;
    if (ltime <= this.#clock) return;
    this.#clock = ltime;
    this.#parts.emit({ kind: "clock", ltime });
  }
}
