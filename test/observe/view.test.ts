import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewDifferences } from "../../src/observe/view/view-difference.js";
import { bucketCount, ViewDigest } from "../../src/observe/view/view-digest.js";
import type { ViewEntry } from "../../src/observe/view/view-entry.js";
import {
  answerView,
  encodeQuestion,
  parseBucketsAnswer,
  parseDigestAnswer,
  parseListAnswer,
} from "../../src/observe/view/view-exchange.js";

function entry(name: string, parts: Partial<ViewEntry> = {}): ViewEntry {
  return {
    name,
    address: "10.0.0.1:7946",
    status: "alive",
    tags: new Map([["role", "web"]]),
    ...parts,
  };
}

const three = [entry("a"), entry("b"), entry("c", { status: "failed" })];

test("the order of members and of tags makes no difference", () => {
  const tags = (...pairs: [string, string][]) => [entry("a", { tags: new Map(pairs) })];
  const one = new ViewDigest(tags(["x", "1"], ["y", "2"]));
  expect(one.digest).toBe(new ViewDigest(tags(["y", "2"], ["x", "1"])).digest);
  expect(new ViewDigest(three).digest).toBe(new ViewDigest(three.toReversed()).digest);
});

test.for([
  ["a name", [entry("A"), ...three.slice(1)]],
  ["an address", [entry("a", { address: "10.0.0.1:7947" }), ...three.slice(1)]],
  ["a status", [entry("a", { status: "leaving" }), ...three.slice(1)]],
  ["a tag", [entry("a", { tags: new Map([["role", "db"]]) }), ...three.slice(1)]],
  ["a missing tag", [entry("a", { tags: new Map() }), ...three.slice(1)]],
  ["where a key ends", [entry("a", { tags: new Map([["rolew", "eb"]]) }), ...three.slice(1)]],
  ["a missing member", three.slice(1)],
] as const)("%s makes a difference", ([_, others]) => {
  expect(new ViewDigest(others).digest).not.toBe(new ViewDigest(three).digest);
  expect(new ViewDigest(others).present).not.toBe(new ViewDigest(three).present);
});

test("who is gone counts in the whole, and not in who is present", () => {
  const without = new ViewDigest(three.slice(0, 2));
  expect(without.digest).not.toBe(new ViewDigest(three).digest);
  expect(without.present).toBe(new ViewDigest(three).present);
});

test("bytes that are no text are the same whether each or all of them were replaced", () => {
  const one = new ViewDigest([entry("x\udcff\udcfe", { tags: new Map([["k", "\udc80"]]) })]);
  const other = new ViewDigest([entry("x\ufffd", { tags: new Map([["k", "\ufffd\ufffd"]]) })]);
  expect(one.digest).toBe(other.digest);
});

const entries = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: "grapheme", maxLength: 128 }),
    address: fc.constantFrom("10.0.0.1:7946", "[fd00::1]:7946"),
    status: fc.constantFrom("alive", "leaving", "left", "failed"),
    tags: fc
      .uniqueArray(
        fc.tuple(fc.string({ maxLength: 10 }), fc.string({ unit: "binary", maxLength: 400 })),
        { selector: ([key]) => key, maxLength: 3 },
      )
      .map((pairs) => new Map(pairs)),
  }),
  { selector: ({ name }) => name.replace(/[\p{Cs}\ufffd]+/gu, "\ufffd"), maxLength: 60 },
);

/** All that a view says of some buckets, asked for as a command does. */
function listOf(view: ViewDigest, buckets: readonly number[], room: number) {
  const listed = [];
  let after: string | undefined;
  for (let page = 0; page < 200; page += 1) {
    const text = answerView(encodeQuestion({ ask: "list", buckets, after }), view, room);
    const answer = parseListAnswer(text ?? "");
    if (answer === undefined) throw new Error(`no answer: ${text}`);
    listed.push(...answer.entries);
    if (!answer.more) return listed;
    after = answer.entries.at(-1)?.name;
  }
  throw new Error("it never ends");
}

