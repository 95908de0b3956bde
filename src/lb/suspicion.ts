import { compareTexts } from "../base/compare-texts.js";

/** A server that gets requests and whose member is suspected. */
export interface Suspect {
  readonly key: string;
  /** It is out for its suspicion already. */
  readonly already: boolean;
}

/**
 * Which suspects are taken out of a pool of `ready` servers, themselves included.
 *
 * Never more than `share` of them, rounded down; of two or more one may go all the same, or small
 * pools would gain nothing; one always stays, whatever is suspected. Those that are out already come
 * first, so that a new suspicion moves nobody but its own member.
 */
export function takenOut(
  suspects: readonly Suspect[],
  ready: number,
  share: number,
): ReadonlySet<string> {
  const sorted = [...suspects].sort(
    (one, other) => Number(other.already) - Number(one.already) || compareTexts(one.key, other.key),
  );
  return new Set(sorted.slice(0, mostSuspects(ready, share)).map(({ key }) => key));
}

/** How many of `ready` servers suspicion may take out. */
export function mostSuspects(ready: number, share: number): number {
  if (ready < 2 || share <= 0) return 0;
  return Math.min(ready - 1, Math.max(1, Math.floor(share * ready + 1e-9)));
}
