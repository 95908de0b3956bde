import type { LbStatus } from "../lb/status.js";
import type { Deed } from "../observe/deed.js";
import type { MemberInfo, SelfInfo } from "../observe/member-info.js";

/** One thing that happened, as the time line shows it. */
export interface Happening {
  /** Of the agent's chronicle; what happened before has less. */
  readonly seq: number;
  /** Milliseconds since 1970, by the agent's clock. */
  readonly at: number;
  readonly deed: Deed;
}

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** What is shown is of `since`; the next attempt is at `retryAt`. Both by the browser's clock. */
  | {
      readonly kind: "lost";
      readonly since: number;
      readonly retryAt: number;
      readonly reason: string;
    };

/** All that the page knows of the cluster. */
export interface PageState {
  readonly connection: Connection;
  /** undefined until the agent has answered for the first time. */
  readonly self: SelfInfo | undefined;
  readonly members: ReadonlyMap<string, MemberInfo>;
  /** Oldest first, at most {@link mostHappenings}. */
  readonly happenings: readonly Happening[];
  /** undefined: not known yet, or this agent keeps no balancer. */
  readonly lb: LbStatus | undefined;
  /** Round-trip times of each member since the page was opened, at most {@link mostTimes}. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** What changed of a member's tags and address while we looked, by the `seq` that told of it. */
  readonly changes: ReadonlyMap<string, Change>;
  /** How far the agent's clock is ahead of the browser's, in milliseconds. */
  readonly clockAhead: number;
}

/** What a change of a member came to: `role: web → db`. */
export interface Change {
  readonly at: number;
  readonly words: string;
}

export type Input =
  | { readonly kind: "connection"; readonly connection: Connection }
  | { readonly kind: "clock"; readonly ahead: number }
  | { readonly kind: "self"; readonly self: SelfInfo }
  /** Everybody: who is not in it is gone. */
  | { readonly kind: "everybody"; readonly members: readonly MemberInfo[]; readonly at: number }
  /** These are now so, and the others as they were. */
  | { readonly kind: "some"; readonly members: readonly MemberInfo[]; readonly at: number }
  | { readonly kind: "reaped"; readonly names: readonly string[] }
  /** All that the agent has on record after `after`; what was known before goes on there. 0: all anew. */
  | { readonly kind: "past"; readonly after: number; readonly happenings: readonly Happening[] }
  | { readonly kind: "happened"; readonly happening: Happening }
  | { readonly kind: "balancers"; readonly lb: LbStatus | undefined };

export const nothingKnown: PageState = {
  connection: { kind: "connecting" },
  self: undefined,
  members: new Map(),
  happenings: [],
  lb: undefined,
  times: new Map(),
  changes: new Map(),
  clockAhead: 0,
};

/** As many as an agent keeps. */
const mostHappenings = 4_096;

/** For the small curve of a member. */
const mostTimes = 60;

export function advance(state: PageState, input: Input): PageState {
  switch (input.kind) {
    case "connection":
      return { ...state, connection: input.connection };
    case "clock":
      return { ...state, clockAhead: input.ahead };
    case "self":
      return { ...state, self: input.self };
    case "everybody":
      return withMembers(state, new Map(), input.members, input.at);
    case "some":
      return withMembers(state, new Map(state.members), input.members, input.at);
    case "reaped": {
      const members = new Map(state.members);
      for (const name of input.names) members.delete(name);
      return { ...state, members };
    }
    case "past":
      return { ...state, happenings: joined(state.happenings, input.after, input.happenings) };
    case "happened":
      return happened(state, input.happening);
    case "balancers":
      return { ...state, lb: input.lb };
  }
}

function withMembers(
  state: PageState,
  members: Map<string, MemberInfo>,
  news: readonly MemberInfo[],
  at: number,
): PageState {
  const changes = new Map(state.changes);
  for (const member of news) {
    const before = state.members.get(member.name);
    // The same object, so that nothing of it is drawn anew.
    members.set(member.name, before !== undefined && isSame(before, member) ? before : member);
    const words = before === undefined ? "" : changeWords(before, member);
    if (words !== "") changes.set(member.name, { at, words });
  }
  for (const name of changes.keys()) if (!members.has(name)) changes.delete(name);
  return { ...state, members, changes, times: withTimes(state.times, members) };
}

function isSame(one: MemberInfo, other: MemberInfo): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function changeWords(before: MemberInfo, after: MemberInfo): string {
  const words: string[] = [];
  if (before.address !== after.address) words.push(`${before.address} → ${after.address}`);
  for (const key of new Set([...Object.keys(before.tags), ...Object.keys(after.tags)])) {
    const [old, now] = [before.tags[key], after.tags[key]];
    if (old === now) continue;
    if (old === undefined) words.push(`${key}=${now} added`);
    else words.push(now === undefined ? `${key}=${old} removed` : `${key}: ${old} → ${now}`);
  }
  return words.join(", ");
}

function withTimes(
  times: PageState["times"],
  members: ReadonlyMap<string, MemberInfo>,
): PageState["times"] {
  const next = new Map<string, readonly number[]>();
  for (const { name, status, lastRttMillis } of members.values()) {
    const before = times.get(name) ?? [];
    const measured =
      status === "alive" && lastRttMillis !== null && before.at(-1) !== lastRttMillis;
    if (measured) next.set(name, [...before.slice(1 - mostTimes), lastRttMillis]);
    else if (before.length > 0) next.set(name, before);
  }
  return next;
}

function joined(
  known: readonly Happening[],
  after: number,
  news: readonly Happening[],
): readonly Happening[] {
  return [...known.filter(({ seq }) => seq <= after), ...news].slice(-mostHappenings);
}

function happened(state: PageState, happening: Happening): PageState {
  const last = state.happenings.at(-1);
  // What the past and the stream both told; and an agent that was started anew counts from 1.
  if (last !== undefined && happening.seq <= last.seq) return state;
  const happenings = [...state.happenings.slice(1 - mostHappenings), happening];
  return withDeed({ ...state, happenings }, happening.deed, happening.at);
}

/** What a deed says of a member at once; the agent's own list of members comes after it. */
function withDeed(state: PageState, deed: Deed, at: number): PageState {
  if (!("node" in deed)) return state;
  const member = state.members.get(deed.node);
  if (member === undefined) return state;
  const changed = changedBy(member, deed, at);
  if (changed === member) return state;
  return { ...state, members: new Map(state.members).set(member.name, changed) };
}

function changedBy(member: MemberInfo, deed: Deed, at: number): MemberInfo {
  switch (deed.kind) {
    case "suspected":
    case "confirmed": {
      if (member.suspectedBy.includes(deed.by)) return member;
      const suspectedSince = member.suspectedSince ?? new Date(at).toISOString();
      return { ...member, suspectedSince, suspectedBy: [...member.suspectedBy, deed.by] };
    }
    case "cleared":
      return { ...member, suspectedBy: [], suspectedSince: null };
    case "gone":
      return { ...member, status: deed.state, suspectedBy: [], suspectedSince: null };
    default:
      return member;
  }
}
