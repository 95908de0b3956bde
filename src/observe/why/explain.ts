import type { Account } from "./account.js";
import { causeOf } from "./cause.js";
import { type Episode, episodesOf } from "./episode.js";
import { type Row, timelineOf } from "./timeline.js";
import type { Verdict, Words } from "./verdict.js";

/** What happened to a member in one go, and why. */
export interface Explained {
  readonly episode: Episode;
  readonly verdict: Verdict;
}

export interface Explanation {
  /** Newest first. */
  readonly episodes: readonly Explained[];
  /** Oldest first. */
  readonly rows: readonly Row[];
}

/** What `accounts` say together of `node`. */
export function explain(node: string, accounts: readonly Account[], words: Words): Explanation {
  const episodes = episodesOf(node, accounts)
    .map((episode) => ({ episode, verdict: causeOf(node, episode, accounts, words) }))
    .reverse();
  return { episodes, rows: timelineOf(accounts).filter((row) => concerns(row, node, episodes)) };
}

/** What members tell of themselves is of interest only while something happened to `node`. */
function concerns({ at, deed, until }: Row, node: string, episodes: readonly Explained[]): boolean {
  const passing = deed.kind === "stalled" || deed.kind === "health";
  if (!passing && (!("node" in deed) || deed.node === node)) return true;
  return episodes.some(
    ({ episode }) => until >= episode.begin - around && at <= episode.end + around,
  );
}

const around = 5_000;
