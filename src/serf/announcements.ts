import type { Address } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Timers } from "../base/timers.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import {
  encodeSerfMessage,
  type JoinIntent,
  type LamportTime,
  type LeaveIntent,
} from "../wire/serf-messages.js";
import type { Broadcasts } from "./broadcasts.js";
import type { Member } from "./events.js";
import type { LamportClock } from "./lamport.js";
import type { Membership } from "./membership.js";

/** Before we contradict what others only tell each other about us. */
const patience: Millis = seconds(1);

/** What {@link Announcements} works with. */
export interface AnnouncementParts {
  readonly self: string;
  readonly log: Log;
  readonly clock: LamportClock;
  readonly membership: Membership;
  readonly broadcasts: Broadcasts;
  readonly timers: Timers;
  /** The last time that the snapshot knows of; 0 without one. */
  readonly recoveredClock: LamportTime;
  /** False from the moment on at which we leave. */
  staying(): boolean;
  /** As in {@link Surroundings}. */
  sendUser(to: Address, payload: Bytes): void;
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
   *
   * Serf looks for listeners that do not leave, when it holds `node` for leaving already: of two members,
   * the one that is still here is not told, and so held for leaving for ever.
   */
  announceLeave(now: Instant, node: string, prune: boolean, finished: () => void): void {
    const { broadcasts, clock, membership } = this.#parts;
    const intent: LeaveIntent = { kind: "leave", ltime: clock.time, node, prune };
    const hasListeners = membership.hasOthersHere();
    this.handleLeave(now, intent);
    if (hasListeners) broadcasts.add("intent", encodeSerfMessage(intent), finished);
    else finished();
  }

  /**
   * Others know of something at `ltime` that we are to have said. If it is later than what we did say, in
   * this life or in one that the snapshot remembers, it was said in our name: that we leave, and gossip
   * has missed us. Serf lets it stand. A join that is under way is given the time to say so itself.
   */
  handleOwnStatus(now: Instant, ltime: LamportTime): void {
    const { log, membership, recoveredClock, self, staying, timers } = this.#parts;
    const said = (): LamportTime => membership.statusLtime(self) ?? 0;
    if (ltime <= Math.max(said(), recoveredClock)) return;
    timers.at(now + patience, (then) => {
      if (!staying() || said() > ltime) return;
      log.debug({ ltime }, "Refuting what was said of us");
      this.announceJoin(then);
    });
  }

  /**
   * Tells a member that we hold it for leaving, later than anything that was heard: if it stays it says
   * so to all. Serf lets it be held for leaving as long as it is here.
   */
  remind({ address, name }: Member): void {
    const { clock, log, sendUser } = this.#parts;
    log.debug({ member: name }, "telling a member that we hold it for leaving");
    const intent: LeaveIntent = { kind: "leave", ltime: clock.time, node: name, prune: false };
    sendUser(address, encodeSerfMessage(intent));
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
