import type { Timers } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import { type CoalescePeriods, CoalesceWindow } from "./coalescer.js";
import type { UserEvent } from "./events.js";

/** After so many waiting events the window closes early. */
const maxPending = 4_096;

/** Of the user events of one name in a window, keeps those with the highest Lamport time. */
export class UserCoalescer {
  readonly #window: CoalesceWindow;
  readonly #emit: (event: UserEvent) => void;
  /** By name, all of the same Lamport time; together at most {@link maxPending}. */
  readonly #pending = new Map<string, UserEvent[]>();
  #count = 0;

  constructor(timers: Timers, periods: CoalescePeriods, emit: (event: UserEvent) => void) {
    this.#window = new CoalesceWindow(timers, periods, () => this.#tell());
    this.#emit = emit;
  }

  handle(now: Instant, event: UserEvent): void {
    const waiting = this.#pending.get(event.name) ?? [];
    const ltime = waiting[0]?.ltime ?? -1;
    if (event.ltime > ltime) {
      this.#pending.set(event.name, [event]);
      this.#count += 1 - waiting.length;
    } else if (event.ltime === ltime) {
      waiting.push(event);
      this.#count += 1;
    }
    this.#window.extend(now);
    if (this.#count >= maxPending) this.#window.close(now);
  }

  /** Tells at once what was collected. */
  flush(now: Instant): void {
    this.#window.close(now);
  }

  #tell(): void {
    const events = [...this.#pending.values()].flat();
    this.#pending.clear();
    this.#count = 0;
    for (const event of events) this.#emit(event);
  }
}
