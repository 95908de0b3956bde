import type { Millis } from "../../base/units.js";
import type { WallTime } from "../chronicle.js";
import type { Deed } from "../deed.js";
import type { Account, Fact } from "./account.js";

/** A fact with who tells it. */
export interface Seen {
  readonly from: string;
  readonly fact: Fact;
}

/** What happened to a member in one go, from the first sign until all was well again, or until now. */
export interface Episode {
  readonly begin: WallTime;
  readonly end: WallTime;
  /** Told about the member, by others and by itself, oldest first. */
  readonly seen: readonly Seen[];
  /** True if nobody who answered takes it for suspect or gone at the end. */
  readonly over: boolean;
}

/** Signs that are further apart belong to different episodes, unless the member was gone in between. */
const quiet: Millis = 45_000;

/** That it joined is a matter of its own, unless something happens at once. */
const arrival: Millis = 2_000;

/** A pause of ours that is an episode even if nobody else noticed it. */
const longPause: Millis = 1_000;

/** Acks that came late in one episode without anything else, and are not worth a word. */
const unremarkable = 2;

/** What happened to `node`, oldest first. */
export function episodesOf(node: string, accounts: readonly Account[]): Episode[] {
  const signs = accounts
    .flatMap(({ facts, from }) => facts.map((fact) => ({ from, fact })))
    .filter(({ fact }) => isSign(fact.deed, node))
    .sort((one, other) => beginOf(one.fact) - beginOf(other.fact));
  const episodes: Episode[] = [];
  let seen: Seen[] = [];
  let end = Number.NEGATIVE_INFINITY;
  /** Those to whom it is suspect or gone. */
  const against = new Set<string>();
  const close = (): void => {
    const [first] = seen;
    if (first !== undefined && isRemarkable(seen)) {
      episodes.push({ begin: beginOf(first.fact), end, seen, over: against.size === 0 });
    }
    seen = [];
  };
  for (const sign of signs) {
    const gap = beginOf(sign.fact) - end;
    if (against.size === 0 && gap > (seen.every(isArrival) ? arrival : quiet)) close();
    seen.push(sign);
    end = Math.max(end, sign.fact.until);
    takeSide(against, sign);
  }
  close();
  return episodes;
}

/** When it began; a stall is told at its end. */
export function beginOf({ at, deed }: Fact): WallTime {
  return deed.kind === "stalled" ? at - deed.took : at;
}

function isSign(deed: Deed, node: string): boolean {
  switch (deed.kind) {
    case "probe":
    case "suspected":
    case "confirmed":
    case "cleared":
    case "gone":
    case "appeared":
    case "moved":
    case "contested":
    case "accused":
    case "started":
    case "leaving":
      return deed.node === node;
    case "stalled":
      return deed.node === node && deed.took >= longPause;
    default:
      return false;
  }
}

function isArrival({ fact }: Seen): boolean {
  return fact.deed.kind === "started" || fact.deed.kind === "appeared";
}

function isRemarkable(seen: readonly Seen[]): boolean {
  let late = 0;
  for (const { fact } of seen) {
    if (fact.deed.kind !== "probe" || fact.deed.outcome !== "late") return true;
    late += fact.times;
  }
  return late > unremarkable;
}

function takeSide(against: Set<string>, { from, fact }: Seen): void {
  switch (fact.deed.kind) {
    case "suspected":
    case "gone":
      against.add(from);
      return;
    case "cleared":
    case "appeared":
    case "moved":
      against.delete(from);
      return;
    case "started":
      // Who begins anew thinks ill of nobody; of itself it never did.
      against.delete(from);
      return;
    default:
  }
}
