import { expect, test } from "vitest";
import type { Member, MemberEventKind, UserEvent } from "../../src/serf/events.js";
import type { Holdings } from "../../src/serf/holdings.js";
import {
  ClockCheck,
  checkBounds,
  checkPacket,
  checkSelf,
  DeliveryCheck,
  IncarnationCheck,
  type Watched,
} from "../../src/sim/checkers.js";
import { MemberSequence } from "../../src/sim/member-sequence.js";
import { Violation } from "../../src/sim/violation.js";
import { SwimCounters } from "../../src/swim/counters.js";
import type { SwimMember } from "../../src/swim/member.js";
import { encodeText } from "../../src/wire/text.js";

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

const idle: Holdings = {
  pendingAcks: 1,
  openStreams: 1,
  questions: 0,
  inquiries: 0,
  timers: 12,
  coordinates: 2,
  intents: 0,
  eventBytes: 0,
  queriesRemembered: 0,
  queriesRunning: 0,
  queriesOpen: 0,
  namesTold: 2,
};

/** A process `a` that holds what it is told to. */
class Broken implements Watched {
  readonly name = "a";
  readonly #members = new Map<string, SwimMember>();
  readonly #counters = new SwimCounters();
  stats = { ...quiet };
  queuedClaims = 0;
  state: "alive" | "leaving" = "alive";
  holdings = { ...idle };

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
    const { holdings, queuedClaims, state, stats } = this;
    return {
      holdings: () => holdings,
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
  ...Object.keys(idle).map((what) => ({
    what,
    parts: { holdings: { ...idle, [what]: 10_000 } },
  })),
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

const user = (name: string, ltime: number, text = ""): UserEvent => ({
  kind: "user",
  name,
  ltime,
  payload: encodeText(text),
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

test("two events of one name are told apart by what they say, and the later one does for both", () => {
  const check = new DeliveryCheck("a", undefined);
  check.told(user("x", 3, "one"));
  expect(() => check.told(user("x", 4, "two"))).not.toThrow();
  expect(check.wasTold("x one")).toBe(true);
  expect(check.wasTold("x three")).toBe(false);
  expect(check.wasToldSince("x", 4)).toBe(true);
  expect(check.wasToldSince("x", 5)).toBe(false);
});

const range = { min: 1, max: 5, current: 2 };
const member = (address = here): Member => ({
  name: "b",
  address,
  tags: new Map(),
  status: "alive",
  protocol: range,
  delegate: range,
});

test.for<{ kinds: MemberEventKind[]; last: MemberEventKind; fine: boolean; moved?: boolean }>([
  { kinds: [], last: "member-join", fine: true },
  { kinds: [], last: "member-update", fine: false },
  { kinds: [], last: "member-leave", fine: false },
  { kinds: [], last: "member-failed", fine: false },
  { kinds: [], last: "member-reap", fine: false },
  { kinds: ["member-join"], last: "member-join", fine: false },
  { kinds: ["member-join"], last: "member-join", moved: true, fine: true },
  { kinds: ["member-join"], last: "member-update", fine: true },
  { kinds: ["member-join", "member-failed"], last: "member-failed", fine: false },
  { kinds: ["member-join", "member-failed"], last: "member-leave", fine: true },
  { kinds: ["member-join", "member-failed"], last: "member-update", fine: false },
  { kinds: ["member-join", "member-leave"], last: "member-failed", fine: false },
  { kinds: ["member-join", "member-leave"], last: "member-join", fine: true },
  { kinds: ["member-join", "member-leave"], last: "member-reap", fine: true },
  { kinds: ["member-join", "member-failed", "member-reap"], last: "member-failed", fine: false },
])("after $kinds a $last makes sense: $fine", ({ kinds, last, fine, moved }) => {
  const sequence = new MemberSequence("a");
  for (const kind of kinds) sequence.told({ kind, members: [member()] });
  const told = (): void =>
    sequence.told({ kind: last, members: [member(moved ? elsewhere : here)] });
  if (fine) expect(told).not.toThrow();
  else expect(told).toThrow(`a was told ${last} of b`);
});
