import type { Entry } from "../chronicle.js";
import type { Deed } from "../deed.js";
import type { Fact } from "./account.js";

/** Records in a row that say the same of the same member become one; oldest first, as they came. */
export function condense(entries: readonly Entry[]): Fact[] {
  const facts: Fact[] = [];
  /** Where the last of each kind of repetition stands; a fact of another kind ends them all. */
  let open = new Map<string, number>();
  for (const entry of entries) {
    const key = repetitionOf(entry.deed);
    const index = key === undefined ? undefined : open.get(key);
    const before = index === undefined ? undefined : facts[index];
    if (index !== undefined && before !== undefined) {
      facts[index] = { ...before, times: before.times + 1, until: entry.at };
      continue;
    }
    if (key === undefined) open = new Map();
    else open.set(key, facts.length);
    facts.push({ ...entry, times: 1, until: entry.at });
  }
  return facts;
}

/** Undefined: it is told each time. */
function repetitionOf(deed: Deed): string | undefined {
  switch (deed.kind) {
    case "probe":
      return `probe ${deed.outcome} ${deed.tcp} ${deed.unheard} ${deed.heard} ${deed.node}`;
    case "health":
      return `health ${deed.score} ${deed.node}`;
    default:
      return undefined;
  }
}
