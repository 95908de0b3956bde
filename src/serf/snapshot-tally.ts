import type { Address } from "../base/address.js";
import type { LamportTime } from "../wire/serf-messages.js";
import type { SnapshotRecord, SnapshotState } from "./snapshot.js";

/** What a snapshot adds up to, record by record (protocol.md section 5.15). */
export class SnapshotTally implements SnapshotState {
  /** One entry for each name in the records that are read, or for each member that is here. */
  readonly alive = new Map<string, Address>();
  readonly #rejoinAfterLeave: boolean;
  #clock: LamportTime = 0;
  #eventClock: LamportTime = 0;
  #queryClock: LamportTime = 0;

  /** Goes on from `state`. A leave makes all before it void, unless `rejoinAfterLeave`. */
  constructor(rejoinAfterLeave: boolean, state?: SnapshotState) {
    this.#rejoinAfterLeave = rejoinAfterLeave;
    if (state === undefined) return;
    for (const [name, address] of state.alive) this.alive.set(name, address);
    this.#clock = state.clock;
    this.#eventClock = state.eventClock;
    this.#queryClock = state.queryClock;
  }

  get clock(): LamportTime {
    return this.#clock;
  }

  get eventClock(): LamportTime {
    return this.#eventClock;
  }

  get queryClock(): LamportTime {
    return this.#queryClock;
  }

  add(record: SnapshotRecord): void {
    switch (record.kind) {
      case "alive":
        this.alive.set(record.name, record.address);
        return;
      case "not-alive":
        this.alive.delete(record.name);
        return;
      case "clock":
        this.#clock = record.ltime;
        return;
      case "event-clock":
        this.#eventClock = record.ltime;
        return;
      case "query-clock":
        this.#queryClock = record.ltime;
        return;
      case "leave":
        if (!this.#rejoinAfterLeave) this.#forgetAll();
    }
  }

  #forgetAll(): void {
    this.alive.clear();
    this.#clock = 0;
    this.#eventClock = 0;
    this.#queryClock = 0;
  }
}
