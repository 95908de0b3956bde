import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseLine } from "../../../src/agent/journal/journal-lines.js";
import { OperatorError } from "../../../src/base/errors.js";
import type { HandlerRan } from "../../../src/observe/deed.js";
import { member, memberEvent, query, userEvent } from "../handler-events.js";
import { tempDir } from "../temp-dir.js";
import { journalWith } from "./journal-fixture.js";

const joined = (...names: string[]) =>
  memberEvent("member-join", ...names.map((name) => member(name)));
const failed = (...names: string[]) =>
  memberEvent(
    "member-failed",
    ...names.map((name) => member(name, { status: "failed", tags: { role: "web" } })),
  );

const all = (script: string) =>
  ({ script, kind: "event", filters: ["*"], hearsAll: true }) as const;

function journalPath(): string {
  return join(tempDir(), "journal");
}

test("a run is on record from its start to its end", () => {
  const deeds: HandlerRan[] = [];
  const { begin, clock, end, journal, runs } = journalWith({ note: (deed) => deeds.push(deed) });
  journal.setHandlers([
    { script: "a.sh", kind: "event", filters: ["member-join"], hearsAll: false },
  ]);
  const id = begin("a.sh", joined("x", "y"));
  const begun = {
    id: 1,
    script: "a.sh",
    filters: ["member-join"],
    event: "member-join",
    nodes: ["x", "y"],
    count: 2,
    startedAt: "2030-01-01T00:00:00.000Z",
    attempt: 1,
    cause: "event",
  };
  expect(runs()).toEqual([
    { ...begun, tookMillis: null, result: "running", failure: null, exitStatus: null, output: "" },
  ]);
  clock.now += 12;
  end(id, "failed", "no\n");
  expect(runs()).toEqual([
    {
      ...begun,
      tookMillis: 12,
      result: "failed",
      failure: "exit status 1",
      exitStatus: 1,
      output: "no\n",
    },
  ]);
  expect(journal.counts({ script: "a.sh", kind: "event" })).toEqual({
    runs: 1,
    failures: 1,
    timeouts: 0,
    retries: 0,
    givenUp: 0,
  });
  expect(journal.times({ script: "a.sh", kind: "event" }).buckets.slice(0, 3)).toEqual([0, 1, 0]);
  expect(deeds).toEqual([
    {
      kind: "handler",
      run: 1,
      script: "a.sh",
      event: "member-join",
      nodes: ["x", "y"],
      count: 2,
      took: 12,
      failure: "exit status 1",
    },
  ]);
});

test("of a long output the end is kept, and of many members the first names", () => {
  const { begin, end, journal, runs } = journalWith();
  const names = Array.from({ length: 2_000 }, (_, index) => `n${index}`);
  end(begin("a", joined(...names)), "ok", `${"ä".repeat(5_000)}!`);
  const [run] = runs();
  expect(Buffer.byteLength(run?.output ?? "")).toBeLessThanOrEqual(2_048);
  expect(run?.output).toMatch(/^ä+!$/);
  expect([run?.nodes.length, run?.count]).toEqual([16, 2_000]);
  expect(journal.runs()[0]?.names).toHaveLength(1_024);
});

test("a script that runs all the time leaves the others their past", () => {
  const { begin, end, told } = journalWith();
  end(begin("rare", userEvent("deploy")));
  for (let count = 0; count < 2_000; count += 1) end(begin("often", query("load")));
  expect(told()).toHaveLength(512);
  expect(told()[0]).toBe("1 rare user:deploy : ok");
  expect(told().at(-1)).toBe("2001 often query:load : ok");
});

test("a script that is told events and lists of members has numbers for each", () => {
  const path = journalPath();
  const { begin, end, journal, runs } = journalWith({ path });
  const state = {
    script: "a",
    kind: "state",
    filters: ["state:role=web"],
    hearsAll: false,
  } as const;
  journal.setHandlers([all("a"), state]);
  begin("a", failed("x"), true);
  const members = Array.from({ length: 100 }, (_, index) => member(`n${index}`));
  end(begin("a", { kind: "state", json: false, members }));
  expect(runs().map(({ count, filters }) => [count, ...filters])).toEqual([
    [1, "*"],
    [100, "state:role=web"],
  ]);
  expect(journal.runs()[1]?.names).toHaveLength(64);
  expect(journal.counts({ script: "a", kind: "event" }).runs).toBe(0);
  expect(journal.counts({ script: "a", kind: "state" }).runs).toBe(1);
  expect(journal.lastSuccess({ script: "a", kind: "event" })).toBeUndefined();
  // The event that the agent did not see the end of is not hidden by the list.
  expect(journalWith({ path }).journal.takeUnfinished()).toMatchObject([{ id: 1 }]);
});

