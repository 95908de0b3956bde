import { expect, test } from "vitest";
import type { UserEvent } from "../../src/serf/events.js";
import {
  ClockCheck,
  checkBounds,
  checkPacket,
  checkSelf,
  DeliveryCheck,
  IncarnationCheck,
  type Watched,
} from "../../src/sim/checkers.js";
import { Violation } from "../../src/sim/violation.js";
import { SwimCounters } from "../../src/swim/counters.js";
import type { SwimMember } from "../../src/swim/member.js";

const here = { ip: Uint8Array.of(10, 0, 0, 1), port: 7946 };
const elsewhere = { ip: Uint8Array.of(10, 0, 0, 2), port: 7946 };

const quiet = {
  members: 2,
  failed: 0,
  left: 0,
  healthScore: 0,
  memberTime: 5,
  eventTime: 5,
  queryTime: 5,
  intentQueue: 0,
  eventQueue: 0,
  queryQueue: 0,
  encrypted: false,
  coordinateResets: 0,
};

/** A process `a` that holds what it is told to. */
class Broken implements Watched {
  readonly name = "a";
  readonly #members = new Map<string, SwimMember>();
  readonly #counters = new SwimCounters();
  stats = { ...quiet };
  queuedClaims = 0;
  state: "alive" | "leaving" = "alive";

  hold(name: string, parts: Partial<SwimMember> = {}): void {
    this.#counters.aliveClaims += 1;
    this.#members.set(name, {
      name,
      address: here,
      meta: new Uint8Array(),
      versions: new Uint8Array(6),
      incarnation: 1,
      state: "alive",
      changedAt: 0,
      ...parts,
    });
  }

  get serf(): Watched["serf"] {
    const { queuedClaims, state, stats } = this;
    return {
      queuedClaims,
      state,
      swimCounters: this.#counters,
      stats: () => stats,
      swimMembers: () => this.#members.values(),
    };
  }
}

test.for([
  { what: "of somebody who is here", before: {}, now: 99_000, falls: false },
  { what: "of somebody who died just now", before: { state: "dead" }, now: 9_000, falls: false },
  { what: "of somebody who died long ago", before: { state: "dead" }, now: 31_000, falls: true },
  { what: "of somebody who moved", before: { address: elsewhere }, now: 1, falls: true },
] as const)("an incarnation may fall or not: $what", ({ before, now, falls }) => {
  const check = new IncarnationCheck(30_000);
  const process = new Broken();
  process.hold("b", { incarnation: 7, ...before });
  check.look(0, process);
  process.hold("b", { incarnation: 6 });
  const look = (): void => check.look(now, process);
  if (falls) expect(look).not.toThrow();
  else expect(look).toThrow("a held b");
});

test.for(["memberTime", "eventTime", "queryTime"] as const)("the clock %s only grows", (clock) => {
  const check = new ClockCheck();
  const process = new Broken();
  check.look(process);
  process.stats = { ...quiet, [clock]: 6 };
  check.look(process);
  process.stats = quiet;
  expect(() => check.look(process)).toThrow(Violation);
});

test("a clock goes on from what the disk remembers", () => {
  const check = new ClockCheck();
  check.recovered({ alive: new Map(), clock: 6, eventClock: 0, queryClock: 0 });
  expect(() => check.look(new Broken())).toThrow("a: 6, 0, 0 became 5, 5, 5");
});

test.for([
  { what: "members", parts: { stats: { ...quiet, members: 4 } } },
  { what: "queued claims", parts: { queuedClaims: 7 } },
  { what: "queued events", parts: { stats: { ...quiet, eventQueue: 11 } } },
  { what: "queued queries", parts: { stats: { ...quiet, queryQueue: 14 } } },
])("more $what than there can be are found", ({ parts, what }) => {
  const bounds = { names: 3, messages: 10 };
  const process = new Broken();
  expect(() => checkBounds(process, bounds)).not.toThrow();
  Object.assign(process, parts);
  expect(() => checkBounds(process, bounds)).toThrow(what);
});

test("a member that gives itself up is found, unless it leaves", () => {
  const process = new Broken();
  process.hold("a", { state: "dead" });
  expect(() => checkSelf(process)).toThrow("a holds itself for dead");
  process.state = "leaving";
  expect(() => checkSelf(process)).not.toThrow();
});

test.for([
  { bytes: 0, fine: false },
  { bytes: 1_405, fine: true },
  { bytes: 1_406, fine: false },
])("a packet of $bytes bytes is fine: $fine", ({ bytes, fine }) => {
  const send = (): void => checkPacket("a", new Uint8Array(bytes));
  if (fine) expect(send).not.toThrow();
  else expect(send).toThrow(Violation);
});

const user = (name: string, ltime: number): UserEvent => ({
  kind: "user",
  name,
  ltime,
  payload: new Uint8Array(),
  coalesce: false,
});

test("an event that is told twice is found, also after a restart that remembers it", () => {
  const check = new DeliveryCheck("a", undefined);
  check.told(user("x", 3));
  check.told(user("y", 3));
  expect(() => check.told(user("x", 4))).toThrow("a was told x twice");
  const recovered = { alive: new Map(), clock: 0, eventClock: 3, queryClock: 0 };
  const restarted = new DeliveryCheck("a", recovered);
  restarted.told(user("z", 4));
  expect(() => restarted.told(user("x", 3))).toThrow("a was told x at 3, recorded were 3");
});
