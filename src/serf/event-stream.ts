import type { Timers } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import type { SerfConfig } from "./config.js";
import type { Member, MemberEventKind, QueryEvent, SerfEvent, UserEvent } from "./events.js";
import { MemberCoalescer, type Told } from "./member-coalescer.js";
import { UserCoalescer } from "./user-coalescer.js";

type StreamPeriods = Pick<
  SerfConfig,
  "coalescePeriod" | "quiescentPeriod" | "userCoalescePeriod" | "userQuiescentPeriod"
>;

/** The way from what happens to what handlers are told (protocol.md section 5.14). */
export class EventStream {
  readonly #members: MemberCoalescer;
  readonly #users: UserCoalescer;
  readonly #emit: (event: SerfEvent) => void;

  /** `told`: what users know of members from before. */
  constructor(
    timers: Timers,
    periods: StreamPeriods,
    emit: (event: SerfEvent) => void,
    told?: ReadonlyMap<string, Told>,
  ) {
    this.#emit = emit;
    this.#members = new MemberCoalescer(
      timers,
      { coalesce: periods.coalescePeriod, quiescent: periods.quiescentPeriod },
      emit,
      told,
    );
    this.#users = new UserCoalescer(
      timers,
      { coalesce: periods.userCoalescePeriod, quiescent: periods.userQuiescentPeriod },
      emit,
    );
  }

  /** Names that events were told about, or will be. */
  get namesTold(): number {
    return this.#members.size;
  }

  member(now: Instant, kind: MemberEventKind, member: Member): void {
    this.#members.handle(now, kind, member);
  }

  user(now: Instant, event: UserEvent): void {
    if (event.coalesce) this.#users.handle(now, event);
    else this.#emit(event);
  }

  query(event: QueryEvent): void {
    this.#emit(event);
  }

  /** Tells at once what was collected: nobody will be here to tell it later. */
  flush(now: Instant): void {
    this.#users.flush(now);
    this.#members.flush(now);
  }
}
