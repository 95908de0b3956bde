import { describe, expect, test } from "vitest";
import { Asking } from "../../src/swim/asking.js";
import { Claims } from "../../src/swim/claims.js";
import { LocalMember } from "../../src/swim/local-member.js";
import { Members } from "../../src/swim/members.js";
import { createParts, type Parts } from "../../src/swim/parts.js";
import { Sender } from "../../src/swim/sender.js";
import { Streams } from "../../src/swim/streams.js";
import {
  type Dead,
  decodePacket,
  type PacketMessage,
  type Suspect,
} from "../../src/wire/swim-messages.js";
import {
  aliveClaim,
  noBytes,
  SwimBench,
  swimConfig,
  TestDelegate,
  TestHost,
  text,
} from "../support/swim-host.js";

const from = "10.0.0.2:7946";

const suspect = (node: string, by: string, incarnation = 1): Suspect => ({
  kind: "suspect",
  node,
  incarnation,
  from: by,
});

const dead = (node: string, by: string, incarnation = 1): Dead => ({
  kind: "dead",
  node,
  incarnation,
  from: by,
});

/** A machine that has just heard of m2, m3, ... */
function knowing(others: number): SwimBench {
  const bench = SwimBench.started();
  for (let number = 2; number < 2 + others; number += 1)
    bench.receive(from, aliveClaim(`m${number}`));
  bench.delegate.events.length = 0;
  return bench;
}

/** All claims that wait to be gossiped, asked for with a ping that leaves room for them. */
function waiting(bench: SwimBench): PacketMessage[] {
  bench.takePackets();
  const anonymous = { sourceIp: new Uint8Array(), sourcePort: 0, sourceNode: "" };
  bench.receive(from, { kind: "ping", seq: 1, node: "", ...anonymous });
  return bench.takePackets()[0]?.messages.slice(1) ?? [];
}

describe("alive", () => {
  test("makes a member join and is passed on", () => {
    const bench = SwimBench.started();
    bench.receive(from, aliveClaim("m2"));
    expect(bench.delegate.events).toEqual(["join m2"]);
    expect(bench.view()).toEqual({ m2: "alive 1", me: "alive 1" });
    expect(waiting(bench)).toContainEqual(aliveClaim("m2"));
    expect(bench.swim.member("m2")).toMatchObject({ meta: text("meta"), changedAt: 0 });
  });

  test("with other meta is an update, with other versions nothing that is told", () => {
    const bench = knowing(1);
    bench.receive(from, aliveClaim("m2", { incarnation: 2, meta: text("new") }));
    const versions = Uint8Array.of(1, 5, 2, 2, 5, 4);
    bench.receive(from, aliveClaim("m2", { incarnation: 3, meta: text("new"), versions }));
    expect(bench.delegate.events).toEqual(["update m2"]);
    expect(bench.swim.member("m2")).toMatchObject({ meta: text("new"), versions, incarnation: 3 });
  });

  test("ends a suspicion without a word to the layer above", () => {
    const bench = knowing(1);
    bench.receive(from, suspect("m2", "m9"), aliveClaim("m2", { incarnation: 2 }));
    bench.run(900);
    expect(bench.view()).toMatchObject({ m2: "alive 2" });
    expect(bench.delegate.events).toEqual([]);
  });

  test("brings back who was dead or left, as a join", () => {
    const bench = knowing(2);
    bench.receive(from, dead("m2", "m3"), dead("m3", "m3"));
    bench.receive(from, aliveClaim("m2", { incarnation: 2 }), aliveClaim("m3", { incarnation: 2 }));
    expect(bench.delegate.events).toEqual(["dead m2", "left m3", "join m2", "join m3"]);
  });

  test("26: that is not newer changes nothing and is not passed on", () => {
    const bench = knowing(1);
    while (bench.swim.queuedClaims > 0) waiting(bench);
    bench.receive(from, aliveClaim("m2", { meta: text("other") }));
    expect(bench.delegate.events).toEqual([]);
    expect(bench.swim.queuedClaims).toBe(0);
    expect(bench.swim.member("m2")).toMatchObject({ meta: text("meta") });
  });

  test.for([
    { gone: 30_000, view: { m2: "left 8", m3: "dead 8" } },
    { gone: 30_001, view: { m2: "alive 1", m3: "alive 1" } },
  ])("that is not newer counts $gone ms after the member went: $view", ({ gone, view }) => {
    const bench = SwimBench.started();
    for (const name of ["m2", "m3"]) {
      bench.receive(from, aliveClaim(name, { incarnation: 8 }), dead(name, "m2", 8));
    }
    bench.run(gone);
    bench.receive(from, aliveClaim("m2"), aliveClaim("m3"));
    expect(bench.view()).toMatchObject(view);
  });

  test("28: from elsewhere moves a left member at once, whatever its incarnation", () => {
    const bench = SwimBench.started();
    bench.receive(from, aliveClaim("m2", { incarnation: 8 }), dead("m2", "m2", 8));
    bench.receive(from, aliveClaim("m2", { ip: Uint8Array.of(10, 0, 0, 9) }));
    expect(bench.view()).toMatchObject({ m2: "alive 1" });
    expect(bench.swim.member("m2")?.address.ip).toEqual(Uint8Array.of(10, 0, 0, 9));
    expect(bench.delegate.events.at(-1)).toBe("join m2");
  });

  test("3.1: without a port means our own bind port, also for those we tell", () => {
    const bench = SwimBench.started({ bindPort: 7_999 });
    bench.receive(from, aliveClaim("m2", { port: 0 }));
    expect(bench.swim.member("m2")?.address.port).toBe(7_999);
    expect(waiting(bench)).toContainEqual(aliveClaim("m2", { port: 7_999 }));
  });

  test("1.11: with versions that nobody can have is ignored and counted", () => {
    const bench = SwimBench.started();
    bench.receive(from, aliveClaim("m2", { versions: Uint8Array.of(5, 1, 2, 2, 5, 5) }));
    expect(bench.view()).toEqual({ me: "alive 1" });
    expect(bench.swim.counters.claimsRefused).toBe(1);
  });
});

