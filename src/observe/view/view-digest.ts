import { compareTexts } from "../../base/compare-texts.js";
import { textDigest } from "./text-digest.js";
import { isPresent, type ViewEntry } from "./view-entry.js";

/** Groups of members that are compared one by one only if their digests differ. */
export const bucketCount = 64;

/** Characters of a bucket's digest: all of them fit in one answer to a query. */
const bucketDigestLength = 8;

/**
 * What an agent sees, in short: two agents see the same members at the same addresses, in the same
 * states and with the same tags if and only if their digests are equal, in any order of the entries.
 */
export class ViewDigest {
  /** 16 hex digits. */
  readonly digest: string;
  /** The same, but of those alone that are here: those that are gone each forgets at its own time. */
  readonly present: string;
  /** By bucket, 8 hex digits each. */
  readonly buckets: readonly string[];
  /** All that are known, those that are gone included. */
  readonly members: number;
  /** By bucket, sorted by name. */
  readonly #entries: readonly (readonly ViewEntry[])[];

  constructor(entries: Iterable<ViewEntry>) {
    const sorted: ViewEntry[][] = Array.from({ length: bucketCount }, () => []);
    for (const given of entries) {
      const entry = comparable(given);
      sorted[bucketOf(entry.name)]?.push(entry);
    }
    for (const bucket of sorted) bucket.sort((one, other) => compareTexts(one.name, other.name));
    const digests = sorted.map((bucket) => textDigest(bucket.map(entryDigest)));
    this.#entries = sorted;
    this.members = sorted.reduce((sum, bucket) => sum + bucket.length, 0);
    this.digest = textDigest(digests);
    const present = sorted.flat().filter(({ status }) => isPresent(status));
    this.present = textDigest(present.map(entryDigest));
    this.buckets = digests.map((digest) => digest.slice(0, bucketDigestLength));
  }

  /** The members in these buckets, sorted by name. */
  entriesIn(buckets: Iterable<number>): ViewEntry[] {
    return [...new Set(buckets)]
      .flatMap((bucket) => this.#entries[bucket] ?? [])
      .sort((one, other) => compareTexts(one.name, other.name));
  }
}

/** Of the tags alone, for where they have no room. */
export function tagsDigest(tags: ReadonlyMap<string, string>): string {
  const pairs = [...tags].sort(([one], [other]) => compareTexts(one, other));
  return textDigest(pairs.flat());
}

/** Bytes that are no UTF-8 are read in one way from gossip and in another from RPC. */
function comparable(entry: ViewEntry): ViewEntry {
  const { name, address, status, tags } = entry;
  const texts = [name, ...[...tags].flat()];
  if (!texts.some((text) => unreadable.test(text))) return entry;
  const read = (text: string): string => text.replace(new RegExp(unreadable, "gu"), "\ufffd");
  const readTags = new Map([...tags].map(([key, value]) => [read(key), read(value)]));
  return { name: read(name), address, status, tags: readTags };
}

const unreadable = /[\p{Cs}\ufffd]+/u;

function entryDigest({ name, address, status, tags }: ViewEntry): string {
  return textDigest([name, address, status, tagsDigest(tags)]);
}

function bucketOf(name: string): number {
  return Number.parseInt(textDigest([name]).slice(0, 8), 16) % bucketCount;
}
