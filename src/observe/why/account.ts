import type { Millis } from "../../base/units.js";
import type { Entry, RoundTrip, WallTime } from "../chronicle.js";

/** The query by which all members are asked what they saw of one; Serf's leave it to their handlers. */
export const whyQuery = "gossipd-why";

/** More than any agent remembers; a date can be told of whatever is so long ago. */
export const longestAge: Millis = 10 * 366 * 24 * 3_600_000;

/** What is asked. The same for all members, whatever they answered before. */
export interface WhyQuestion {
  readonly node: string;
  /** Milliseconds before now. */
  readonly within: Millis;
  /** An answer has one page of what a member has to tell; 0 is the first, with what tells most. */
  readonly page: number;
}

/** Answers of one member that are asked for; beyond, its oldest and least telling records are left out. */
export const maxPages = 8;

/** A record, or several in a row that say the same. */
export interface Fact extends Entry {
  /** Of how many. */
  readonly times: number;
  /** When the last of them was; `at` if there is one. */
  readonly until: WallTime;
}

/** What the teller itself found of yet another member at about the same time: is it the only one? */
export interface Loss {
  readonly node: string;
  readonly at: WallTime;
  /**
   * As of a probe; `lost` as well if it was suspected or declared dead on the teller's own word, `told` if
   * that was on the word of others.
   */
  readonly how: "lost" | "tcp" | "helped" | "told";
  /** True if the teller heard nobody at all then. */
  readonly unheard: boolean;
}

/** What one member tells of another. All times are of one clock: of whoever asked. */
export interface Account {
  /** Who tells. */
  readonly from: string;
  /** What it knows begins here. */
  readonly reach: WallTime;
  /** Oldest first. */
  readonly facts: readonly Fact[];
  /** Of pings that the other answered in time: those around what happened, and the newest. Oldest first. */
  readonly roundTrips: readonly RoundTrip[];
  readonly losses: readonly Loss[];
  /** False if it had more to tell than was asked for. */
  readonly whole: boolean;
}
