import type { Instant } from "../base/units.js";
import type {
  Member,
  MemberEvent,
  MemberEventKind,
  QueryEvent,
  SerfEvent,
  UserEvent,
} from "../serf/events.js";

export interface QueueLimits {
  /** User events and queries that wait; Serf's own queues come to about 3,100. */
  readonly messages: number;
  /** Payload bytes of these together. */
  readonly payloadBytes: number;
  /** Members of which something is to be told. */
  readonly members: number;
}

export const queueLimits: QueueLimits = {
  messages: 4_096,
  payloadBytes: 8 * 1024 * 1024,
  members: 65_536,
};

/** One thing to tell of one member. */
export interface Change {
  readonly kind: MemberEventKind;
  readonly member: Member;
}

type Message = UserEvent | QueryEvent;

interface Waiting<T> {
  readonly place: number;
  readonly item: T;
}

/**
 * What waits for a handler that is busy.
 *
 * Member events do not pile up, they are merged: of each member only what takes a handler from what
 * it was told to how the member is now is kept ({@link mergeChange}), with the newest data, and at
 * the place of the first. Changes of one kind are then told together. User events and queries keep
 * their order; beyond the limits the oldest is dropped and counted.
 *
 * A change of members waits for one message at most: behind a flood of user events a balancer would
 * go on with members that are long gone. Nor does flapping hold up messages: one follows each change.
 */
export class HandlerQueue {
  /** Member changes that a newer one replaced or made pointless. Nothing is lost by these. */
  merged = 0;
  /** User events, queries and members that found no room. */
  dropped = 0;
  /** Queries whose time was over before their turn came. */
  expired = 0;
  readonly #wants: (event: SerfEvent) => boolean;
  readonly #limits: QueueLimits;
  /** By member name, in the order of their places. At most {@link QueueLimits.members}. */
  readonly #changes = new Map<string, Waiting<readonly Change[]>>();
  /** At most {@link QueueLimits.messages}. */
  readonly #messages: Waiting<Message>[] = [];
  #payloadBytes = 0;
  #nextPlace = 0;
  /** True if members have already waited for a message. */
  #yielded = false;

  /** `wants`: whether any script behind this queue is to be run for such an event. */
  constructor(wants: (event: SerfEvent) => boolean, limits = queueLimits) {
    this.#wants = wants;
    this.#limits = limits;
  }

  /** Members and messages that wait. */
  get length(): number {
    return this.#changes.size + this.#messages.length;
  }

  push(event: SerfEvent): void {
    if (event.kind === "user" || event.kind === "query") this.#pushMessage(event);
    else this.#pushChanges(event);
  }

  /** Removes and returns what comes next; undefined if nothing waits. */
  take(now: Instant): SerfEvent | undefined {
    for (;;) {
      const [message] = this.#messages;
      const [change] = this.#changes.values();
      const inOrder = message === undefined || (change?.place ?? 0) < message.place;
      if (change !== undefined && (inOrder || this.#yielded)) {
        this.#yielded = false;
        return this.#takeChanges(change.item);
      }
      if (message === undefined) return undefined;
      this.#yielded = change !== undefined;
      this.#dropFirstMessage();
      const { item } = message;
      if (item.kind === "user" || now < item.deadline) return item;
      this.expired += 1;
    }
  }

  /**
   * `event`, of which a script is to be told again, without the members of which something waits that makes
   * it pointless; undefined if nobody is left.
   */
  remainder(event: SerfEvent): SerfEvent | undefined {
    if (event.kind === "user" || event.kind === "query") return event;
    const { kind } = event;
    const members = event.members.filter(({ name }) => {
      const waiting = this.#changes.get(name)?.item ?? [];
      return !waiting.some((later) => supersedes(later.kind, kind));
    });
    return members.length === 0 ? undefined : { kind, members };
  }

  /** Drops all that waits and returns how much that was. */
  clear(): number {
    const cleared = this.length;
    this.#changes.clear();
    this.#messages.length = 0;
    this.#payloadBytes = 0;
    return cleared;
  }

  #pushMessage(event: Message): void {
    if (!this.#wants(event)) return;
    this.#messages.push({ place: this.#nextPlace++, item: event });
    this.#payloadBytes += event.payload.length;
    while (
      this.#messages.length > this.#limits.messages ||
      this.#payloadBytes > this.#limits.payloadBytes
    ) {
      this.#dropFirstMessage();
      this.dropped += 1;
    }
  }

  #dropFirstMessage(): void {
    this.#payloadBytes -= this.#messages.shift()?.item.payload.length ?? 0;
  }

  #pushChanges(event: MemberEvent): void {
    const wanted = this.#wants(event);
    for (const member of event.members) {
      const { place, item } = this.#changes.get(member.name) ?? {
        place: this.#nextPlace++,
        item: [],
      };
      const next = mergeChange(item, { kind: event.kind, member }, wanted);
      this.merged += item.length + (wanted ? 1 : 0) - next.length;
      if (next.length > 0) this.#changes.set(member.name, { place, item: next });
    }
    for (const name of this.#changes.keys()) {
      if (this.#changes.size <= this.#limits.members) break;
      this.#changes.delete(name);
      this.dropped += 1;
    }
  }

  /** One event of the kind that is due for the first member, for all members for which it is. */
  #takeChanges(first: readonly Change[]): MemberEvent {
    const kind = (first[0] as Change).kind;
    const members: Member[] = [];
    for (const [name, { place, item }] of this.#changes) {
      const [due, ...later] = item;
      if (due?.kind !== kind) continue;
      members.push(due.member);
      if (later.length === 0) this.#changes.delete(name);
      else this.#changes.set(name, { place, item: later });
    }
    return { kind, members: members.sort((one, other) => (one.name < other.name ? -1 : 1)) };
  }
}

/** True if nobody needs to be told `earlier` of a member any more who will be told `later`; see {@link mergeChange}. */
function supersedes(later: MemberEventKind, earlier: MemberEventKind): boolean {
  if (later === earlier || earlier === "member-update") return true;
  return earlier === "member-join" && later !== "member-update";
}

/**
 * What is left to tell of a member for which `waiting` was still to be told when `next` happened.
 *
 * Whoever carries out the result in order ends with the same as one who was told everything, and is
 * never told of a join twice without a leave, failure or reap between. Each kind stays at most once:
 *
 * - A leave, failure or reap makes a waiting join or update pointless and replaces an older one of its
 *   own kind. The other two stay, because a handler may listen to one of them alone. A handler that
 *   never knew the member is thus told that it left or failed: that is what Serf's own coalescing
 *   does, and harmless.
 * - A join replaces a waiting join or update. A waiting leave, failure or reap stays before it, so
 *   that a member that came back, perhaps elsewhere, is first taken out where it was.
 * - An update goes into a waiting join; else it replaces a waiting update.
 *
 * An event that the handler does not listen to (`wanted` is false) still lends its newer data to a
 * waiting join.
 */
function mergeChange(waiting: readonly Change[], next: Change, wanted: boolean): readonly Change[] {
  const last = waiting.at(-1);
  if (next.kind === "member-update" && last?.kind === "member-join") {
    return [...waiting.slice(0, -1), { kind: "member-join", member: next.member }];
  }
  if (!wanted) return waiting;
  const kept = waiting.filter(
    ({ kind }) => kind !== "member-join" && kind !== "member-update" && kind !== next.kind,
  );
  return [...kept, next];
}