describe("what agents tell each other", () => {
  const all = Array.from({ length: bucketCount }, (_, index) => index);

  test("pages have all members once, and fit", () => {
    fc.assert(
      fc.property(entries, (members) => {
        const view = new ViewDigest(members);
        const listed = listOf(view, all, 850);
        expect(listed.map(({ name }) => name)).toEqual(view.entriesIn(all).map(({ name }) => name));
        expect(viewDifferences(view.entriesIn(all), listed)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test("an answer never takes more room than there is, but for a name that alone does", () => {
    fc.assert(
      fc.property(entries, fc.string({ maxLength: 5 }), (members, after) => {
        const question = encodeQuestion({ ask: "list", buckets: all, after });
        const text = answerView(question, new ViewDigest(members), 850) ?? "";
        const alone = parseListAnswer(text)?.entries.length === 1;
        expect(Buffer.byteLength(text) <= 850 || alone).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("a thousand members have one bucket more that differs when one has another tag", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => entry(`web-${index}`));
    const view = new ViewDigest(many);
    const other = new ViewDigest([...many.slice(1), entry("web-0", { tags: new Map() })]);
    const buckets = parseBucketsAnswer(
      answerView(encodeQuestion({ ask: "buckets" }), other, 850) ?? "",
    );
    expect(buckets).toEqual(other.buckets);
    const differing = all.filter((index) => other.buckets[index] !== view.buckets[index]);
    expect(differing).toHaveLength(1);
    expect(viewDifferences(view.entriesIn(differing), listOf(other, differing, 850))).toEqual([
      { member: "web-0", what: "tags", here: "role=web", there: "", remembered: false },
    ]);
  });

  test("nothing that a stranger sends makes them fail", () => {
    const view = new ViewDigest(three);
    const junk = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          ask: fc.constantFrom("list", "buckets"),
          buckets: fc.jsonValue(),
          after: fc.jsonValue(),
        })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(junk, (text) => {
        answerView(text, view, 850);
        parseDigestAnswer(text);
        parseBucketsAnswer(text);
        parseListAnswer(text);
      }),
    );
    expect(answerView('{"ask":"everything"}', view, 850)).toBeUndefined();
    expect(parseListAnswer('{"entries":[1,["a"],["a","b","c","d",7]],"more":0}')?.entries).toEqual([
      { name: "a", address: "b", status: "c", tagsDigest: "d", tags: undefined },
    ]);
  });
});

describe("differences are told", () => {
  const listed = (one: ViewEntry) => listOf(new ViewDigest([one]), [...Array(64).keys()], 850);

  test.for<[ViewEntry, ViewEntry, object]>([
    [
      entry("a"),
      entry("a", { status: "failed" }),
      { what: "status", here: "alive", there: "failed" },
    ],
    [
      entry("a"),
      entry("a", { address: "10.0.0.2:7946" }),
      { what: "address", here: "10.0.0.1:7946", there: "10.0.0.2:7946" },
    ],
    [
      entry("a", {
        tags: new Map([
          ["role", "web"],
          ["zone", "1"],
        ]),
      }),
      entry("a", {
        tags: new Map([
          ["role", "db"],
          ["zone", "1"],
        ]),
      }),
      { what: "tags", here: "role=web", there: "role=db" },
    ],
  ])("%#", ([here, there, difference]) => {
    expect(viewDifferences([here], listed(there))).toEqual([
      { member: "a", remembered: false, ...difference },
    ]);
  });

  test("a member that only one knows is one, and harmless if it is gone", () => {
    expect(viewDifferences([], listed(entry("a")))).toEqual([
      { member: "a", what: "status", here: null, there: "alive", remembered: false },
    ]);
    expect(viewDifferences([entry("a", { status: "left" })], [])).toEqual([
      { member: "a", what: "status", here: "left", there: null, remembered: true },
    ]);
  });

  test("tags that found no room are only said to differ", () => {
    const long = entry("a", { tags: new Map([["k", "v".repeat(900)]]) });
    expect(viewDifferences([entry("a")], listed(long))).toEqual([
      { member: "a", what: "tags", here: null, there: null, remembered: false },
    ]);
  });
});
