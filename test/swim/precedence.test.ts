import { describe, expect, test } from "vitest";
import type { SwimMember } from "../../src/swim/member.js";
import {
  departureOf,
  isSound,
  judgeAlive,
  judgeDead,
  judgeSuspect,
  refutingIncarnation,
} from "../../src/swim/precedence.js";
import type { Alive, RemoteState } from "../../src/wire/swim-messages.js";
import { address, aliveClaim, noBytes, stockVersions, text } from "../support/swim-host.js";

const claim = aliveClaim("m5");

/** What we hold of m5: incarnation 5 at 10.0.0.5:7946. */
function held(state: RemoteState): SwimMember {
  const { meta = noBytes, versions } = claim;
  const at = address("10.0.0.5:7946");
  return { name: "m5", address: at, meta, versions, incarnation: 5, state, changedAt: 0 };
}

const others = { local: false, leaving: false, lapsed: false };
const us = { local: true, leaving: false, lapsed: false };

describe("an alive claim about another member (3.3)", () => {
  test.for<{ state: RemoteState; incarnation: number; verdict: string }>([
    { state: "alive", incarnation: 4, verdict: "ignore" },
    { state: "alive", incarnation: 5, verdict: "ignore" },
    { state: "alive", incarnation: 6, verdict: "accept" },
    { state: "suspect", incarnation: 5, verdict: "ignore" },
    { state: "suspect", incarnation: 6, verdict: "accept" },
    { state: "dead", incarnation: 5, verdict: "ignore" },
    { state: "dead", incarnation: 6, verdict: "accept" },
    { state: "left", incarnation: 5, verdict: "ignore" },
    { state: "left", incarnation: 6, verdict: "accept" },
  ])("26: at $incarnation, held as $state at 5: $verdict", ({ state, incarnation, verdict }) => {
    expect(judgeAlive({ ...claim, incarnation }, { ...others, known: held(state) })).toBe(verdict);
  });

  test.for([
    { incarnation: 0, verdict: "ignore" },
    { incarnation: 1, verdict: "introduce" },
  ])("the first one, at $incarnation: $verdict", ({ incarnation, verdict }) => {
    expect(judgeAlive({ ...claim, incarnation }, { ...others, known: undefined })).toBe(verdict);
  });

  const moved: Partial<Alive>[] = [
    { ip: Uint8Array.of(10, 0, 0, 6) },
    { port: 7_947 },
    // 29: the same address in its 16-byte form is another one.
    { ip: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 5) },
  ];
  test.for<{ state: RemoteState; verdict: string }>([
    { state: "alive", verdict: "inquire" },
    { state: "suspect", verdict: "inquire" },
    { state: "dead", verdict: "inquire" },
    { state: "left", verdict: "accept" },
  ])("28: at another address, held as $state: $verdict", ({ state, verdict }) => {
    for (const change of moved) {
      for (const incarnation of [1, 5, 9]) {
        const verdictOf = judgeAlive(
          { ...claim, ...change, incarnation },
          { ...others, known: held(state) },
        );
        expect(verdictOf).toBe(verdict);
      }
    }
  });
});

describe("an alive claim about one that has been gone for long", () => {
  const knowledge = { ...others, lapsed: true };

  test.for<RemoteState>(["dead", "left"])(
    "held as %s is news, as if it were forgotten",
    (state) => {
      for (const change of [{}, { ip: Uint8Array.of(10, 0, 0, 6) }]) {
        const old = { ...claim, ...change, incarnation: 1 };
        expect(judgeAlive(old, { ...knowledge, known: held(state) })).toBe("accept");
        const none = { ...old, incarnation: 0 };
        expect(judgeAlive(none, { ...knowledge, known: held(state) })).toBe("ignore");
      }
    },
  );
});

describe("an alive claim about us (3.3)", () => {
  test.for<{ change: Partial<Alive>; verdict: string; why: string }>([
    { why: "an old one", change: { incarnation: 4, meta: text("x") }, verdict: "ignore" },
    { why: "our own", change: { incarnation: 5 }, verdict: "ignore" },
    { why: "other meta", change: { incarnation: 5, meta: text("x") }, verdict: "refute" },
    { why: "no meta", change: { incarnation: 5, meta: undefined }, verdict: "refute" },
    {
      why: "other versions",
      change: { incarnation: 5, versions: Uint8Array.of(1, 5, 2, 2, 5, 4) },
      verdict: "refute",
    },
    { why: "a newer one", change: { incarnation: 6 }, verdict: "refute" },
    {
      why: "another address",
      change: { incarnation: 6, ip: Uint8Array.of(10, 0, 0, 6) },
      verdict: "rival",
    },
  ])("26: $why: $verdict", ({ change, verdict }) => {
    expect(judgeAlive({ ...claim, ...change }, { ...us, known: held("alive") })).toBe(verdict);
  });

  test("is ignored once we leave", () => {
    const knowledge = { ...us, leaving: true, lapsed: true, known: held("left") };
    expect(judgeAlive({ ...claim, incarnation: 9 }, knowledge)).toBe("ignore");
  });
});