describe("about us", () => {
  test.for([
    { claim: suspect("me", "m2"), line: "warn Refuting a suspect message (from: m2)" },
    { claim: dead("me", "m2"), line: "warn Refuting a dead message (from: m2)" },
    { claim: dead("me", "me"), line: "warn Refuting a dead message (from: me)" },
    {
      claim: aliveClaim("me", { ip: Uint8Array.of(10, 0, 0, 1), meta: text("old") }),
      line: "warn Refuting an alive message for 'me' (10.0.0.1:7946)",
    },
  ])("27: a wrong $claim.kind is refuted under a higher incarnation", ({ claim, line }) => {
    const bench = knowing(1);
    bench.receive(from, claim);
    expect(bench.host.lines).toContain(line);
    expect(bench.view()).toMatchObject({ me: "alive 2" });
    expect(bench.swim.health).toBe(1);
    expect(bench.swim.counters.refutations).toBe(1);
    const ip = Uint8Array.of(10, 0, 0, 1);
    expect(waiting(bench)).toContainEqual(aliveClaim("me", { ip, incarnation: 2 }));
    expect(bench.delegate.events).toEqual([]);
  });

  test("27: an accusation from the future is overridden by one more than it", () => {
    const bench = knowing(1);
    bench.receive(from, suspect("me", "m2", 40));
    expect(bench.view()).toMatchObject({ me: "alive 41" });
  });

  test("3.6: a refutation waits under our address and does not replace our first claim", () => {
    const bench = SwimBench.started();
    bench.receive(from, suspect("me", "m2"));
    expect(bench.swim.queuedClaims).toBe(2);
    bench.receive(from, suspect("me", "m2", 2));
    expect(bench.swim.queuedClaims).toBe(2);
  });

  test("26: what is true is not refuted", () => {
    const bench = knowing(1);
    bench.receive(from, aliveClaim("me", { ip: Uint8Array.of(10, 0, 0, 1) }));
    expect(bench.view()).toMatchObject({ me: "alive 1" });
  });

  test("28: another that uses our name is told of and starts no war of incarnations", () => {
    const bench = knowing(1);
    bench.receive(from, aliveClaim("me", { incarnation: 7, ip: Uint8Array.of(10, 0, 0, 9) }));
    expect(bench.view()).toMatchObject({ me: "alive 1" });
    expect(bench.delegate.events).toEqual(["rival 10.0.0.9:7946 alive 7 by gossip"]);
  });
});

function claimsOf(parts: Parts, sender: Sender, self: LocalMember): Claims {
  const streams = new Streams(parts, () => {});
  return new Claims(parts, sender, self, new Asking(parts, sender, streams), undefined);
}

/** Claims alone: nobody is probed, so a suspicion hears of nothing but what the test says. */
class Unprobed {
  readonly host = new TestHost();
  readonly delegate = new TestDelegate();
  readonly parts = createParts(swimConfig(), this.host, this.delegate);
  readonly claims: Claims;
  now = 0;

  constructor(others: number) {
    const sender = new Sender(this.parts);
    const self = new LocalMember(this.parts, sender);
    this.claims = claimsOf(this.parts, sender, self);
    self.introduce(0, text("meta"));
    for (let number = 2; number < 2 + others; number += 1) {
      this.claims.handleAlive(0, aliveClaim(`m${number}`));
    }
    this.delegate.events.length = 0;
    this.takeQueued();
  }

  suspect(...accusers: string[]): void {
    for (const accuser of accusers) this.claims.handleSuspect(this.now, suspect("m2", accuser));
  }

  stateAfter(time: number): string | undefined {
    this.now += time;
    this.host.timers.runDue(this.now);
    return this.parts.members.get("m2")?.state;
  }

  /** All that waits to be gossiped, which then waits no more. */
  takeQueued(): PacketMessage[] {
    const frames: Uint8Array[] = [];
    while (this.parts.queue.length > 0) frames.push(...this.parts.queue.take(2, 1_400));
    return frames.flatMap((frame) => decodePacket(frame).messages);
  }
}

