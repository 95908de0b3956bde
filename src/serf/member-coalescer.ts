import { sameAddress } from "../base/address.js";
import { Overlay } from "../base/overlay.js";
import type { Timers } from "../base/timers.js";
import type { Instant } from "../base/units.js";
import { type CoalescePeriods, CoalesceWindow } from "./coalescer.js";
import type { Member, MemberEvent, MemberEventKind, VersionRange } from "./events.js";
import { sameTags } from "./tags.js";

/** Where a member is, as far as those know who only hear events. */
type Presence = "here" | "left" | "failed";

/** The last that was told of a member. */
export interface Told {
  readonly presence: Presence;
  readonly member: Member;
}

/** What happened to one member in the open window. */
interface Pending {
  /** Its newest data and where it is; "reaped" if it was forgotten. */
  readonly presence: Presence | "reaped";
  readonly member: Member;
  /** It came (back) and has not gone since. */
  readonly joined: boolean;
  /** How it was last seen to go, should it have been reaped as well. */
  readonly went: Exclude<Presence, "here"> | undefined;
}

/** The order in which a window's events are told: first who comes, last who is forgotten. */
const order = [
  "member-join",
  "member-update",
  "member-leave",
  "member-failed",
  "member-reap",
] as const satisfies readonly MemberEventKind[];

/**
 * Makes at most one event of each kind out of all that happened to members in a window.
 *
 * Serf tells the last thing that happened to each member, unless the last thing told was of the same
 * kind. That loses a return at another address and the join of a member that sets a tag soon after,
 * repeats updates, and keeps every name for ever (compat.md section 11). Here what was told is
 * compared with what is: whoever applies the events knows every member as it is, at its address, and
 * is told nothing twice. A member's first event is always a join; one that came and went within a
 * window is told to come and to go, one that went and was forgotten is told to go and to be forgotten.
 */
export class MemberCoalescer {
  readonly #window: CoalesceWindow;
  readonly #emit: (event: MemberEvent) => void;
  /** What was told of each member; one that was told to be forgotten is not in it. */
  readonly #told: Overlay<Told>;
  /** At most one for each member; emptied with every window. */
  readonly #pending = new Map<string, Pending>();

  /** `told` is known from before. */
  constructor(
    timers: Timers,
    periods: CoalescePeriods,
    emit: (event: MemberEvent) => void,
    told?: ReadonlyMap<string, Told>,
  ) {
    this.#told = new Overlay(told);
    this.#window = new CoalesceWindow(timers, periods, () => this.#tell());
    this.#emit = emit;
  }

  /** Names of which something was told or is to be told; for tests and limits. */
  get size(): number {
    return this.#told.size + this.#pending.size;
  }

  handle(now: Instant, kind: MemberEventKind, member: Member): void {
    this.#pending.set(member.name, follow(this.#pending.get(member.name), kind, member));
    this.#window.extend(now);
  }

  /** Tells at once what was collected. */
  flush(now: Instant): void {
    this.#window.close(now);
  }

  #tell(): void {
    const events = new Map<MemberEventKind, Member[]>();
    for (const [name, pending] of this.#pending) {
      for (const kind of eventsFor(this.#told.get(name), pending)) {
        const members = events.get(kind) ?? [];
        members.push(kind === "member-join" ? asHere(pending.member) : pending.member);
        events.set(kind, members);
      }
      if (pending.presence === "reaped") this.#told.delete(name);
      else this.#told.set(name, { presence: pending.presence, member: pending.member });
    }
    this.#pending.clear();
    for (const kind of order) {
      const members = events.get(kind);
      if (members !== undefined) this.#emit({ kind, members: members.sort(byName) });
    }
  }
}

function follow(before: Pending | undefined, kind: MemberEventKind, member: Member): Pending {
  switch (kind) {
    case "member-join":
      return { presence: "here", member, joined: true, went: undefined };
    case "member-update":
      return { presence: "here", member, joined: before?.joined ?? false, went: undefined };
    case "member-leave":
      return { presence: "left", member, joined: false, went: "left" };
    case "member-failed":
      return { presence: "failed", member, joined: false, went: "failed" };
    case "member-reap":
      return { presence: "reaped", member, joined: false, went: before?.went };
  }
}

/** What must be told so that those who know `told` know what is pending. */
function eventsFor(told: Told | undefined, pending: Pending): MemberEventKind[] {
  const { presence, member } = pending;
  if (presence === "here") return arrival(told, pending);
  if (presence === "reaped") {
    if (told === undefined) return [];
    const gone = told.presence === "here" ? pending.went : undefined;
    return gone === undefined ? ["member-reap"] : [departure[gone], "member-reap"];
  }
  if (told === undefined) return ["member-join", departure[presence]];
  if (told.presence === "here") return [departure[presence]];
  const isSame = sameMember(told.member, member);
  if (isSame && told.presence === presence) return [];
  if (isSame && presence === "left") return ["member-leave"];
  // It came, changed, and went: who left cannot leave or fail again, unless it was here.
  return ["member-join", departure[presence]];
}

const departure = { left: "member-leave", failed: "member-failed" } as const;

function arrival(told: Told | undefined, { member, joined }: Pending): MemberEventKind[] {
  if (told === undefined || told.presence !== "here") return ["member-join"];
  if (sameMember(told.member, member)) return [];
  const moved = !sameAddress(told.member.address, member.address);
  return [moved && joined ? "member-join" : "member-update"];
}

/** Who joined and left within one window is told to join as it was when it joined. */
function asHere(member: Member): Member {
  const { status } = member;
  return status === "left" || status === "failed" ? { ...member, status: "alive" } : member;
}

/** True if both look the same to a handler. The status is not compared: the events are about it. */
function sameMember(one: Member, other: Member): boolean {
  return (
    sameAddress(one.address, other.address) &&
    sameTags(one.tags, other.tags) &&
    sameRange(one.protocol, other.protocol) &&
    sameRange(one.delegate, other.delegate)
  );
}

function sameRange(one: VersionRange, other: VersionRange): boolean {
  return one.min === other.min && one.max === other.max && one.current === other.current;
}

function byName(one: Member, other: Member): number {
  return one.name < other.name ? -1 : 1;
}
