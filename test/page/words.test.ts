import { expect, test } from "vitest";
import type { Deed } from "../../src/observe/deed.js";
import { plain, wordsOf } from "../../src/page/words.js";

const lost = {
  kind: "probe",
  node: "web",
  outcome: "lost",
  took: 1_000,
  helpers: ["a", "b"],
  nacks: 2,
  tcp: "silent",
  unheard: false,
} as const;

const gone = {
  kind: "gone",
  node: "web",
  state: "failed",
  by: "edge",
  why: "timeout",
  incarnation: 1,
  confirmations: 2,
} as const;

const handler = {
  kind: "handler",
  run: 1,
  script: "notify.sh",
  event: "member-failed",
  nodes: ["web"],
  count: 1,
  took: 84,
} as const;

const applied = {
  kind: "applied",
  balancer: "edge",
  way: "reload",
  took: 212,
  cause: "members changed",
  nodes: ["a", "b", "c", "d"],
  count: 40,
} as const;

const told: readonly (readonly [Deed, string])[] = [
  [
    { kind: "contested", node: "web", held: "10.0.0.1:7946", claimed: "10.0.0.2:7946" },
    "Two agents have the name web: 10.0.0.1:7946 and 10.0.0.2:7946 both answer by it; each needs a name of its own",
  ],
  [
    lost,
    "No answer from web: direct ping lost; asked a and b, 2 got no answer either; TCP connects and stays silent, as with a stopped process",
  ],
  [
    { ...lost, helpers: [], nacks: 0, tcp: "untried", unheard: true },
    "No answer from web: we heard nobody at all meanwhile",
  ],
  [
    { ...lost, outcome: "tcp" },
    "web answered only over TCP: UDP is blocked or lost on the way to it",
  ],
  [
    { ...lost, outcome: "helped" },
    "web answered only through others: the direct ping was lost; asked a and b",
  ],
  [{ ...lost, outcome: "late", took: 620 }, "Late answer from web: after 620 ms"],
  [
    { kind: "suspected", node: "web", by: "edge", incarnation: 1, unheard: false },
    "edge suspects web: our own verdict: it must refute in time, or it counts as failed",
  ],
  [
    { kind: "suspected", node: "web", by: "db", incarnation: 1, unheard: false },
    "db suspects web: told by gossip",
  ],
  [
    { kind: "confirmed", node: "web", by: "db", confirmations: 1 },
    "db suspects web too: 1 confirmation",
  ],
  [
    { kind: "cleared", node: "web", why: "refuted", incarnation: 2, after: 1_400 },
    "web is no longer suspected: it refuted after 1.4 s",
  ],
  [
    { kind: "accused", node: "edge", by: "db", of: "dead", incarnation: 3 },
    "db called us dead: we are here, and refuted that",
  ],
  [gone, "web failed: nobody refuted the suspicion in time, with 2 confirmations"],
  [{ ...gone, why: "refused" }, "web failed: its host refuses connections: the process is gone"],
  [{ ...gone, why: "told", by: "db" }, "web failed: told by db"],
  [{ ...gone, state: "left" }, "web left: on purpose"],
  [
    { kind: "appeared", node: "web", address: "10.0.0.2:7946", incarnation: 1 },
    "web joined: 10.0.0.2:7946",
  ],
  [
    {
      kind: "appeared",
      node: "web",
      address: "10.0.0.3:7946",
      before: "failed",
      from: "10.0.0.2:7946",
      incarnation: 4,
    },
    "web is back: had failed; at 10.0.0.3:7946, before at 10.0.0.2:7946",
  ],
  [
    { kind: "told", event: "member-update", nodes: ["web"], count: 1 },
    "web changed: its tags or address",
  ],
  [
    { kind: "told", event: "member-join", nodes: ["a", "b", "c"], count: 3 },
    "Told handlers: a, b and c joined: member-join",
  ],
  [handler, "Handler notify.sh ran: for member-failed of web, took 84 ms"],
  [
    { ...handler, failure: "exit status 2" },
    "Handler notify.sh failed: exit status 2; for member-failed of web, took 84 ms",
  ],
  [applied, "Balancer edge reloaded: members changed (a, b and 38 more), took 212 ms"],
  [
    { ...applied, failure: "unknown keyword 'sever'", nodes: [], count: 0 },
    "Balancer edge: not applied: unknown keyword 'sever'; members changed",
  ],
  [
    { kind: "stalled", node: "edge", how: "paused", took: 2_300 },
    "This agent stood still for 2.3 s: it got no processor: the process or its machine was stopped",
  ],
  [{ kind: "health", node: "edge", score: 0 }, "This agent is in good health again"],
  [
    { kind: "health", node: "edge", score: 3 },
    "This agent's health score is 3: it is late itself, and so gives others more time",
  ],
];

test.for(told)("%# %o is told in words", ([deed, words]) => {
  const { what, cause } = wordsOf(deed, "edge");
  expect([plain(what), plain(cause)].filter(Boolean).join(": ")).toBe(words);
});

test("a deed of a newer agent is told by its kind", () => {
  expect(plain(wordsOf({ kind: "teleported" } as never, "edge").what)).toBe("teleported");
});
