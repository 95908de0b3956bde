import { expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import { hours, seconds } from "../../src/base/units.js";
import { serfDefaults } from "../../src/serf/config.js";
import { SerfCounters } from "../../src/serf/counters.js";
import type { MemberStatus } from "../../src/serf/events.js";
import { LamportClock } from "../../src/serf/lamport.js";
import { Membership } from "../../src/serf/membership.js";
import { swimMember } from "../support/members.js";
import { RecordedLog } from "../support/recorded-log.js";

class Fixture {
  readonly timers = new TimerQueue();
  readonly log = new RecordedLog();
  readonly clock = new LamportClock();
  readonly counters = new SerfCounters();
  readonly events: string[] = [];
  readonly membership: Membership;

  constructor(capacity?: number) {
    const emit = (_now: number, kind: string, member: { name: string }): void => {
      this.events.push(`${kind} ${member.name}`);
    };
    const { timers, log, clock, counters } = this;
    const host = { timers, log, clock, counters, emit };
    this.membership = new Membership("self", serfDefaults, host, capacity);
    this.membership.handleJoin(0, swimMember("self"));
    this.events.length = 0;
    this.log.lines.length = 0;
  }

  join(now: number, name: string, look = {}): void {
    this.membership.handleJoin(now, swimMember(name, look));
  }

  lose(now: number, name: string): void {
    this.membership.handleLeave(now, swimMember(name));
  }

  leaveIntent(now: number, node: string, ltime: number, { prune = false, staying = true } = {}) {
    const intent = { kind: "leave", ltime, node, prune } as const;
    return this.membership.handleLeaveIntent(now, intent, staying);
  }

  joinIntent(now: number, node: string, ltime: number): boolean {
    return this.membership.handleJoinIntent(now, { kind: "join", ltime, node });
  }

  status(name: string): MemberStatus | undefined {
    return this.membership.get(name)?.status;
  }

  /** Brings `x` into a status, at time 0, with status time 5. */
  bring(status: "alive" | "leaving" | "failed" | "left"): void {
    this.join(0, "x");
    this.joinIntent(0, "x", 5);
    if (status === "failed") this.lose(0, "x");
    if (status === "leaving" || status === "left") this.leaveIntent(0, "x", 5 + 1);
    if (status === "left") this.lose(0, "x");
    this.events.length = 0;
    this.log.lines.length = 0;
  }
}

test.for([
  { before: "alive", after: "leaving", verdict: "spread", events: [] },
  { before: "leaving", after: "leaving", verdict: "spread", events: [] },
  { before: "failed", after: "left", verdict: "spread", events: ["member-leave x"] },
  { before: "left", after: "left", verdict: "spread", events: [] },
] as const)("a leave intent makes $before $after", ({ before, after, verdict, events }) => {
  const fixture = new Fixture();
  fixture.bring(before);
  expect(fixture.leaveIntent(1, "x", 9)).toBe(verdict);
  expect(fixture.status("x")).toBe(after);
  expect(fixture.events).toEqual(events);
  // Taken in once: the same intent is not passed on again.
  expect(fixture.leaveIntent(1, "x", 9)).toBe("ignore");
});

test.for([
  { before: "alive", after: "alive" },
  { before: "leaving", after: "alive" },
  { before: "failed", after: "failed" },
  { before: "left", after: "left" },
] as const)("a join intent makes $before $after, without an event", ({ before, after }) => {
  const fixture = new Fixture();
  fixture.bring(before);
  expect(fixture.joinIntent(1, "x", 9)).toBe(true);
  expect(fixture.status("x")).toBe(after);
  expect(fixture.events).toEqual([]);
  expect(fixture.joinIntent(1, "x", 9)).toBe(false);
});

test.for(["leave", "join"] as const)("a %s intent that is not newer changes nothing", (kind) => {
  const fixture = new Fixture();
  fixture.bring("alive");
  const spread =
    kind === "leave" ? fixture.leaveIntent(1, "x", 5) === "spread" : fixture.joinIntent(1, "x", 5);
  expect(spread).toBe(false);
  expect(fixture.status("x")).toBe("alive");
});

test.for([
  { before: "alive", after: "failed", line: "EventMemberFailed: x 10.0.1.1" },
  { before: "leaving", after: "left", line: "EventMemberLeave: x 10.0.1.1" },
] as const)("SWIM losing a member that is $before makes it $after", ({ before, after, line }) => {
  const fixture = new Fixture();
  fixture.bring(before);
  fixture.lose(1, "x");
  expect(fixture.status("x")).toBe(after);
  expect(fixture.log.at("info")).toEqual([line]);
});

test.for(["failed", "left"] as const)("losing a member that is %s is only warned of", (before) => {
  const fixture = new Fixture();
  fixture.bring(before);
  fixture.lose(1, "x");
  expect(fixture.status("x")).toBe(before);
  expect(fixture.events).toEqual([]);
  expect(fixture.log.at("warn")).toHaveLength(1);
});

test("a failed member that is declared to have left is logged as forced", () => {
  const fixture = new Fixture();
  fixture.bring("failed");
  fixture.leaveIntent(1, "x", 9);
  expect(fixture.log.at("info")).toEqual(["EventMemberLeave (forced): x 10.0.1.1"]);
  expect([...fixture.membership.left.keys()]).toEqual(["x"]);
  expect([...fixture.membership.failed.keys()]).toEqual([]);
});

test.for(["failed", "left"] as const)(
  "a member that was %s comes back with all it says",
  (before) => {
    const fixture = new Fixture();
    fixture.bring(before);
    fixture.join(1, "x", { host: 7, tags: { role: "db" } });
    expect(fixture.membership.get("x")).toMatchObject({
      status: "alive",
      address: { ip: Uint8Array.of(10, 0, 1, 7) },
      tags: new Map([["role", "db"]]),
    });
    expect(fixture.log.at("info")).toEqual(["EventMemberJoin: x 10.0.1.7"]);
    expect(fixture.membership.left.size + fixture.membership.failed.size).toBe(0);
  },
);

test.for([
  { kind: "leave", status: "leaving" },
  { kind: "join", status: "alive" },
] as const)("a $kind intent heard before its member makes it $status", ({ kind, status }) => {
  const fixture = new Fixture();
  if (kind === "leave") expect(fixture.leaveIntent(0, "x", 7)).toBe("spread");
  else expect(fixture.joinIntent(0, "x", 7)).toBe(true);
  fixture.join(1, "x");
  expect(fixture.status("x")).toBe(status);
  expect(fixture.joinIntent(1, "x", 7)).toBe(false);
});

test("an intent of an unknown member is spread once", () => {
  const fixture = new Fixture();
  expect(fixture.leaveIntent(0, "x", 7)).toBe("spread");
  expect(fixture.leaveIntent(0, "x", 7)).toBe("ignore");
  expect(fixture.joinIntent(0, "x", 6)).toBe(false);
});

test("every intent moves the clock", () => {
  const fixture = new Fixture();
  fixture.leaveIntent(0, "x", 7);
  expect(fixture.clock.time).toBe(8);
  fixture.joinIntent(0, "y", 12);
  expect(fixture.clock.time).toBe(13);
});

test("a leave intent about us is refuted while we stay and believed while we leave", () => {
  const fixture = new Fixture();
  expect(fixture.leaveIntent(0, "self", 7)).toBe("refute");
  expect(fixture.status("self")).toBe("alive");
  expect(fixture.leaveIntent(0, "self", 7, { staying: false })).toBe("spread");
  expect(fixture.status("self")).toBe("leaving");
});

test("other tags are taken over and told", () => {
  const fixture = new Fixture();
  fixture.bring("leaving");
  fixture.membership.handleUpdate(1, swimMember("x", { tags: { role: "db" } }));
  expect(fixture.membership.get("x")).toMatchObject({
    status: "leaving",
    tags: new Map([["role", "db"]]),
  });
  expect(fixture.events).toEqual(["member-update x"]);
  expect(fixture.log.at("info")).toEqual(["EventMemberUpdate: x"]);
});

test("what SWIM tells of members that are not remembered is ignored", () => {
  const fixture = new Fixture();
  fixture.lose(0, "x");
  fixture.membership.handleUpdate(0, swimMember("x"));
  expect(fixture.events).toEqual([]);
});

test.for([
  { away: seconds(60) - 1, flaps: 1 },
  { away: seconds(60), flaps: 0 },
])("a member that comes back after $away ms flaps $flaps times", ({ away, flaps }) => {
  const fixture = new Fixture();
  fixture.bring("failed");
  fixture.join(away, "x");
  expect(fixture.counters.flaps).toBe(flaps);
});

test.for([
  { status: "failed", after: hours(24), kept: true },
  { status: "failed", after: hours(24) + 1, kept: false },
  { status: "left", after: hours(24), kept: true },
  { status: "left", after: hours(24) + 1, kept: false },
  { status: "alive", after: hours(24) + 1, kept: true },
  { status: "leaving", after: hours(24) + 1, kept: true },
] as const)("reaping after $after ms keeps a member that is $status: $kept", (row) => {
  const fixture = new Fixture();
  fixture.bring(row.status);
  fixture.membership.reap(row.after);
  expect(fixture.status("x") !== undefined).toBe(row.kept);
  expect(fixture.events).toEqual(row.kept ? [] : ["member-reap x"]);
  expect(fixture.log.at("info")).toEqual(row.kept ? [] : ["EventMemberReap: x"]);
});

test("a forced leave does not prolong the time for which a member is remembered", () => {
  const fixture = new Fixture();
  fixture.bring("failed");
  fixture.leaveIntent(hours(23), "x", 9);
  fixture.membership.reap(hours(24) + 1);
  expect(fixture.status("x")).toBeUndefined();
});

test.for([
  { before: "failed", events: ["member-leave x", "member-reap x"] },
  { before: "left", events: ["member-reap x"] },
] as const)("a member that is $before is pruned at once", ({ before, events }) => {
  const fixture = new Fixture();
  fixture.bring(before);
  fixture.leaveIntent(1, "x", 9, { prune: true });
  expect(fixture.status("x")).toBeUndefined();
  expect(fixture.events).toEqual(events);
  expect(fixture.membership.left.size + fixture.membership.failed.size).toBe(0);
  expect(fixture.log.at("info").at(-1)).toBe("EventMemberReap (forced): x 10.0.1.1");
});

test.for(["alive", "leaving"] as const)("a member that is %s is pruned 6 s later", (before) => {
  const fixture = new Fixture();
  fixture.bring(before);
  fixture.leaveIntent(1, "x", 9, { prune: true });
  fixture.timers.runDue(6_000);
  expect(fixture.status("x")).toBe("leaving");
  fixture.timers.runDue(6_001);
  expect(fixture.status("x")).toBeUndefined();
  expect(fixture.events).toEqual(["member-reap x"]);
});

test("a member that denies its leave is not pruned, and may be later", () => {
  const fixture = new Fixture();
  fixture.bring("alive");
  fixture.leaveIntent(1, "x", 9, { prune: true });
  fixture.joinIntent(2, "x", 10);
  fixture.timers.runDue(6_001);
  expect(fixture.status("x")).toBe("alive");
  fixture.leaveIntent(7_000, "x", 11, { prune: true });
  fixture.timers.runDue(13_000);
  expect(fixture.status("x")).toBeUndefined();
});

test("repeated requests to prune a member wait for one timer", () => {
  const fixture = new Fixture();
  fixture.bring("alive");
  for (let ltime = 9; ltime < 100; ltime += 1) fixture.leaveIntent(1, "x", ltime, { prune: true });
  fixture.timers.runDue(6_001);
  expect(fixture.timers.deadline()).toBeUndefined();
  expect(fixture.events).toEqual(["member-reap x"]);
});

test("a member that came anew in the meantime is not pruned for its predecessor", () => {
  const fixture = new Fixture();
  fixture.bring("alive");
  fixture.leaveIntent(1, "x", 9, { prune: true });
  fixture.lose(2, "x");
  fixture.leaveIntent(3, "x", 10, { prune: false });
  fixture.membership.reap(hours(25));
  fixture.join(hours(25), "x");
  fixture.leaveIntent(hours(25), "x", 11);
  fixture.timers.runDue(hours(26));
  expect(fixture.status("x")).toBe("leaving");
});

test("we are never pruned ourselves", () => {
  const fixture = new Fixture();
  fixture.leaveIntent(0, "self", 9, { prune: true, staying: false });
  fixture.timers.runDue(seconds(60));
  expect(fixture.status("self")).toBe("leaving");
});

test("a full table forgets who has been gone for longest, and never who is here", () => {
  const fixture = new Fixture(3);
  fixture.join(0, "a");
  fixture.join(0, "b");
  fixture.join(0, "c");
  expect(fixture.status("c")).toBeUndefined();
  expect(fixture.counters.membersRefused).toBe(1);
  fixture.lose(1, "b");
  fixture.lose(2, "a");
  fixture.join(3, "c");
  expect(fixture.status("b")).toBeUndefined();
  expect(fixture.status("a")).toBe("failed");
  expect(fixture.status("c")).toBe("alive");
});
