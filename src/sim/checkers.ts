import type { Address } from "../base/address.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { SerfEvent } from "../serf/events.js";
import type { Holdings } from "../serf/holdings.js";
import type { Serf } from "../serf/serf.js";
import type { SnapshotState } from "../serf/snapshot.js";
import { isGone, type SwimMember } from "../swim/member.js";
import type { LamportTime } from "../wire/serf-messages.js";
import type { RemoteState } from "../wire/swim-messages.js";
import { decodeText } from "../wire/text.js";
import { Violation } from "./violation.js";

/** What is looked at of a process. */
export interface Watched {
  readonly name: string;
  readonly serf: Pick<
    Serf,
    "holdings" | "queuedClaims" | "state" | "stats" | "swimCounters" | "swimMembers"
  >;
}

/** What a view held of one member when it was looked at last. */
interface Seen {
  incarnation: number;
  state: RemoteState;
  changedAt: Instant;
  address: Address;
}

/**
 * Incarnations never fall in a view. They may where the rules say that an old claim counts again: of a
 * member that moved, and of one that was gone for longer than anybody gossips to the dead.
 */
export class IncarnationCheck {
  readonly #seen = new Map<string, Seen>();
  readonly #graceTime: Millis;
  #claims = -1;

  constructor(graceTime: Millis) {
    this.#graceTime = graceTime;
  }

  /** `now` is what the process takes for the time. */
  look(now: Instant, { name, serf }: Watched): void {
    const { aliveClaims, deadClaims, refutations, suspectClaims } = serf.swimCounters;
    const claims = aliveClaims + deadClaims + refutations + suspectClaims;
    if (claims === this.#claims) return;
    this.#claims = claims;
    for (const member of serf.swimMembers()) this.#compare(now, name, member);
  }

  #compare(now: Instant, viewer: string, member: SwimMember): void {
    const { address, changedAt, incarnation, name, state } = member;
    const seen = this.#seen.get(name);
    if (seen === undefined) {
      this.#seen.set(name, { address, changedAt, incarnation, state });
      return;
    }
    if (incarnation < seen.incarnation && !this.#mayFall(now, member, seen)) {
      throw new Violation(
        "incarnations never fall",
        `${viewer} held ${name} ${seen.state} at ${seen.incarnation}, now ${state} at ${incarnation}`,
      );
    }
    seen.incarnation = incarnation;
    seen.state = state;
    seen.changedAt = changedAt;
    seen.address = address;
  }

  #mayFall(now: Instant, member: SwimMember, seen: Seen): boolean {
    if (member.address !== seen.address) return true;
    const wasGone = seen.state === "dead" || seen.state === "left";
    return wasGone && now - seen.changedAt > this.#graceTime;
  }
}

/** Lamport clocks only grow, also over the end of a process whose disk remembers them. */
export class ClockCheck {
  #member = 0;
  #event = 0;
  #query = 0;

  recovered({ clock, eventClock, queryClock }: SnapshotState): void {
    this.#member = clock;
    this.#event = eventClock;
    this.#query = queryClock;
  }

  look({ name, serf }: Watched): void {
    const { eventTime, memberTime, queryTime } = serf.stats();
    if (memberTime < this.#member || eventTime < this.#event || queryTime < this.#query) {
      throw new Violation(
        "Lamport clocks only grow",
        `${name}: ${this.#member}, ${this.#event}, ${this.#query} became ${memberTime}, ${eventTime}, ${queryTime}`,
      );
    }
    this.#member = memberTime;
    this.#event = eventTime;
    this.#query = queryTime;
  }
}

/** What a process may hold at most, in a group whose names and messages are counted. */
export interface Bounds {
  /** Names that there ever were. */
  readonly names: number;
  /** User events and queries that were ever sent, those of Serf's own included. */
  readonly messages: number;
}

