import { bucketCount, tagsDigest, type ViewDigest } from "./view-digest.js";
import type { ViewEntry } from "./view-entry.js";

/** The query in which agents of ours ask each other what they see; Serf's do not answer it. */
export const viewQuery = "gossipd-view";

/**
 * What is asked in {@link viewQuery}: first the digest, of all; then, of one of those that differ, the
 * digests of the buckets, and the members in those that differ, a page at a time.
 */
export type ViewQuestion =
  | { readonly ask: "digest" }
  | { readonly ask: "buckets" }
  | {
      readonly ask: "list";
      readonly buckets: readonly number[];
      /** The name that the page before ended with; undefined: from the first on. */
      readonly after?: string | undefined;
    };

export interface DigestAnswer {
  readonly digest: string;
  readonly present: string;
  readonly members: number;
}

/** A member in a page: its tags are left out if they have no room beside it. */
export interface ListedEntry extends Omit<ViewEntry, "tags"> {
  readonly tags: ReadonlyMap<string, string> | undefined;
  readonly tagsDigest: string;
}

export interface ListAnswer {
  readonly entries: readonly ListedEntry[];
  /** There are further members after the last one. */
  readonly more: boolean;
}

export function encodeQuestion(question: ViewQuestion): string {
  return JSON.stringify(question);
}

/** The answer to `text`, at most `room` bytes of UTF-8; undefined if it asks nothing that we know. */
export function answerView(text: string, view: ViewDigest, room: number): string | undefined {
  const question = parseQuestion(text);
  switch (question?.ask) {
    case "digest":
      return JSON.stringify(shortAnswer(view));
    case "buckets":
      return JSON.stringify({ buckets: view.buckets.join("") });
    case "list":
      return listPage(view.entriesIn(question.buckets), question.after, room);
    default:
      return undefined;
  }
}

export function shortAnswer({ digest, members, present }: ViewDigest): DigestAnswer {
  return { digest, present, members };
}

export function parseDigestAnswer(text: string): DigestAnswer | undefined {
  const { digest, members, present } = parseObject(text) ?? {};
  if (!isDigest(digest) || !isDigest(present)) return undefined;
  return { digest, present, members: Number.isSafeInteger(members) ? Number(members) : 0 };
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
}

/** The digest of each bucket. */
export function parseBucketsAnswer(text: string): readonly string[] | undefined {
  const { buckets } = parseObject(text) ?? {};
  if (typeof buckets !== "string") return undefined;
  const digests = buckets.match(/[0-9a-f]{8}/g) ?? [];
  return digests.length === bucketCount ? digests : undefined;
}

/** What is no member in it is passed over. */
export function parseListAnswer(text: string): ListAnswer | undefined {
  const { entries, more } = parseObject(text) ?? {};
  if (!Array.isArray(entries)) return undefined;
  return { entries: entries.flatMap(parseEntry), more: more === true };
}

function parseEntry(entry: unknown): ListedEntry[] {
  if (!Array.isArray(entry)) return [];
  const [name, address, status, digest, tags] = entry as readonly unknown[];
  if (typeof name !== "string" || typeof address !== "string") return [];
  if (typeof status !== "string" || typeof digest !== "string") return [];
  return [{ name, address, status, tagsDigest: digest, tags: parseTags(tags) }];
}

function parseTags(tags: unknown): ReadonlyMap<string, string> | undefined {
  if (typeof tags !== "object" || tags === null) return undefined;
  return new Map(
    Object.entries(tags).flatMap(([key, value]) =>
      typeof value === "string" ? [[key, value] as const] : [],
    ),
  );
}

function parseQuestion(text: string): ViewQuestion | undefined {
  const { ask, buckets, after } = parseObject(text) ?? {};
  if (ask === "digest" || ask === "buckets") return { ask };
  if (ask !== "list" || !Array.isArray(buckets)) return undefined;
  const known = buckets.filter((bucket): bucket is number => Number.isSafeInteger(bucket));
  return { ask, buckets: known, after: typeof after === "string" ? after : undefined };
}

/** The members after `after` that fit, at least one. */
function listPage(entries: readonly ViewEntry[], after: string | undefined, room: number): string {
  const rest = entries.filter(({ name }) => after === undefined || name > after);
  const page: string[] = [];
  let left = room - bytesOf('{"entries":[],"more":false}');
  for (const entry of rest) {
    const text = listed(entry, page.length === 0 ? left : Number.POSITIVE_INFINITY);
    left -= bytesOf(text) + 1;
    if (left < 0 && page.length > 0) break;
    page.push(text);
  }
  return `{"entries":[${page.join(",")}],"more":${page.length < rest.length}}`;
}

function listed({ name, address, status, tags }: ViewEntry, room: number): string {
  const head = [name, address, status, tagsDigest(tags)];
  const whole = JSON.stringify([...head, Object.fromEntries(tags)]);
  return bytesOf(whole) <= room ? whole : JSON.stringify(head);
}

/** Of a text in UTF-8. */
function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
