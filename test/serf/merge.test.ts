import { expect, test } from "vitest";
import type { UserEvent } from "../../src/serf/events.js";
import { LoneSerf, peerAddress, remoteState } from "../support/lone-serf.js";
import { emptySnapshot } from "../support/serf-cluster.js";

test("what we know goes into the answer", () => {
  const lone = new LoneSerf();
  lone.meet("here", 2);
  lone.meet("gone", 3);
  lone.hear({ kind: "join", ltime: 4, node: "here" });
  lone.hear({ kind: "leave", ltime: 6, node: "gone", prune: false });
  lone.lose("gone");
  const { ltime, queryLtime, leftMembers, statusLtimes } = lone.exchange(remoteState());
  expect({ ltime, queryLtime, leftMembers }).toEqual({
    ltime: 7,
    queryLtime: 1,
    leftMembers: ["gone"],
  });
  expect(Object.fromEntries(statusLtimes)).toEqual({ self: 0, here: 4, gone: 6 });
});

test("the clocks of the other side are witnessed at one less than they show", () => {
  const lone = new LoneSerf();
  lone.exchange(remoteState({ ltime: 10, eventLtime: 20, queryLtime: 30 }));
  expect(lone.serf.stats()).toMatchObject({ memberTime: 10, eventTime: 20, queryTime: 30 });
});

test("clocks at 0 are not witnessed", () => {
  const lone = new LoneSerf();
  lone.exchange(remoteState({ ltime: 0, eventLtime: 0, queryLtime: 0 }));
  expect(lone.serf.stats()).toMatchObject({ memberTime: 1, eventTime: 1, queryTime: 1 });
});

test("who left over there has left here, if SWIM doubts that it is alive, once it finds it gone", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  lone.meet("b", 3);
  const statusLtimes = new Map([
    ["a", 4],
    ["b", 4],
  ]);
  lone.receive({ kind: "suspect", node: "a", incarnation: 1, from: "somebody" });
  lone.exchange(remoteState({ ltime: 5, statusLtimes, leftMembers: ["a"] }));
  expect(lone.node.view).toEqual({ self: "alive", a: "alive", b: "alive" });
  lone.lose("a");
  lone.lose("b");
  expect(lone.node.view).toEqual({ self: "alive", a: "left", b: "failed" });
});

test("who left over there and is suspected here has come back if it refutes", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  lone.receive({ kind: "suspect", node: "a", incarnation: 1, from: "somebody" });
  const statusLtimes = new Map([["a", 4]]);
  lone.exchange(remoteState({ ltime: 5, statusLtimes, leftMembers: ["a"] }));
  lone.meet("a", 2, { incarnation: 2 });
  expect(lone.node.view).toEqual({ self: "alive", a: "alive" });
  lone.lose("a", { incarnation: 2 });
  expect(lone.node.view).toEqual({ self: "alive", a: "failed" });
});

test("who left over there and is alive here came back, unless it is about to leave", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  lone.meet("b", 3);
  lone.hear({ kind: "leave", ltime: 3, node: "b", prune: false });
  const statusLtimes = new Map([
    ["a", 4],
    ["b", 4],
  ]);
  lone.exchange(remoteState({ ltime: 5, statusLtimes, leftMembers: ["a", "b"] }));
  expect(lone.node.view).toEqual({ self: "alive", a: "alive", b: "leaving" });
  lone.lose("b");
  expect(lone.node.view).toEqual({ self: "alive", a: "alive", b: "left" });
});

test("who left over there and is met here only after its return is not about to leave", () => {
  const lone = new LoneSerf();
  lone.exchange(remoteState({ ltime: 6, statusLtimes: new Map([["a", 5]]), leftMembers: ["a"] }));
  lone.meet("a", 2);
  expect(lone.node.view).toEqual({ self: "alive", a: "leaving" });
  // Told by somebody who has met it again, and knows no later time of it than that of its leave.
  lone.exchange(remoteState({ ltime: 6, statusLtimes: new Map([["a", 5]]) }));
  expect(lone.node.view).toEqual({ self: "alive", a: "alive" });
});

test("who was said to join over there at the time of its leave has left all the same", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  const statusLtimes = new Map([["a", 4]]);
  lone.exchange(remoteState({ statusLtimes }));
  lone.lose("a");
  lone.exchange(remoteState({ statusLtimes, leftMembers: ["a"] }));
  expect(lone.node.view).toMatchObject({ a: "left" });
});

test("who failed here and left over there has left", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  lone.lose("a");
  lone.exchange(remoteState({ statusLtimes: new Map([["a", 4]]), leftMembers: ["a"] }));
  expect(lone.node.view).toMatchObject({ a: "left" });
});

test("a status of the other side takes a leave back if it is later", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  lone.hear({ kind: "leave", ltime: 6, node: "a", prune: false });
  lone.exchange(remoteState({ statusLtimes: new Map([["a", 6]]) }));
  expect(lone.node.view).toMatchObject({ a: "leaving" });
  lone.exchange(remoteState({ statusLtimes: new Map([["a", 7]]) }));
  expect(lone.node.view).toMatchObject({ a: "alive" });
});

