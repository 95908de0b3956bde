import { type Instant, type Millis, minutes } from "../base/units.js";
import type { Refusal } from "./model.js";

/** Whoever was told of is not told of again for so long, whatever he does meanwhile. */
const pause: Millis = minutes(1);

/** At most so many are told of in one {@link pause}: names cost those who make them up nothing. */
const most = 100;

/**
 * Which refusals the log has to tell: each once, and again when its reason became another one, so that
 * somebody who changes his tags all the time cannot fill the disk. The status always has all of them.
 */
export class RefusalLog {
  /** By pool and name; those that are refused, and those told of within the last {@link pause}. */
  readonly #told = new Map<string, { readonly at: Instant; readonly reason: string }>();

  /** Those of `refused` that are to be told of now. */
  take(now: Instant, refused: readonly Refusal[]): readonly Refusal[] {
    const present = new Set(refused.map(keyOf));
    let recent = 0;
    for (const [key, { at }] of this.#told) {
      if (now - at < pause) recent += 1;
      else if (!present.has(key)) this.#told.delete(key);
    }
    const fresh = refused.filter((refusal) => {
      const told = this.#told.get(keyOf(refusal));
      return told === undefined || (told.reason !== refusal.reason && now - told.at >= pause);
    });
    const telling = fresh.slice(0, Math.max(0, most - recent));
    for (const refusal of telling) {
      this.#told.set(keyOf(refusal), { at: now, reason: refusal.reason });
    }
    return telling;
  }
}

function keyOf({ pool, node }: Refusal): string {
  return `${pool}\n${node}`;
}
