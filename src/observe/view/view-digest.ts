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
    const sorted: Fingerprint[][] = Array.from({ length: bucketCount }, () => []);
    for (const entry of entries) {
      const fingerprint = fingerprintOf(entry);
      sorted[fingerprint.bucket]?.push(fingerprint);
    }
    for (const bucket of sorted) {
      bucket.sort((one, other) => compareTexts(one.entry.name, other.entry.name));
    }
    const digests = sorted.map((bucket) => textDigest(bucket.map(({ digest }) => digest)));
    const present = sorted.flat().filter(({ entry }) => isPresent(entry.status));
    this.#entries = sorted.map((bucket) => bucket.map(({ entry }) => entry));
    this.members = sorted.reduce((sum, bucket) => sum + bucket.length, 0);
    this.digest = textDigest(digests);
    this.present = textDigest(present.map(({ digest }) => digest));
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

/** What is computed once of an entry, however often it is looked at. */
interface Fingerprint {
  /** {@link comparable}. */
  readonly entry: ViewEntry;
  readonly bucket: number;
  readonly digest: string;
}

const known = new WeakMap<ViewEntry, Fingerprint>();

function fingerprintOf(given: ViewEntry): Fingerprint {
  const found = known.get(given);
  if (found !== undefined) return found;
  const entry = comparable(given);
  const made = { entry, bucket: bucketOf(entry.name), digest: entryDigest(entry) };
  known.set(given, made);
  return made;
}

/** Bytes that are no UTF-8 are read in one way from gossip and in another from RPC. */
function comparable(entry: ViewEntry): ViewEntry {
  const { name, address, status, tags } = entry;
  let isPlain = !mayBeUnreadable(name);
  for (const [key, value] of tags) {
    isPlain &&= !mayBeUnreadable(key) && !mayBeUnreadable(value);
  }
  if (isPlain) return entry;
  const read = (text: string): string => text.replace(unreadable, "\ufffd");
  const readTags = new Map([...tags].map(([key, value]) => [read(key), read(value)]));
  return { name: read(name), address, status, tags: readTags };
}

const unreadable = /[\p{Cs}\ufffd]+/gu;

/** Cheap, and true for what only looks like it. */
function mayBeUnreadable(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) >= 0xd800) return true;
  }
  return false;
}

function entryDigest({ name, address, status, tags }: ViewEntry): string {
  return textDigest([name, address, status, tagsDigest(tags)]);
}

function bucketOf(name: string): number {
  return Number.parseInt(textDigest([name]).slice(0, 8), 16) % bucketCount;
}