test.for<{ change: Partial<Alive>; sound: boolean; why: string }>([
  { why: "a stock agent's", change: {}, sound: true },
  { why: "one of a 16-byte address", change: { ip: new Uint8Array(16) }, sound: true },
  { why: "one without versions", change: { versions: noBytes }, sound: false },
  {
    why: "one with five versions",
    change: { versions: Uint8Array.of(1, 5, 2, 2, 5) },
    sound: false,
  },
  { why: "PMin 0", change: { versions: Uint8Array.of(0, 5, 2, 2, 5, 5) }, sound: false },
  { why: "PMax 0", change: { versions: Uint8Array.of(1, 0, 2, 2, 5, 5) }, sound: false },
  { why: "PMin above PMax", change: { versions: Uint8Array.of(3, 2, 2, 2, 5, 5) }, sound: false },
  { why: "no address", change: { ip: noBytes }, sound: false },
  { why: "an address of 5 bytes", change: { ip: new Uint8Array(5) }, sound: false },
  { why: "no name", change: { node: "" }, sound: false },
  { why: "a meta of 512 bytes", change: { meta: new Uint8Array(512) }, sound: true },
  { why: "more than a packet carries", change: { meta: new Uint8Array(1_300) }, sound: false },
  { why: "a name that no packet carries", change: { node: "n".repeat(2_000) }, sound: false },
])("1.11: an alive claim with $why is sound: $sound", ({ change, sound }) => {
  expect(isSound({ ...claim, ...change })).toBe(sound);
});

describe("a suspect claim (3.4)", () => {
  test.for<{ state: RemoteState; incarnation: number; verdict: string }>([
    { state: "alive", incarnation: 4, verdict: "ignore" },
    { state: "alive", incarnation: 5, verdict: "accept" },
    { state: "alive", incarnation: 6, verdict: "accept" },
    { state: "suspect", incarnation: 4, verdict: "ignore" },
    { state: "suspect", incarnation: 5, verdict: "confirm" },
    { state: "suspect", incarnation: 6, verdict: "confirm" },
    { state: "dead", incarnation: 6, verdict: "ignore" },
    { state: "left", incarnation: 6, verdict: "ignore" },
  ])("at $incarnation, held as $state at 5: $verdict", ({ state, incarnation, verdict }) => {
    const suspect = { kind: "suspect", node: "m5", incarnation, from: "x" } as const;
    expect(judgeSuspect(suspect, { ...others, known: held(state) })).toBe(verdict);
  });

  test("about nobody we know is ignored, about us refuted unless it is old", () => {
    const suspect = { kind: "suspect", node: "m5", incarnation: 5, from: "x" } as const;
    expect(judgeSuspect(suspect, { ...others, known: undefined })).toBe("ignore");
    expect(judgeSuspect(suspect, { ...us, known: held("alive") })).toBe("refute");
    expect(judgeSuspect({ ...suspect, incarnation: 4 }, { ...us, known: held("alive") })).toBe(
      "ignore",
    );
    expect(judgeSuspect(suspect, { ...us, leaving: true, known: held("left") })).toBe("ignore");
  });
});

describe("a dead claim (3.5)", () => {
  test.for<{ state: RemoteState; incarnation: number; verdict: string }>([
    { state: "alive", incarnation: 4, verdict: "ignore" },
    { state: "alive", incarnation: 5, verdict: "accept" },
    { state: "suspect", incarnation: 5, verdict: "accept" },
    { state: "suspect", incarnation: 6, verdict: "accept" },
    { state: "dead", incarnation: 6, verdict: "ignore" },
    { state: "left", incarnation: 6, verdict: "ignore" },
  ])("at $incarnation, held as $state at 5: $verdict", ({ state, incarnation, verdict }) => {
    const dead = { kind: "dead", node: "m5", incarnation, from: "x" } as const;
    expect(judgeDead(dead, { ...others, known: held(state) })).toBe(verdict);
  });

  test("about us is refuted, whoever says it, until we leave", () => {
    for (const from of ["x", "m5"]) {
      const dead = { kind: "dead", node: "m5", incarnation: 5, from } as const;
      expect(judgeDead(dead, { ...us, known: held("alive") })).toBe("refute");
      expect(judgeDead(dead, { ...us, leaving: true, known: held("alive") })).toBe("accept");
    }
  });

  test("25: means left if the member says it itself, else dead", () => {
    const dead = { kind: "dead", node: "m5", incarnation: 5 } as const;
    expect(departureOf({ ...dead, from: "m5" })).toBe("left");
    expect(departureOf({ ...dead, from: "m6" })).toBe("dead");
  });
});

test.for([
  { own: 1, accused: 1, refuting: 2 },
  { own: 5, accused: 3, refuting: 6 },
  { own: 1, accused: 41, refuting: 42 },
  { own: 7, accused: 4_294_967_295, refuting: 4_294_967_295 },
])("27: at $own, accused at $accused, we refute at $refuting", ({ own, accused, refuting }) => {
  expect(refutingIncarnation(own, accused)).toBe(refuting);
});

test("stock versions are the ones of the default agent", () => {
  expect([...stockVersions]).toEqual([1, 5, 2, 2, 5, 5]);
});
