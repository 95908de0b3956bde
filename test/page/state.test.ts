import { expect, test } from "vitest";
import type { Deed } from "../../src/observe/deed.js";
import type { MemberInfo } from "../../src/observe/member-info.js";
import { advance, type Input, nothingKnown, type PageState } from "../../src/page/state.js";
import { memberInfo } from "../support/scripted-agent.js";

function after(...inputs: readonly Input[]): PageState {
  return inputs.reduce(advance, nothingKnown);
}

const everybody = (...members: readonly MemberInfo[]): Input => ({
  kind: "everybody",
  members,
  at: 1_000,
});

const happened = (seq: number, deed: Deed): Input => ({
  kind: "happened",
  happening: { seq, at: seq * 1_000, deed },
});

const suspected = (by: string): Deed => ({
  kind: "suspected",
  node: "web",
  by,
  incarnation: 1,
  unheard: false,
});

test("who is not among all is gone, and who is among some leaves the others as they were", () => {
  const state = after(everybody(memberInfo("a"), memberInfo("b")), everybody(memberInfo("b")));
  expect([...state.members.keys()]).toEqual(["b"]);
  const more = advance(state, { kind: "some", members: [memberInfo("c")], at: 1 });
  expect([...more.members.keys()]).toEqual(["b", "c"]);
  expect([...advance(more, { kind: "reaped", names: ["b"] }).members.keys()]).toEqual(["c"]);
});

test("a member of which nothing changed is the same object, so that it is not drawn again", () => {
  const first = after(everybody(memberInfo("a", { lastAckedAt: null })));
  const second = advance(first, everybody(memberInfo("a", { lastAckedAt: null })));
  expect(second.members.get("a")).toBe(first.members.get("a"));
});

test("suspicions are seen as soon as they are told, and end so too", () => {
  const begun = after(
    everybody(memberInfo("web")),
    happened(1, suspected("a")),
    happened(2, { kind: "confirmed", node: "web", by: "b", confirmations: 1 }),
  );
  expect(begun.members.get("web")?.suspectedBy).toEqual(["a", "b"]);
  const cleared: Deed = { kind: "cleared", node: "web", why: "refuted", incarnation: 2, after: 9 };
  expect(advance(begun, happened(3, cleared)).members.get("web")?.suspectedBy).toEqual([]);
  const gone: Deed = {
    kind: "gone",
    node: "web",
    state: "failed",
    by: "a",
    why: "timeout",
    incarnation: 1,
    confirmations: 1,
  };
  const failed = advance(begun, happened(3, gone)).members.get("web");
  expect(failed).toMatchObject({ status: "failed", suspectedBy: [] });
});

test("what the record and the stream both tell is told once; another run of the agent counts anew", () => {
  const past: Input = {
    kind: "past",
    after: 0,
    happenings: [{ seq: 7, at: 7_000, deed: suspected("a") }],
  };
  const state = after(past, happened(7, suspected("a")), happened(8, suspected("b")));
  expect(state.happenings.map(({ seq }) => seq)).toEqual([7, 8]);
  const anew = advance(state, { kind: "past", after: 0, happenings: [] });
  const started: Deed = { kind: "started", node: "n", address: "127.0.0.1:7946" };
  expect(advance(anew, happened(1, started)).happenings.length).toBe(1);
});

test("what was missed goes on behind what was known", () => {
  const missed = [9, 10].map((seq) => ({ seq, at: seq * 1_000, deed: suspected("b") }));
  const known = after(happened(7, suspected("a")), happened(8, suspected("b")));
  const state = advance(known, { kind: "past", after: 8, happenings: missed });
  expect(state.happenings.map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
});

test("what is kept is bounded", () => {
  const past: Input = {
    kind: "past",
    after: 0,
    happenings: Array.from({ length: 9_000 }, (_, seq) => ({ seq, at: seq, deed: suspected("a") })),
  };
  let state = after(past, happened(9_001, suspected("b")));
  expect(state.happenings.length).toBe(4_096);
  expect(state.happenings.at(-1)?.seq).toBe(9_001);
  for (let rtt = 0; rtt < 100; rtt += 1) {
    state = advance(state, everybody(memberInfo("a", { lastRttMillis: rtt })));
  }
  expect(state.times.get("a")?.length).toBe(60);
});

test("a change of tags and address is remembered in words", () => {
  const state = after(
    everybody(memberInfo("a", { tags: { role: "web", old: "1" } })),
    everybody(memberInfo("a", { tags: { role: "db", zone: "b" }, address: "10.0.0.9:1" })),
  );
  expect(state.changes.get("a")?.words).toBe(
    "10.0.0.1:7946 → 10.0.0.9:1, role: web → db, old=1 removed, zone=b added",
  );
});
