import { expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import { hours, seconds } from "../../src/base/units.js";
import { serfDefaults } from "../../src/serf/config.js";
import { SerfCounters } from "../../src/serf/counters.js";
import { LamportClock } from "../../src/serf/lamport.js";
import { Membership } from "../../src/serf/membership.js";
import { Reaper } from "../../src/serf/reaper.js";
import { profiles } from "../../src/swim/config.js";
import { peerAddress } from "../support/lone-serf.js";
import { swimMember } from "../support/members.js";
import { RecordedLog } from "../support/recorded-log.js";

/** A reaper in a group with so many members here and failed; every draw gives `chance`. */
function reaping({ here = 1, failed = 0, chance = 0 }) {
  const timers = new TimerQueue();
  const log = new RecordedLog();
  const reconnects: { now: number; name: string }[] = [];
  const config = {
    ...serfDefaults,
    name: "self",
    tags: new Map(),
    advertise: peerAddress(1),
    bindPort: 7946,
    timing: profiles.lan,
    keyring: undefined,
  };
  const host = { timers, log, clock: new LamportClock(), counters: new SerfCounters(), emit() {} };
  const membership = new Membership("self", config, host);
  membership.handleJoin(0, swimMember("self"));
  for (let index = 1; index < here; index += 1) membership.handleJoin(0, swimMember(`h${index}`));
  for (let index = 0; index < failed; index += 1) {
    membership.handleJoin(0, swimMember(`f${index}`));
    membership.handleLeave(0, swimMember(`f${index}`));
  }
  const random = { next: () => chance };
  const reconnect = (now: number, { name }: { name: string }): void => {
    reconnects.push({ now, name });
  };
  const reminded: string[] = [];
  const remind = ({ name }: { name: string }): void => {
    reminded.push(name);
  };
  new Reaper({ config, timers, log, random, membership, reconnect, remind }).start(0);
  const runUntil = (end: number): void => {
    for (let due = timers.deadline(); due !== undefined && due <= end; due = timers.deadline()) {
      timers.runDue(due);
    }
  };
  return { log, membership, reconnects, reminded, runUntil };
}

test.for([
  { here: 10, failed: 0, chance: 0, tried: 0 },
  { here: 10, failed: 2, chance: 0.2, tried: 1 },
  { here: 10, failed: 2, chance: 0.21, tried: 0 },
  { here: 1, failed: 3, chance: 0.99, tried: 1 },
])("with $here here, $failed failed and a draw of $chance, $tried is tried", (row) => {
  const { log, reconnects, runUntil } = reaping(row);
  runUntil(seconds(30));
  expect(reconnects).toHaveLength(row.tried);
  expect(
    log.at("info").filter((line) => line.startsWith("attempting reconnect to f")),
  ).toHaveLength(row.tried);
});

test("failed members are tried every 30 s until they are forgotten after 24 h", () => {
  const { membership, reconnects, runUntil } = reaping({ failed: 1 });
  runUntil(seconds(90));
  expect(reconnects).toEqual([30_000, 60_000, 90_000].map((now) => ({ now, name: "f0" })));
  runUntil(hours(24));
  expect(membership.get("f0")).toBeDefined();
  runUntil(hours(24) + seconds(15));
  expect(membership.get("f0")).toBeUndefined();
});

test("who is about to leave and still here at the next look is told so, until it is not", () => {
  const { membership, reminded, runUntil } = reaping({ here: 4 });
  const leave = (node: string, ltime: number): void => {
    membership.handleLeaveIntent(0, { kind: "leave", ltime, node, prune: false }, false);
  };
  leave("h1", 3);
  leave("h2", 4);
  leave("self", 5);
  runUntil(seconds(15));
  expect(reminded).toEqual([]);
  membership.handleLeave(seconds(16), swimMember("h2"));
  leave("h3", 6);
  runUntil(seconds(30));
  expect(reminded).toEqual(["h1"]);
  membership.handleJoinIntent(seconds(31), { kind: "join", ltime: 7, node: "h1" });
  runUntil(seconds(45));
  expect(reminded).toEqual(["h1", "h3"]);
});
