import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WhyAnswers } from "../../src/agent/why-answers.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";
import { maxPages } from "../../src/observe/why/account.js";
import { readAnswer } from "../../src/observe/why/answer.js";
import { whyDictionary } from "../../src/observe/why/dictionary.js";
import type { Item } from "../../src/observe/why/telling.js";
import { unpackJson } from "../../src/rpc/packed-json.js";
import { encodeText } from "../../src/wire/text.js";

const dictionary = encodeText(whyDictionary);

/** One agent with a clock of its own, which is asked about `web`. */
class Teller {
  now = 1_000_000;
  readonly chronicle = new Chronicle(() => this.now);
  readonly #answers: WhyAnswers;

  constructor(responseLimit = 1_024) {
    const { chronicle } = this;
    this.#answers = new WhyAnswers({
      chronicle,
      wallClock: () => this.now,
      self: "a",
      responseLimit,
    });
  }

  tell(...deeds: readonly Deed[]): void {
    for (const deed of deeds) {
      this.now += 10;
      this.chronicle.note(deed);
    }
  }

  ask(page = 0, within = 3_600_000): { bytes: number; more: boolean; items: readonly Item[] } {
    const question = encodeText(JSON.stringify({ node: "web", within, page }));
    const bytes = this.#answers.answer(question, "asker");
    const answer =
      bytes === undefined
        ? undefined
        : readAnswer(unpackJson(bytes, dictionary), "web", this.now + 500_000);
    return {
      bytes: bytes?.length ?? 0,
      more: answer?.more ?? false,
      items: answer?.items ?? [],
    };
  }

  /** Deeds on all pages, as they came. */
  askAll(): { pages: number; items: Item[] } {
    const items: Item[] = [];
    for (let page = 0; ; page += 1) {
      const answer = this.ask(page);
      items.push(...answer.items);
      if (!answer.more || page >= maxPages) return { pages: page + 1, items };
    }
  }

  answerTo(payload: Uint8Array): Uint8Array | undefined {
    return this.#answers.answer(payload, "asker");
  }
}

const deedsOf = (items: readonly Item[]): Deed[] =>
  items.flatMap((item) => (item.kind === "fact" ? [item.fact.deed] : []));

const probe = (node: string, outcome: "lost" | "tcp" | "helped"): Deed => ({
  kind: "probe",
  node,
  outcome,
  took: 1_000,
  helpers: ["b", "c"],
  nacks: 2,
  tcp: "unreachable",
  unheard: false,
});

const lost = (node: string): Deed => probe(node, "lost");

const suspected = (node: string, by: string, incarnation = 1): Deed => ({
  kind: "suspected",
  node,
  by,
  incarnation,
  unheard: false,
});

const gone = (node: string, by: string, incarnation = 1): Deed => ({
  kind: "gone",
  node,
  state: "failed",
  by,
  why: "timeout",
  incarnation,
  confirmations: 1,
});

