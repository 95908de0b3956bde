import { compareTexts } from "../../base/compare-texts.js";
import type { Entry, RoundTrip, WallTime } from "../chronicle.js";
import type { Deed } from "../deed.js";
import { entriesAbout } from "../entries-about.js";
import type { Fact, Loss } from "./account.js";
import { condense } from "./condense.js";

/** What a member knows, of which a part is told. */
export interface Knowledge {
  /** Its own name. */
  readonly self: string;
  /** All that it has of the time in question, oldest first. */
  readonly entries: readonly Entry[];
  /** Of the one in question, oldest first. */
  readonly roundTrips: readonly RoundTrip[];
}

/** One thing to tell, of which as many go into an answer as there is room for. */
export type Item =
  | { readonly kind: "fact"; readonly fact: Fact }
  | { readonly kind: "loss"; readonly loss: Loss }
  | { readonly kind: "rtt"; readonly roundTrip: RoundTrip };

/** Other members that are named; more only say again that it was not one alone. */
const maxLosses = 24;

/** Round trips that are told. */
const maxRoundTrips = 10;

/** What happened to others counts if it was so near to what happened to the one in question. */
const nearBy = 60_000;

/** Characters of a text that somebody configured or a program wrote. */
const maxText = 120;

/** What `self` has to tell of `node`: what tells most first, of these the newest. */
export function itemsAbout(node: string, { entries, roundTrips, self }: Knowledge): Item[] {
  const about = new Set(entriesAbout(entries, node));
  const told = entries.filter((entry) => about.has(entry) || isOwn(entry.deed, self));
  const facts = condense(told.map((entry) => ({ ...entry, deed: trimmed(entry.deed, node) })));
  const moments = facts.filter(({ deed }) => weightOf(deed) === 0).map(({ at }) => at);
  const ranked = facts.toSorted(
    (one, other) => weightOf(one.deed) - weightOf(other.deed) || other.seq - one.seq,
  );
  const items: Item[] = ranked.map((fact) => ({ kind: "fact", fact }));
  const first = ranked.findIndex(({ deed }) => weightOf(deed) > 0);
  const losses = lossesOf(entries, node, self, self === node ? undefined : moments);
  const kept = roundTripsAround(roundTrips, moments);
  items.splice(
    first < 0 ? items.length : first,
    0,
    ...kept.map((roundTrip): Item => ({ kind: "rtt", roundTrip })),
    ...losses.map((loss): Item => ({ kind: "loss", loss })),
  );
  return items;
}

/** What the teller says of itself, which may be at fault. */
function isOwn(deed: Deed, self: string): boolean {
  switch (deed.kind) {
    case "stalled":
    case "health":
    case "accused":
    case "started":
    case "leaving":
      return deed.node === self;
    default:
      return false;
  }
}

/** 0: what a cause is found by. 1: what followed. 2: what only completes the picture. */
function weightOf(deed: Deed): 0 | 1 | 2 {
  switch (deed.kind) {
    case "probe":
      return deed.outcome === "late" ? 2 : 0;
    case "confirmed":
    case "told":
      return 1;
    case "handler":
    case "applied":
      return deed.failure === undefined ? 2 : 1;
    case "health":
      return 2;
    default:
      return 0;
  }
}

/** Without what is too long for an answer, or is nobody else's business. */
function trimmed(deed: Deed, node: string): Deed {
  if (!("nodes" in deed)) return deed;
  const nodes = deed.nodes.includes(node) ? [node] : [];
  switch (deed.kind) {
    case "handler":
      return { ...deed, nodes, script: programOf(deed.script), ...shortFailure(deed) };
    case "applied":
      return { ...deed, nodes, cause: deed.cause.slice(0, maxText), ...shortFailure(deed) };
    case "told":
      return { ...deed, nodes };
  }
}

function shortFailure({ failure }: { readonly failure?: string | undefined }): {
  readonly failure?: string;
} {
  return failure === undefined ? {} : { failure: failure.slice(0, maxText) };
}

/** What a shell takes as variables of one command: `NAME=value`, with quotes or without, before the program. */
const assignments = /^\s*(?:[A-Za-z_]\w*=(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*\s+)*/su;

/** The program alone: variables and arguments may be secrets, and an answer goes over the network. */
function programOf(script: string): string {
  const [word = ""] = script.replace(assignments, "").split(/\s+/, 1);
  return word.slice(word.lastIndexOf("/") + 1).slice(0, maxText);
}

/** The newest of each, newest first; only near to `moments`, if these are given. */
function lossesOf(
  entries: readonly Entry[],
  node: string,
  self: string,
  moments: readonly WallTime[] | undefined,
): Loss[] {
  const losses = new Map<string, Loss>();
  const isNear = moments === undefined ? () => true : nearTo(moments);
  for (const { at, deed } of entries) {
    const loss = lossIn(deed, at, self);
    if (loss === undefined || loss.node === node) continue;
    if (!isNear(at)) continue;
    const before = losses.get(loss.node);
    // That nothing came through at all says more than what came later.
    const how = before?.how === "lost" && at - before.at <= nearBy ? "lost" : loss.how;
    const unheard = loss.unheard || (before?.unheard === true && at - before.at <= nearBy);
    losses.set(loss.node, { ...loss, how, unheard });
  }
  return [...losses.values()]
    .sort((one, other) => other.at - one.at || compareTexts(one.node, other.node))
    .slice(0, maxLosses);
}

/** Whether a time is {@link nearBy} to one of `moments`; asked once for each entry of a chronicle. */
function nearTo(moments: readonly WallTime[]): (at: WallTime) => boolean {
  const sorted = moments.toSorted((one, other) => one - other);
  return (at) => {
    // The first that is not too early: it is near unless it is too late.
    let [from, to] = [0, sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((sorted[middle] ?? 0) < at - nearBy) from = middle + 1;
      else to = middle;
    }
    const moment = sorted[from];
    return moment !== undefined && moment <= at + nearBy;
  };
}

function lossIn(deed: Deed, at: WallTime, self: string): Loss | undefined {
  switch (deed.kind) {
    case "probe":
      if (deed.outcome === "late") return undefined;
      return { node: deed.node, at, how: deed.outcome, unheard: deed.unheard };
    case "suspected":
      if (deed.by !== self || deed.exchanged === true) return undefined;
      return { node: deed.node, at, how: "lost", unheard: deed.unheard };
    case "gone":
      if (deed.state === "left") return undefined;
      return { node: deed.node, at, how: deed.by === self ? "lost" : "told", unheard: false };
    default:
      return undefined;
  }
}

/** The last before each moment, the first after it, and the newest; oldest first. */
function roundTripsAround(
  roundTrips: readonly RoundTrip[],
  moments: readonly WallTime[],
): RoundTrip[] {
  const kept = new Set(roundTrips.slice(-2));
  for (const moment of moments.toReversed()) {
    if (kept.size >= maxRoundTrips) break;
    const last = roundTrips.findLast(({ at }) => at <= moment);
    const next = roundTrips.find(({ at }) => at > moment);
    if (last !== undefined) kept.add(last);
    if (next !== undefined) kept.add(next);
  }
  return [...kept].sort((one, other) => one.at - other.at).slice(-maxRoundTrips);
}
