import type { Log } from "../base/log.js";
import type { Instant } from "../base/units.js";
import { encodeSerfMessage, type JoinIntent, type LeaveIntent } from "../wire/serf-messages.js";
import type { Broadcasts } from "./broadcasts.js";
import type { LamportClock } from "./lamport.js";
import type { Membership } from "./membership.js";

/** What {@link Announcements} works with. */
export interface AnnouncementParts {
  readonly self: string;
  readonly log: Log;
  readonly clock: LamportClock;
  readonly membership: Membership;
  readonly broadcasts: Broadcasts;
  /** False from the moment on at which we leave. */
  staying(): boolean;
}

/** Says who joins and who leaves, and defends us against those who say that we do. */
export class Announcements {
  readonly #parts: AnnouncementParts;

  constructor(parts: AnnouncementParts) {
    this.#parts = parts;
  }

  /** Says that we are here, later than anything that was heard. */
  announceJoin(now: Instant): void {
    const { broadcasts, clock, membership, self } = this.#parts;
    const intent: JoinIntent = { kind: "join", ltime: clock.time, node: self };
    membership.handleJoinIntent(now, intent);
    broadcasts.add("intent", encodeSerfMessage(intent));
  }

  /**
   * Says that `node`, which may be us, leaves. `finished` is called when that was gossiped as often as
   * it is going to be, at once if nobody is there to hear it.
   */
  announceLeave(now: Instant, node: string, prune: boolean, finished: () => void): void {
    const { broadcasts, clock, membership } = this.#parts;
    const intent: LeaveIntent = { kind: "leave", ltime: clock.time, node, prune };
    this.handleLeave(now, intent);
    if (membership.hasOthersAlive()) broadcasts.add("intent", encodeSerfMessage(intent), finished);
    else finished();
  }

  /** Takes in that somebody leaves; true if others should hear of it. */
  handleLeave(now: Instant, intent: LeaveIntent): boolean {
    const { log, membership } = this.#parts;
    const verdict = membership.handleLeaveIntent(now, intent, this.#parts.staying());
    if (verdict === "refute") {
      log.debug({ ltime: intent.ltime }, "Refuting an older leave intent");
      this.announceJoin(now);
    }
    return verdict === "spread";
  }
}