/** Tables hold no names that nobody bears, and queues no more than was said. */
export function checkBounds({ name, serf }: Watched, { messages, names }: Bounds): void {
  const { eventQueue, members, queryQueue } = serf.stats();
  const check = (what: string, count: number, most: number): void => {
    if (count > most) {
      throw new Violation("bounds hold", `${name} has ${count} of at most ${most} ${what}`);
    }
  };
  check("members", members, names);
  // One under each name, and one refutation of each under its address.
  check("queued claims", serf.queuedClaims, 2 * names);
  check("queued events", eventQueue, messages);
  check("queued queries", queryQueue, messages + names);
  const holdings = serf.holdings();
  for (const [what, most] of mostHeld) check(what, holdings[what], most(names, messages));
}

/** Names in a group, and what was said in it, let each member hold so much at most. */
const mostHeld: readonly (readonly [
  keyof Holdings,
  (names: number, messages: number) => number,
])[] = [
  // Those of a probe, of pings for others, and of questions.
  ["pendingAcks", (names) => 44 + 4 * names],
  // Two of an inquiry, and of each of 16 looks at who claims a name; a few about our own.
  ["questions", (names) => 36 + 2 * names],
  ["inquiries", (names) => names],
  // A probe, a push/pull, joins, two to find out about a name; and the same of all others.
  ["openStreams", (names) => 44 + 4 * names],
  // One of each stream until its time is over, three of a suspicion, one of a query.
  ["timers", (names) => 100 + 12 * names],
  ["coordinates", (names) => names],
  ["intents", (names) => names],
  ["eventBytes", (_, messages) => Math.min(8 * 1_048_576, 640 * messages)],
  ["queriesRemembered", (names, messages) => messages + names],
  ["queriesRunning", (names, messages) => messages + names],
  ["queriesOpen", (names, messages) => messages + names],
  // What was told last, and what is to be told.
  ["namesTold", (names) => 2 * names],
];

/** A member holds itself for alive until it leaves. */
export function checkSelf({ name, serf }: Watched): void {
  if (serf.state !== "alive") return;
  for (const member of serf.swimMembers()) {
    if (member.name === name && isGone(member)) {
      throw new Violation("nobody gives itself up", `${name} holds itself for ${member.state}`);
    }
  }
}

/** What memberlist puts into one datagram, and its checksum. */
const packetBudget = 1_400 + 5;

export function checkPacket(name: string, payload: Bytes): void {
  if (payload.length === 0 || payload.length > packetBudget) {
    throw new Violation("packets keep their budget", `${name} sent ${payload.length} bytes`);
  }
}

/** What tells one user event of a simulation from all others. */
export function identityOf(name: string, text: string): string {
  return `${name} ${text}`;
}

/** What is told to users of one process: each user event at most once, also after a restart. */
export class DeliveryCheck {
  readonly name: string;
  /** As many as the plan has. */
  readonly #told = new Set<string>();
  /** By name: when, in Lamport time, the latest was said of those that were told. */
  readonly #latest = new Map<string, LamportTime>();
  /** Times up to this were recorded as delivered before the process began. */
  readonly #recordedUntil: number;

  constructor(name: string, recovered: SnapshotState | undefined) {
    this.name = name;
    this.#recordedUntil = recovered?.eventClock ?? 0;
  }

  told(event: SerfEvent): void {
    if (event.kind !== "user") return;
    const { ltime, name, payload } = event;
    const identity = identityOf(name, decodeText(payload));
    if (this.#told.has(identity)) {
      throw new Violation("events come at most once", `${this.name} was told ${name} twice`);
    }
    if (ltime <= this.#recordedUntil) {
      throw new Violation(
        "events come at most once",
        `${this.name} was told ${name} at ${ltime}, recorded were ${this.#recordedUntil}`,
      );
    }
    this.#told.add(identity);
    this.#latest.set(name, Math.max(ltime, this.#latest.get(name) ?? 0));
  }

  wasTold(identity: string): boolean {
    return this.#told.has(identity);
  }

  /** True if one of this name was told that was said at `ltime` or later. */
  wasToldSince(name: string, ltime: LamportTime): boolean {
    return (this.#latest.get(name) ?? -1) >= ltime;
  }
}