describe("secrets", () => {
  test("are masked wherever a script or its command line says them, and payloads are not kept", () => {
    const path = journalPath();
    const { begin, end, journal, runs } = journalWith({ path, secrets: () => ["k3y+/=", "t0ken"] });
    end(begin("curl -H t0ken", userEvent("deploy", "payl0ad")), "failed", "key k3y+/= of t0ken\n");
    journal.close();
    expect(runs()[0]).toMatchObject({ script: "curl -H ***", output: "key *** of ***\n" });
    const text = readFileSync(path, "utf8");
    for (const secret of ["k3y", "t0ken", "payl0ad"]) expect(text).not.toContain(secret);
    expect(journal.counts({ script: "curl -H t0ken", kind: "event" }).failures).toBe(1);
  });
});

describe("the file", () => {
  test("is the owner's alone and tells the next agent of every run", () => {
    const path = journalPath();
    const first = journalWith({ path });
    first.journal.setHandlers([all("a")]);
    first.end(first.begin("a", joined("x", "y")));
    first.end(first.begin("a", failed("x")), "failed", "out\n");
    const before = first.runs();
    first.journal.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = journalWith({ path });
    expect(second.runs()).toEqual(before);
    second.journal.setHandlers([all("a")]);
    expect(second.begin("a", joined("z"))).toBe(3);
    expect(second.journal.seen("a", [member("x"), member("q")], true)).toEqual({
      present: 2,
      gone: ["y"],
      unknown: ["q"],
    });
  });

  test("of an agent that was killed shows what was under way as interrupted, whatever byte was the last", () => {
    const path = journalPath();
    const first = journalWith({ path });
    first.end(first.begin("a", joined("x")));
    const whole = statSync(path).size;
    first.begin("b", failed("y"));
    const size = statSync(path).size;
    const bytes = readFileSync(path);
    for (const length of [whole, whole + 1, size - 2, size - 1, size]) {
      writeFileSync(path, bytes);
      truncateSync(path, length);
      const next = journalWith({ path });
      const started = length >= size - 1;
      expect(next.told(), `${length} of ${size} bytes`).toEqual([
        "1 a member-join x: ok",
        ...(started ? ["2 b member-failed y: interrupted"] : []),
      ]);
      expect(next.journal.takeUnfinished().map(({ id }) => id)).toEqual(started ? [2] : []);
      expect(next.begin("c", joined("z"))).toBe(started ? 3 : 2);
      next.journal.close();
    }
  });

  test("skips lines that it cannot read", () => {
    const path = journalPath();
    const first = journalWith({ path });
    first.end(first.begin("a", joined("x")));
    first.journal.close();
    appendFileSync(path, 'null\n[]\n{"run":-1}\n{"ended":"1"}\n{"run":7,"names":[1]}\n\0\0\n"x\n');
    expect(journalWith({ path }).told()).toEqual(["1 a member-join x: ok"]);
  });

  test("that is something else is left alone", () => {
    const path = journalPath();
    writeFileSync(path, "precious\n");
    expect(() => journalWith({ path })).toThrow(OperatorError);
    expect(() => journalWith({ path })).toThrow(
      `-handler-journal ${path}: this file is no journal`,
    );
    expect(readFileSync(path, "utf8")).toBe("precious\n");
  });

  test("that cannot be written is named", () => {
    const dir = tempDir();
    expect(() => journalWith({ path: dir })).toThrow(`-handler-journal ${dir}: is a directory`);
  });

  test("does not grow without bound, and forgets nothing that counts", () => {
    const path = journalPath();
    const first = journalWith({ path });
    first.journal.setHandlers([all("a")]);
    first.end(first.begin("a", joined("kept")));
    const output = "x".repeat(2_000);
    for (let count = 0; count < 3_000; count += 1) {
      first.end(first.begin("a", joined(`n${count % 3}`)), "ok", output);
    }
    first.begin("a", failed("n0"), true);
    expect(statSync(path).size).toBeLessThan(4 * 1_048_576);
    const next = journalWith({ path });
    next.journal.setHandlers([all("a")]);
    expect(next.runs()).toHaveLength(512);
    expect(next.journal.seen("a", [], false)?.present).toBe(4);
    const [undone] = next.journal.takeUnfinished();
    expect(undone?.lost[0]).toMatchObject({ name: "n0", tags: new Map([["role", "web"]]) });
  });
});

describe("what is left undone", () => {
  test.for([
    { what: "a run that ended well", again: true, result: "ok", undone: false },
    { what: "a failure without retry", again: false, result: "failed", undone: false },
    { what: "a failure that was to be repeated", again: true, result: "failed", undone: true },
    { what: "a run that ended with the agent", again: false, result: "stopped", undone: true },
  ] as const)("$what: $undone", ({ again, result, undone }) => {
    const path = journalPath();
    const first = journalWith({ path });
    first.end(first.begin("a", failed("x"), again), result);
    first.journal.close();
    expect(journalWith({ path }).journal.takeUnfinished()).toHaveLength(undone ? 1 : 0);
  });
});

test("no line of the file makes its reader throw", () => {
  for (const text of [
    "",
    "{",
    "1",
    '"run"',
    '{"gossipdHandlerJournal":2,"nextId":1}',
    '{"present":1}',
  ]) {
    expect(parseLine(text), text).toBeUndefined();
  }
});
