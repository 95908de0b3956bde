import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { TimerQueue } from "../../src/base/timers.js";
import type { Member, MemberEvent, MemberEventKind } from "../../src/serf/events.js";
import { MemberCoalescer } from "../../src/serf/member-coalescer.js";
import { memberOf } from "../support/members.js";

const periods = { coalesce: 3_000, quiescent: 1_000 };

class Fixture {
  readonly events: MemberEvent[] = [];
  readonly #timers = new TimerQueue();
  readonly coalescer = new MemberCoalescer(this.#timers, periods, (event) =>
    this.events.push(event),
  );

  /** All of `changes` happens within one window; returns what is told at its end. */
  window(changes: readonly (readonly [MemberEventKind, Member])[]): string[] {
    for (const [kind, member] of changes) this.coalescer.handle(0, kind, member);
    this.coalescer.flush(0);
    return this.events.splice(0).map(sentence);
  }
}

function sentence({ kind, members }: MemberEvent): string {
  const looks = members.map(({ address, name, tags }) => {
    const shown = [...tags].map(([tag, value]) => ` ${tag}=${value}`).join("");
    return `${name}@${formatAddress(address)}${shown}`;
  });
  return `${kind} ${looks.join(", ")}`;
}

const a = memberOf("a");
const moved = memberOf("a", { host: 2 });
const movedPort = memberOf("a", { port: 7947 });
const tagged = memberOf("a", { tags: { role: "db" } });

describe("the defects of Serf's coalescer", () => {
  test("(a) a return at a new address within a window is told, as a join there", () => {
    const fixture = new Fixture();
    fixture.window([["member-join", a]]);
    expect(
      fixture.window([
        ["member-leave", a],
        ["member-join", moved],
      ]),
    ).toEqual(["member-join a@10.0.1.2:7946"]);
    expect(
      fixture.window([
        ["member-failed", moved],
        ["member-join", movedPort],
        ["member-update", movedPort],
      ]),
    ).toEqual(["member-join a@10.0.1.1:7947"]);
  });

  test("(a) a move without having been gone is told as an update", () => {
    const fixture = new Fixture();
    fixture.window([["member-join", a]]);
    expect(fixture.window([["member-update", moved]])).toEqual(["member-update a@10.0.1.2:7946"]);
  });

  test("(b) a member that sets a tag just after joining is told to join, with the tag", () => {
    const fixture = new Fixture();
    expect(
      fixture.window([
        ["member-join", a],
        ["member-update", tagged],
      ]),
    ).toEqual(["member-join a@10.0.1.1:7946 role=db"]);
  });

  test("(c) an update is told once, whatever happens to others", () => {
    const fixture = new Fixture();
    fixture.window([["member-join", a]]);
    expect(fixture.window([["member-update", tagged]])).toEqual([
      "member-update a@10.0.1.1:7946 role=db",
    ]);
    expect(fixture.window([["member-join", memberOf("b", { host: 3 })]])).toEqual([
      "member-join b@10.0.1.3:7946",
    ]);
    expect(fixture.window([["member-update", tagged]])).toEqual([]);
  });

  test("(d) nothing is kept of a member that was forgotten", () => {
    const fixture = new Fixture();
    for (let round = 0; round < 100; round += 1) {
      const member = memberOf(`n${round}`);
      fixture.window([["member-join", member]]);
      fixture.window([["member-failed", member]]);
      fixture.window([["member-reap", member]]);
    }
    expect(fixture.coalescer.size).toBe(0);
  });
});

test.for<{ told: MemberEventKind[]; window: MemberEventKind[]; now: string[] }>([
  { told: [], window: ["member-join"], now: ["member-join"] },
  { told: [], window: ["member-join", "member-leave"], now: ["member-join", "member-leave"] },
  { told: [], window: ["member-join", "member-failed"], now: ["member-join", "member-failed"] },
  { told: [], window: ["member-join", "member-leave", "member-reap"], now: [] },
  { told: ["member-join"], window: ["member-leave", "member-join"], now: [] },
  { told: ["member-join"], window: ["member-update"], now: [] },
  { told: ["member-join"], window: ["member-leave"], now: ["member-leave"] },
  { told: ["member-join"], window: ["member-failed"], now: ["member-failed"] },
  {
    told: ["member-join"],
    window: ["member-failed", "member-leave", "member-reap"],
    now: ["member-leave", "member-reap"],
  },
  { told: ["member-join"], window: ["member-reap"], now: ["member-reap"] },
  { told: ["member-join", "member-failed"], window: ["member-leave"], now: ["member-leave"] },
  { told: ["member-join", "member-failed"], window: ["member-join"], now: ["member-join"] },
  { told: ["member-join", "member-failed"], window: ["member-join", "member-failed"], now: [] },
  { told: ["member-join", "member-leave"], window: ["member-reap"], now: ["member-reap"] },
  {
    told: ["member-join", "member-leave", "member-reap"],
    window: ["member-join"],
    now: ["member-join"],
  },
])("told $told, then $window tells $now", ({ told, window, now }) => {
  const fixture = new Fixture();
  for (const kind of told) fixture.window([[kind, a]]);
  const sentences = fixture.window(window.map((kind) => [kind, a] as const));
  expect(sentences.map((line) => line.split(" ")[0])).toEqual(now);
});

