import { compareTexts } from "../../base/compare-texts.js";
import type { WallTime } from "../chronicle.js";
import type { Deed } from "../deed.js";
import type { Account, Fact } from "./account.js";

/** One thing that happened, told by one member or by several. */
export interface Row {
  /** When the first of them saw it. */
  readonly at: WallTime;
  /** When the last of them did, or when it was for the last time. */
  readonly until: WallTime;
  /** Who tell it, the first to see it first. */
  readonly who: readonly string[];
  /** As who found it out saw it, or else the first. */
  readonly deed: Deed;
  /** How often it was, if one member tells it. */
  readonly times: number;
}

/** Gossip is through with all members by then; what comes later came otherwise and is another row. */
const sameWithin = 40_000;

/** What all members tell, in one order; what several saw of one thing is one row. */
export function timelineOf(accounts: readonly Account[]): Row[] {
  const told = accounts.flatMap(({ facts, from }) => facts.map((fact) => ({ from, fact })));
  told.sort(
    (one, other) =>
      one.fact.at - other.fact.at ||
      compareTexts(one.from, other.from) ||
      one.fact.seq - other.fact.seq,
  );
  const rows: { row: Row; key: string | undefined }[] = [];
  const latest = new Map<string, number>();
  for (const { fact, from } of told) {
    const key = sharedKey(fact);
    const index = key === undefined ? undefined : latest.get(key);
    const before = index === undefined ? undefined : rows[index];
    if (before !== undefined && fact.at - before.row.at <= sameWithin && index !== undefined) {
      const { row } = before;
      const who = row.who.includes(from) ? row.who : [...row.who, from];
      // Who found it out knows more than who was told.
      const deed = "by" in fact.deed && fact.deed.by === from ? fact.deed : row.deed;
      rows[index] = { key, row: { ...row, who, deed, until: Math.max(row.until, fact.until) } };
      continue;
    }
    if (key !== undefined) latest.set(key, rows.length);
    const { at, deed, times, until } = fact;
    rows.push({ key, row: { at, until, who: [from], deed, times } });
  }
  return rows.map(({ row }) => row);
}

/** The same for all that saw the same thing; undefined: only its teller did. */
function sharedKey({ deed }: Fact): string | undefined {
  switch (deed.kind) {
    case "suspected":
      // Who keeps it to itself shares it with nobody.
      return deed.unheard ? undefined : `suspected ${deed.incarnation} ${deed.by}`;
    case "confirmed":
      return `confirmed ${deed.by}`;
    case "gone":
      return `gone ${deed.state} ${deed.incarnation} ${deed.by}`;
    case "cleared":
      return `cleared ${deed.why} ${deed.incarnation}`;
    case "appeared":
      return `appeared ${deed.incarnation} ${deed.address}`;
    case "moved":
      return `moved ${deed.incarnation} ${deed.to}`;
    case "contested":
      return `contested ${deed.held} ${deed.claimed}`;
    case "told":
      return `told ${deed.event}`;
    default:
      return undefined;
  }
}
