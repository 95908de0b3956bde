import { compareTexts } from "../../base/compare-texts.js";
import { tagsDigest } from "./view-digest.js";
import { isPresent, type ViewEntry } from "./view-entry.js";
import type { ListedEntry } from "./view-exchange.js";

/** What two agents see otherwise of one member. */
export interface ViewDifference {
  readonly member: string;
  readonly what: "status" | "address" | "tags";
  /** null: it does not know the member, or of tags: not more than that they differ. */
  readonly here: string | null;
  readonly there: string | null;
  /**
   * True if one of the two still remembers a member that is gone, and the other does not: who came after
   * that never heard of it, and each forgets at its own time.
   */
  readonly remembered: boolean;
}

/** Between what is seen here and there, of the members that stand in either list; sorted by name. */
export function viewDifferences(
  here: readonly ViewEntry[],
  there: readonly ListedEntry[],
): ViewDifference[] {
  const own = new Map(here.map((entry) => [entry.name, entry]));
  const theirs = new Map(there.map((entry) => [entry.name, entry]));
  const names = [...new Set([...own.keys(), ...theirs.keys()])].sort(compareTexts);
  return names.flatMap((name) => differencesOf(name, own.get(name), theirs.get(name)));
}

function differencesOf(
  member: string,
  here: ViewEntry | undefined,
  there: ListedEntry | undefined,
): ViewDifference[] {
  if (here === undefined || there === undefined) {
    const { status } = here ?? there ?? { status: "" };
    const remembered = !isPresent(status);
    return [
      {
        member,
        what: "status",
        here: here?.status ?? null,
        there: there?.status ?? null,
        remembered,
      },
    ];
  }
  const differences: ViewDifference[] = [];
  const add = (what: ViewDifference["what"], own: string | null, their: string | null): void => {
    differences.push({ member, what, here: own, there: their, remembered: false });
  };
  if (here.status !== there.status) add("status", here.status, there.status);
  if (here.address !== there.address) add("address", here.address, there.address);
  if (tagsDigest(here.tags) !== there.tagsDigest) addTags(here.tags, there.tags, add);
  return differences;
}

/** Only the tags that differ. */
function addTags(
  here: ReadonlyMap<string, string>,
  there: ReadonlyMap<string, string> | undefined,
  add: (what: "tags", here: string | null, there: string | null) => void,
): void {
  if (there === undefined) {
    add("tags", null, null);
    return;
  }
  const keys = [...new Set([...here.keys(), ...there.keys()])].sort(compareTexts);
  const differing = keys.filter((key) => here.get(key) !== there.get(key));
  const shown = (tags: ReadonlyMap<string, string>): string =>
    differing.flatMap((key) => (tags.has(key) ? [`${key}=${tags.get(key)}`] : [])).join(",");
  add("tags", shown(here), shown(there));
}