test("a member that returned elsewhere and failed again is told to come there, and to go", () => {
  const fixture = new Fixture();
  fixture.window([["member-join", a]]);
  fixture.window([["member-failed", a]]);
  expect(
    fixture.window([
      ["member-join", moved],
      ["member-failed", moved],
    ]),
  ).toEqual(["member-join a@10.0.1.2:7946", "member-failed a@10.0.1.2:7946"]);
});

test("a return with other tags at the same address is an update", () => {
  const fixture = new Fixture();
  fixture.window([["member-join", a]]);
  expect(
    fixture.window([
      ["member-leave", a],
      ["member-join", tagged],
    ]),
  ).toEqual(["member-update a@10.0.1.1:7946 role=db"]);
});

test("who joined and left within a window is told to join as somebody who is here", () => {
  const fixture = new Fixture();
  fixture.coalescer.handle(0, "member-join", a);
  fixture.coalescer.handle(0, "member-failed", memberOf("a", { status: "failed" }));
  fixture.coalescer.flush(0);
  expect(fixture.events.map(({ members }) => members[0]?.status)).toEqual(["alive", "failed"]);
});

test("one event of each kind, members by name, those who come before those who go", () => {
  const fixture = new Fixture();
  const [b, c, d] = ["b", "c", "d"].map((name) => memberOf(name)) as [Member, Member, Member];
  fixture.window([
    ["member-join", a],
    ["member-join", d],
  ]);
  expect(
    fixture.window([
      ["member-failed", d],
      ["member-join", c],
      ["member-update", tagged],
      ["member-join", b],
    ]),
  ).toEqual([
    "member-join b@10.0.1.1:7946, c@10.0.1.1:7946",
    "member-update a@10.0.1.1:7946 role=db",
    "member-failed d@10.0.1.1:7946",
  ]);
});

describe("whatever happens to members", () => {
  /** What one member does next; how it can is decided by what it did before. */
  type Step = { name: string; move: number; tag: string; act: number } | "flush";

  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 1, arbitrary: fc.constant("flush" as const) },
    {
      weight: 3,
      arbitrary: fc.record({
        name: fc.constantFrom("a", "b"),
        move: fc.nat(2),
        tag: fc.constantFrom("x", "y"),
        act: fc.nat(3),
      }),
    },
  );

  interface Truth {
    readonly presence: "here" | "left" | "failed";
    readonly member: Member;
  }

  /** What `step` does to a member: a change that can happen to it as it is. */
  function change(truth: Truth | undefined, step: Exclude<Step, "flush">): MemberEventKind {
    if (truth === undefined) return "member-join";
    if (truth.presence === "here") {
      return (["member-update", "member-leave", "member-failed", "member-reap"] as const)[
        step.act
      ] as MemberEventKind;
    }
    if (truth.presence === "failed" && step.act === 0) return "member-leave";
    return step.act === 1 ? "member-reap" : "member-join";
  }

  /** Takes in events as a careful handler does. */
  class Reader {
    readonly known = new Map<string, Truth>();
    readonly complaints: string[] = [];

    apply({ kind, members }: MemberEvent): void {
      for (const member of members) {
        const before = this.known.get(member.name);
        if (before === undefined && kind !== "member-join") {
          this.complaints.push(`${kind} of ${member.name}, who was not introduced`);
        }
        const presence = presenceAfter(kind);
        if (presence === undefined) {
          this.known.delete(member.name);
          continue;
        }
        const after = { presence, member };
        if (before !== undefined && look(before) === look(after)) {
          this.complaints.push(`${kind} of ${member.name} says nothing new`);
        }
        this.known.set(member.name, after);
      }
    }
  }

  function presenceAfter(kind: MemberEventKind): Truth["presence"] | undefined {
    switch (kind) {
      case "member-join":
      case "member-update":
        return "here";
      case "member-leave":
        return "left";
      case "member-failed":
        return "failed";
      case "member-reap":
        return undefined;
    }
  }

  function look({ presence, member }: Truth): string {
    return `${presence} ${formatAddress(member.address)} ${member.tags.get("tag")}`;
  }

  function looks(truths: ReadonlyMap<string, Truth>): Record<string, string> {
    return Object.fromEntries([...truths].sort().map(([name, truth]) => [name, look(truth)]));
  }

  test("who applies the events knows every member as it is, and is told nothing twice", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fixture = new Fixture();
        const reader = new Reader();
        const truths = new Map<string, Truth>();
        for (const next of [...steps, "flush" as const]) {
          if (next === "flush") {
            fixture.coalescer.flush(0);
            for (const event of fixture.events.splice(0)) reader.apply(event);
            expect(looks(reader.known)).toEqual(looks(truths));
            continue;
          }
          const before = truths.get(next.name);
          const kind = change(before, next);
          const fresh = memberOf(next.name, { host: next.move + 1, tags: { tag: next.tag } });
          const changed = kind === "member-join" || kind === "member-update";
          const member = changed ? fresh : (before?.member ?? fresh);
          const presence = presenceAfter(kind);
          if (presence === undefined) truths.delete(next.name);
          else truths.set(next.name, { presence, member });
          fixture.coalescer.handle(0, kind, member);
        }
        expect(reader.complaints).toEqual([]);
        expect(fixture.coalescer.size).toBe(truths.size);
      }),
      { numRuns: 500 },
    );
  });
});
