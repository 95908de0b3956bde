import type { Entry } from "../observe/chronicle.js";
import type { TimedEntry } from "../observe/stream-events.js";

/** An entry of the chronicle as HTTP tells it. */
export function timed({ at, deed, seq }: Entry): TimedEntry {
  return { seq, at: new Date(at).toISOString(), deed };
}
