import { expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import { LamportClock } from "../../src/serf/lamport.js";
import { formatRecord, type SnapshotRecord } from "../../src/serf/snapshot.js";
import { SnapshotRecorder } from "../../src/serf/snapshot-recorder.js";
import { profiles } from "../../src/swim/config.js";
import { encodeFilter } from "../../src/wire/serf-messages.js";
import { LoneSerf, peerAddress, remoteState } from "../support/lone-serf.js";
import { memberOf } from "../support/members.js";
import { emptySnapshot } from "../support/serf-cluster.js";

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

/** What was recorded since the last call, as lines. */
function takeLines({ node }: LoneSerf): string[] {
  return node.records.splice(0).map((record) => formatRecord(record)?.trimEnd() ?? "");
}

function recording(): LoneSerf {
  const lone = new LoneSerf({ snapshot: emptySnapshot });
  expect(takeLines(lone)).toEqual(["alive: self 10.0.0.1:7946"]);
  return lone;
}

test("without a snapshot nothing is recorded", () => {
  const lone = new LoneSerf();
  lone.meet("a", 1);
  lone.hear({ kind: "join", ltime: 7, node: "a" });
  lone.serf.userEvent(lone.cluster.now, "deploy", text(""), false);
  lone.run(1_000);
  lone.serf.leave(lone.cluster.now, () => {});
  lone.run(10_000);
  expect(takeLines(lone)).toEqual([]);
});

test("members are recorded when they come and when they go, each at once", () => {
  const lone = recording();
  lone.meet("a b", 1);
  expect(takeLines(lone)).toEqual(["alive: a b 10.0.1.1:7946"]);
  lone.lose("a b");
  expect(takeLines(lone)).toEqual(["not-alive: a b"]);
  lone.meet("a b", 1, { incarnation: 2 });
  lone.hear({ kind: "leave", ltime: 9, node: "a b", prune: false });
  lone.lose("a b", { incarnation: 2, from: "a b" });
  expect(takeLines(lone)).toEqual(["alive: a b 10.0.1.1:7946", "not-alive: a b", "clock: 9"]);
});

test("forgetting a member is nothing to record, nor are its tags", () => {
  const lone = recording();
  lone.meet("a", 1);
  lone.lose("a");
  takeLines(lone);
  lone.serf.forceLeave(lone.cluster.now, "a", true, () => {});
  lone.cluster.settle(lone.node);
  expect(lone.serf.members().map(({ name }) => name)).toEqual(["self"]);
  lone.meet("b", 2);
  lone.meet("b", 2, { incarnation: 2, tags: { role: "web" } });
  lone.run(1_000);
  expect(takeLines(lone)).toEqual(["not-alive: a", "clock: 1", "alive: b 10.0.1.2:7946"]);
});

test("a member that is forgotten before it was gone is not looked for at the next start", () => {
  // Nobody is probed: it answers until the end.
  const timing = { ...profiles.lan, probeInterval: 1_000_000 };
  const lone = new LoneSerf({ snapshot: emptySnapshot, timing });
  lone.meet("a", 1);
  lone.hear({ kind: "leave", ltime: 9, node: "a", prune: true });
  takeLines(lone);
  lone.run(10_000);
  expect(lone.serf.members().map(({ name }) => name)).toEqual(["self"]);
  expect(takeLines(lone)).toContain("not-alive: a");
});

test("where a member has moved to is recorded, once; Serf would go on looking where it was", () => {
  const records: SnapshotRecord[] = [];
  const recorder = new SnapshotRecorder(emptySnapshot, {
    clocks: { member: new LamportClock() },
    timers: new TimerQueue(),
    emit: (record) => records.push(record),
  });
  const alive = (host: number) => ({ kind: "alive", name: "a", address: peerAddress(host) });
  recorder.member("member-update", memberOf("a", { host: 9 }));
  recorder.member("member-join", memberOf("a", { host: 1 }));
  recorder.member("member-update", memberOf("a", { host: 1, tags: { role: "web" } }));
  recorder.member("member-update", memberOf("a", { host: 2 }));
  recorder.member("member-update", memberOf("a", { host: 2 }));
  expect(records).toEqual([alive(1), alive(2)]);
});

test("the clock is recorded one behind, within half a second and never twice", () => {
  const lone = recording();
  lone.hear({ kind: "join", ltime: 41, node: "x" });
  expect(takeLines(lone)).toEqual([]);
  lone.run(500);
  expect(takeLines(lone)).toEqual(["clock: 41"]);
  lone.run(5_000);
  expect(takeLines(lone)).toEqual([]);
});

test("user events are recorded before they are coalesced, later ones only", () => {
  const lone = recording();
  const event = { kind: "user-event", name: "deploy", payload: text("x"), coalesce: true } as const;
  lone.hear({ ...event, ltime: 5 });
  lone.hear({ ...event, ltime: 5 });
  lone.hear({ ...event, ltime: 3 });
  expect(lone.node.events).toEqual([]);
  expect(takeLines(lone)).toEqual(["event-clock: 5"]);
});

test("queries are recorded if they concern us, Serf's own ones as well", () => {
  const lone = recording();
  const query = {
    kind: "query",
    id: 1,
    ...peerAddress(50),
    sourceNode: "asker",
    filters: undefined,
    flags: 0,
    relayFactor: 0,
    timeout: 10_000,
    name: "load",
    payload: undefined,
  } as const;
  lone.hear({ ...query, ltime: 4 });
  lone.hear({ ...query, ltime: 6, name: "_serf_ping" });
  const others = [encodeFilter({ kind: "nodes", nodes: ["other"] })];
  lone.hear({ ...query, ltime: 8, filters: others });
  expect(takeLines(lone)).toEqual(["query-clock: 4", "query-clock: 6"]);
});

test("a leave is recorded first; after it only the clock is", () => {
  const lone = recording();
  lone.meet("a", 1);
  takeLines(lone);
  lone.serf.leave(lone.cluster.now, () => {});
  lone.cluster.settle(lone.node);
  expect(takeLines(lone)).toEqual(["leave"]);
  lone.lose("a");
  lone.meet("b", 2);
  lone.hear({ kind: "user-event", ltime: 9, name: "x", payload: undefined, coalesce: false });
  lone.run(10_000);
  expect(lone.serf.state).toBe("left");
  expect(takeLines(lone)).toEqual(["clock: 1"]);
});

test("what the snapshot has heard is not told again, what came later is", () => {
  const snapshot = { alive: new Map(), clock: 12, eventClock: 7, queryClock: 3 };
  const lone = new LoneSerf({ snapshot });
  expect(lone.serf.stats()).toMatchObject({ memberTime: 13, eventTime: 8, queryTime: 4 });
  const named = (name: string) => [{ name, payload: undefined }];
  const events = [
    { ltime: 6, events: named("old") },
    { ltime: 7, events: named("last") },
    { ltime: 8, events: named("new") },
  ];
  lone.exchange(remoteState({ eventLtime: 9, events }), true);
  expect(lone.node.events).toMatchObject([{ kind: "user", ltime: 8, name: "new" }]);
  lone.run(1_000);
  expect(takeLines(lone)).toEqual(["alive: self 10.0.0.1:7946", "event-clock: 8"]);
});

test("a query that the snapshot has heard is neither answered nor passed on", () => {
  const snapshot = { ...emptySnapshot, queryClock: 3 };
  const lone = new LoneSerf({ snapshot });
  const query = {
    kind: "query",
    id: 1,
    ...peerAddress(50),
    sourceNode: "asker",
    filters: undefined,
    flags: 1,
    relayFactor: 0,
    timeout: 10_000,
    name: "load",
    payload: undefined,
  } as const;
  lone.hear({ ...query, ltime: 3 });
  expect(lone.node.events).toEqual([]);
  expect(lone.serf.stats().queryQueue).toBe(0);
  lone.hear({ ...query, ltime: 4 });
  expect(lone.node.events).toMatchObject([{ kind: "query", ltime: 4 }]);
});