describe("what a member tells of another", () => {
  test("has the time on the clock of whoever asks, whatever its own says", () => {
    const teller = new Teller();
    teller.tell(suspected("web", "a"));
    teller.now += 2_000;
    const [item] = teller.ask().items;
    expect(item).toMatchObject({ kind: "fact", fact: { deed: suspected("web", "a") } });
    expect(item?.kind === "fact" && item.fact.at).toBe(teller.now + 500_000 - 2_000);
  });

  test("is about it and about the teller itself, and names the others that it lost as well", () => {
    const teller = new Teller();
    const stalled: Deed = { kind: "stalled", node: "a", how: "busy", took: 900 };
    teller.tell(lost("db"), gone("db", "a"), stalled, lost("web"), suspected("web", "a"));
    const { items } = teller.ask();
    expect(deedsOf(items).map(({ kind }) => kind)).toEqual(["suspected", "probe", "stalled"]);
    expect(items.filter(({ kind }) => kind === "loss")).toMatchObject([
      { loss: { node: "db", how: "lost", unheard: false } },
    ]);
  });

  test.for([
    { later: 40_000, how: "lost", what: "outweighs that helpers reached it soon after" },
    { later: 70_000, how: "helped", what: "is over when they do so long after" },
  ])("that another was lost $what", ({ how, later }) => {
    const teller = new Teller();
    teller.tell(lost("db"));
    teller.now += later;
    teller.tell(probe("db", "helped"), suspected("web", "a"));
    expect(teller.ask().items.filter(({ kind }) => kind === "loss")).toMatchObject([
      { loss: { node: "db", how } },
    ]);
  });

  test("begins with what tells most, and of that with the newest", () => {
    const teller = new Teller();
    teller.tell(
      suspected("web", "b"),
      { kind: "told", event: "member-failed", nodes: ["web"], count: 1 },
      { kind: "health", node: "a", score: 1 },
      gone("web", "b"),
    );
    const kinds = deedsOf(teller.ask().items).map(({ kind }) => kind);
    expect(kinds).toEqual(["gone", "suspected", "told", "health"]);
  });

  test("fits into a response, page by page, and all of it comes once", () => {
    const teller = new Teller();
    const count = 150;
    for (let number = 1; number <= count; number += 1) {
      teller.tell(suspected("web", `member-${(number * 7_919) % 1_000}`, number));
    }
    const { items, pages } = teller.askAll();
    const incarnations = deedsOf(items).map((deed) => "incarnation" in deed && deed.incarnation);
    expect(incarnations).toEqual(Array.from({ length: count }, (_, index) => count - index));
    expect(pages).toBeGreaterThan(1);
    expect(pages).toBeLessThanOrEqual(4);
    for (let page = 0; page < pages; page += 1) {
      expect(teller.ask(page).bytes).toBeLessThanOrEqual(1_024 - 160);
    }
  });

  test("says once what happened a hundred times in a row", () => {
    const teller = new Teller();
    for (let number = 0; number < 100; number += 1) teller.tell(probe("web", "tcp"));
    expect(teller.ask().items).toMatchObject([{ fact: { times: 100 } }]);
  });

  test("has neither the arguments of handlers nor other members' names", () => {
    const teller = new Teller();
    const nodes = ["db", "web"];
    const event = "member-failed";
    teller.tell(
      { kind: "told", event, nodes, count: 2 },
      {
        kind: "handler",
        run: 1,
        script: "/opt/notify --token s3cret",
        event,
        nodes,
        count: 2,
        took: 9,
      },
    );
    const deeds = deedsOf(teller.ask().items);
    expect(deeds).toMatchObject([
      { kind: "told", nodes: ["web"], count: 2 },
      { kind: "handler", script: "notify" },
    ]);
    expect(JSON.stringify(deeds)).not.toContain("s3cret");
  });

  test.each([
    ["TOKEN=s3cret /opt/notify", "notify"],
    ['A=1 TOKEN=\'s3 cret\' B="s3 \\" cret" ./notify --now', "notify"],
    ["notify TOKEN=s3cret", "notify"],
  ])("names the program of %s alone", (script, program) => {
    const teller = new Teller();
    const about = { event: "member-failed", nodes: ["web"], count: 1, took: 9 } as const;
    teller.tell({ kind: "handler", run: 1, script, ...about });
    expect(deedsOf(teller.ask().items)).toMatchObject([{ kind: "handler", script: program }]);
  });

  test("is nothing if not even the frame of an answer has room", () => {
    expect(new Teller(170).ask().bytes).toBe(0);
  });

  test("is nothing if the question is none", () => {
    const teller = new Teller();
    teller.tell(lost("web"));
    for (const text of ["", "{", "[]", '{"node":7}', '{"node":"web","within":-1,"page":0}']) {
      expect(teller.answerTo(encodeText(text)), text).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        teller.answerTo(junk);
      }),
    );
  });
});

describe("an answer of anybody", () => {
  test("is left out where no date can be told of it", () => {
    const ages = [Number.MAX_SAFE_INTEGER, 8.64e15, 1e12];
    const items = ages.flatMap((age) => [
      ["started", 1, age, { node: "web", address: "x" }],
      ["stalled", 2, 5, { node: "web", how: "paused", took: age }],
    ]);
    expect(readAnswer({ v: 1, reach: 1, items }, "web", Date.now())).toEqual({
      reach: 1,
      more: false,
      items: [],
    });
    const reach = Number.MAX_SAFE_INTEGER;
    expect(readAnswer({ v: 1, reach, items: [] }, "web", Date.now())).toBeUndefined();
  });

  test("is read without a throw, whatever it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (junk) => {
        expect(readAnswer(unpackJson(junk, dictionary), "web", 0)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.json(), fc.array(fc.array(fc.jsonValue())), (json, items) => {
        readAnswer(JSON.parse(json), "web", 0);
        readAnswer({ v: 1, reach: 1, items }, "web", 0);
      }),
    );
  });

  test("has only what is a record of ours", () => {
    const items = [
      ["suspected", 1, 5, { by: "b", incarnation: 1, unheard: false }],
      ["suspected", 2, 5, { by: 7, incarnation: 1, unheard: false }],
      ["suspected", 3, -5, { by: "b", incarnation: 1, unheard: false }],
      ["invented", 4, 5, {}],
      ["told", 5, 5, { event: "member-join", nodes: Array(99).fill("x"), count: 99 }],
      ["__proto__", 6, 5, {}],
      ["-", "x".repeat(500), 5, "lost"],
    ];
    const answer = readAnswer({ v: 1, reach: 1, items }, "web", 100);
    expect(answer?.items).toHaveLength(1);
    expect(answer?.items).toMatchObject([{ fact: { at: 95, deed: suspected("web", "b") } }]);
  });
});