test("somebody who holds us for gone is contradicted", () => {
  const lone = new LoneSerf();
  lone.exchange(remoteState({ statusLtimes: new Map([["self", 8]]), leftMembers: ["self"] }));
  expect(lone.node.view).toEqual({ self: "alive" });
  expect(lone.node.log.at("debug")).toContain("Refuting an older leave intent");
  expect(lone.serf.stats()).toMatchObject({ intentQueue: 1, memberTime: 10 });
});

test("a leave of ours is contradicted that is as late as what others told us of ourselves", () => {
  const lone = new LoneSerf();
  lone.exchange(remoteState({ ltime: 6, statusLtimes: new Map([["self", 5]]) }));
  lone.hear({ kind: "leave", ltime: 4, node: "self", prune: false });
  expect(lone.serf.stats()).toMatchObject({ intentQueue: 0 });
  lone.hear({ kind: "leave", ltime: 5, node: "self", prune: false });
  lone.hear({ kind: "leave", ltime: 5, node: "self", prune: false });
  expect(lone.serf.stats()).toMatchObject({ intentQueue: 1, memberTime: 7 });
});

test.for([
  { what: "later than we said anything", snapshot: undefined, contradicted: 1 },
  { what: "in a life that the snapshot knows of", snapshot: 5, contradicted: 0 },
  { what: "later than the snapshot knows of", snapshot: 4, contradicted: 1 },
])("what others heard of us $what is contradicted, or not", ({ snapshot, contradicted }) => {
  const clock = { clock: snapshot ?? 0 };
  const lone = new LoneSerf(
    snapshot === undefined ? {} : { snapshot: { ...emptySnapshot, ...clock } },
  );
  for (let time = 0; time < 2; time += 1) {
    lone.exchange(remoteState({ ltime: 6, statusLtimes: new Map([["self", 5]]) }));
    lone.run(2_000);
  }
  expect(lone.serf.stats()).toMatchObject({ intentQueue: contradicted });
});

test("who was pruned and is here all the same is met again", () => {
  const lone = new LoneSerf();
  lone.meet("a", 2);
  lone.hear({ kind: "leave", ltime: 4, node: "a", prune: true });
  lone.run(7_000);
  expect(lone.node.view).toEqual({ self: "alive" });
  lone.meet("a", 2, { incarnation: 2 });
  lone.exchange(remoteState({ statusLtimes: new Map([["a", 5]]) }));
  expect(lone.node.view).toEqual({ self: "alive", a: "alive" });
  lone.lose("a", { incarnation: 2 });
  expect(lone.node.view).toEqual({ self: "alive", a: "failed" });
});

test("nothing that a push/pull brings is gossiped", () => {
  const lone = new LoneSerf();
  const events = [{ ltime: 3, events: [{ name: "deploy", payload: undefined }] }];
  lone.exchange(remoteState({ eventLtime: 4, statusLtimes: new Map([["x", 9]]), events }));
  expect(lone.serf.stats()).toMatchObject({ intentQueue: 0, eventQueue: 0, eventTime: 4 });
  const told = lone.node.events.filter((event): event is UserEvent => event.kind === "user");
  expect(told).toMatchObject([{ name: "deploy", ltime: 3, coalesce: false }]);
});

test("an exchange that others begin brings the past, however we joined", () => {
  const lone = new LoneSerf();
  const events = [undefined, { ltime: 3, events: [{ name: "old", payload: undefined }] }];
  lone.exchange(remoteState({ eventLtime: 9, events }), true);
  expect(lone.node.events).toMatchObject([{ kind: "user", name: "old" }]);
});

test.for([{ what: "another message", message: { kind: "join", ltime: 1, node: "x" } as const }])(
  "a state that is $what is refused",
  ({ message }) => {
    const lone = new LoneSerf();
    lone.exchange(message);
    expect(lone.node.log.at("error")).toEqual(["remote state is another message"]);
    expect(lone.serf.stats().memberTime).toBe(1);
  },
);

test("an exchange that others begin brings the past even while a join of ours ignores it", () => {
  const lone = new LoneSerf();
  const events = [{ ltime: 3, events: [{ name: "old", payload: undefined }] }];
  lone.serf.join(0, [{ address: peerAddress(7), name: "" }], false, () => {});
  lone.exchange(remoteState({ eventLtime: 9, events }), true);
  expect(lone.node.events).toMatchObject([{ kind: "user", name: "old" }]);
});

test("a Lamport time at the end of all time does not break the arithmetic", () => {
  const lone = new LoneSerf();
  const last = Number.MAX_SAFE_INTEGER;
  const statusLtimes = new Map([
    ["a", last],
    ["self", last],
  ]);
  lone.meet("a", 2);
  lone.lose("a");
  lone.exchange(remoteState({ ltime: last, statusLtimes, leftMembers: ["a", "self"] }));
  lone.exchange(remoteState());
  expect(lone.serf.stats().memberTime).toBe(last);
  expect(lone.node.view).toEqual({ self: "alive", a: "left" });
});