describe("a suspicion", () => {
  test("33: of one of three lan members ends after exactly 4 s", () => {
    const bench = new Unprobed(2);
    bench.suspect("m3");
    expect(bench.stateAfter(3_999)).toBe("suspect");
    bench.takeQueued();
    expect(bench.stateAfter(1)).toBe("dead");
    expect(bench.host.lines).toContain(
      "info Marking m2 as failed, suspect timeout reached (0 peer confirmations)",
    );
    expect(bench.takeQueued()).toContainEqual(dead("m2", "me"));
    expect(bench.delegate.events).toEqual(["dead m2"]);
  });

  test.for([
    { accusers: ["m3"], timeout: 24_000, degraded: 1 },
    { accusers: ["m3", "m4"], timeout: 11_381, degraded: 1 },
    { accusers: ["m3", "m4", "m5"], timeout: 4_000, degraded: 0 },
    { accusers: ["m3", "m4", "m4", "m3"], timeout: 11_381, degraded: 1 },
    { accusers: ["m3", "m4", "m5", "m6", "m7"], timeout: 4_000, degraded: 0 },
  ])("4.5: of one of ten by $accusers ends after $timeout ms", (row) => {
    const bench = new Unprobed(9);
    bench.suspect(...row.accusers);
    expect(bench.stateAfter(row.timeout - 1)).toBe("suspect");
    expect(bench.stateAfter(1)).toBe("dead");
    expect(bench.parts.counters.suspicionsDegraded).toBe(row.degraded);
  });

  test.for([
    { how: "left", since: 60_000, other: 30 },
    { how: "failed", since: 60_000, other: 30 },
    { how: "failed", since: 1_000, other: 30 },
  ])("waits for nobody who $how $since ms ago", ({ how, other, since }) => {
    const bench = new Unprobed(2 + other);
    for (let number = 4; number < 4 + other; number += 1) {
      const name = `m${number}`;
      bench.claims.handleDead(0, dead(name, how === "left" ? name : "m3"));
    }
    bench.now = since;
    bench.suspect("m3");
    expect(bench.stateAfter(3_999)).toBe("suspect");
    expect(bench.stateAfter(1)).toBe("dead");
  });

  test("that is confirmed when its new time is over already ends at once", () => {
    const bench = new Unprobed(9);
    bench.suspect("m3");
    expect(bench.stateAfter(12_000)).toBe("suspect");
    bench.suspect("m4");
    expect(bench.stateAfter(0)).toBe("dead");
  });

  test("is passed on when it begins and with every confirmation that is news", () => {
    const bench = new Unprobed(9);
    const passedOn = ["m3", "m3", "m4", "m4", "m5", "m6"].map((accuser) => {
      bench.suspect(accuser);
      return bench.takeQueued().length > 0;
    });
    expect(passedOn).toEqual([true, false, true, false, true, false]);
  });

  test("that was refuted does not end a later one early", () => {
    const bench = new Unprobed(2);
    bench.suspect("m3");
    bench.stateAfter(900);
    bench.claims.handleAlive(bench.now, aliveClaim("m2", { incarnation: 2 }));
    bench.claims.handleSuspect(bench.now, suspect("m2", "m3", 2));
    expect(bench.stateAfter(3_999)).toBe("suspect");
    expect(bench.stateAfter(1)).toBe("dead");
  });
});

test("a full table takes no further names, and goes on with those it has", () => {
  const host = new TestHost();
  const members = new Members(host.random, 3);
  const parts = { ...createParts(swimConfig(), host, new TestDelegate()), members };
  const sender = new Sender(parts);
  const self = new LocalMember(parts, sender);
  const claims = claimsOf(parts, sender, self);
  self.introduce(0, noBytes);
  for (const name of ["m2", "m3", "m4", "m5"]) claims.handleAlive(0, aliveClaim(name));
  claims.handleAlive(0, aliveClaim("m3", { incarnation: 2 }));
  expect([...members.all()].map(({ name }) => name).sort()).toEqual(["m2", "m3", "me"]);
  expect(members.get("m3")?.incarnation).toBe(2);
  expect(parts.counters.claimsRefused).toBe(2);
});

test("what is old, or about a member nobody knows, is nothing", () => {
  const bench = knowing(1);
  bench.receive(from, aliveClaim("m2", { incarnation: 5 }));
  bench.receive(from, suspect("m9", "m3"), suspect("m2", "m3", 4), dead("m9", "m3"));
  expect(bench.view()).toEqual({ m2: "alive 5", me: "alive 1" });
});

test("25: dead by itself is left, and stays what it was first", () => {
  const bench = knowing(2);
  bench.receive(from, dead("m2", "m2"), dead("m3", "m2"));
  bench.receive(from, dead("m2", "m3", 2), dead("m3", "m3", 2), suspect("m3", "m2", 3));
  expect(bench.view()).toMatchObject({ m2: "left 1", m3: "dead 1" });
  expect(bench.delegate.events).toEqual(["left m2", "dead m3"]);
});
