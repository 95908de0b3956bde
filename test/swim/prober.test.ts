import { describe, expect, test } from "vitest";
import { sameBytes } from "../../src/base/address.js";
import { profiles } from "../../src/swim/config.js";
import type { Ack, IndirectPing, Ping } from "../../src/wire/swim-messages.js";
import { aliveClaim, type SentPacket, SwimBench } from "../support/swim-host.js";

/** A machine that knows m2, m3, ... and has just sent its first ping. */
function probing(others: number): { bench: SwimBench; ping: Ping; packet: SentPacket } {
  const bench = SwimBench.started();
  for (let number = 2; number < 2 + others; number += 1) {
    bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
  const packet = bench.runUntilSent("ping");
  bench.delegate.events.length = 0;
  return { bench, packet, ping: packet.messages[0] as Ping };
}

const ack = (seq: number, payload?: Uint8Array): Ack => ({ kind: "ack", seq, payload });

function indirectPings(packets: readonly SentPacket[]): IndirectPing[] {
  return packets.flatMap(({ messages }) => messages.filter((m) => m.kind === "indirect-ping"));
}

describe("a ping", () => {
  test("names its target and says where we are", () => {
    const { ping, packet } = probing(1);
    expect(packet.to).toBe("10.0.0.2:7946");
    expect(ping).toMatchObject({ seq: 1, node: "m2", sourcePort: 7_946, sourceNode: "me" });
    expect(sameBytes(ping.sourceIp, Uint8Array.of(10, 0, 0, 1))).toBe(true);
  });

  test("13: carries no checksum, and what is to be gossiped after itself", () => {
    const bench = SwimBench.started({ timing: { ...profiles.lan, gossipInterval: 1e9 } });
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    const packet = bench.runUntilSent("ping");
    expect(packet.checksum).toBe(false);
    expect(packet.messages.map(({ kind }) => kind)).toEqual(["ping", "alive", "alive"]);
  });

  test("that is acked in time gives a round trip and asks nobody else", () => {
    const { bench } = probing(5);
    bench.run(30);
    bench.receive("10.0.0.2:7946", ack(1, new TextEncoder().encode("coordinate")));
    expect(bench.delegate.events).toEqual([expect.stringMatching(/^rtt m\d 30 coordinate$/)]);
    bench.run(700);
    expect(indirectPings(bench.takePackets())).toEqual([]);
  });

  test("is answered by the first ack only, and by none that we did not ask for", () => {
    const { bench } = probing(1);
    bench.receive("10.0.0.2:7946", ack(7), ack(1), ack(1));
    expect(bench.delegate.events).toEqual(["rtt m2 0 nothing"]);
  });
});

describe("a ping without an ack", () => {
  test("31: is repeated through three others, with its own number, after ProbeTimeout", () => {
    const { bench, ping } = probing(6);
    bench.run(499);
    expect(indirectPings(bench.takePackets())).toEqual([]);
    bench.run(1);
    const packets = bench.takePackets();
    const asked = indirectPings(packets);
    expect(asked).toHaveLength(3);
    const target = bench.swim.member(ping.node);
    for (const request of asked) {
      expect(request).toMatchObject({ seq: ping.seq, node: ping.node, nack: true });
      expect(request).toMatchObject({ targetIp: target?.address.ip, targetPort: 7_946 });
      expect(request).toMatchObject({ sourcePort: 7_946, sourceNode: "me" });
    }
    const helpers = packets.filter((packet) => indirectPings([packet]).length > 0);
    expect(new Set(helpers.map(({ to }) => to)).size).toBe(3);
    expect(helpers.every(({ checksum }) => !checksum)).toBe(true);
    const number = ping.node.slice(1);
    expect(helpers.map(({ to }) => to)).not.toContain(`10.0.0.${number}:7946`);
    expect(helpers.map(({ to }) => to)).not.toContain("10.0.0.1:7946");
  });

  test("is repeated over TCP at the same time", () => {
    const { bench, ping } = probing(1);
    bench.run(500);
    const dial = bench.takeDial();
    expect(dial).toMatchObject({ to: "10.0.0.2:7946", message: { kind: "ping", seq: ping.seq } });
  });

  test("makes the target a suspect when the interval is over", () => {
    const { bench } = probing(1);
    bench.run(999);
    expect(bench.view()).toMatchObject({ m2: "alive 1" });
    bench.run(1);
    expect(bench.view()).toMatchObject({ m2: "suspect 1" });
    expect(bench.host.lines).toContain("debug Failed UDP ping: m2 (timeout reached)");
    expect(bench.host.lines).toContain("info Suspect m2 has failed, no acks received");
    expect(bench.swim.counters.probesFailed).toBe(1);
    const claims = bench.runUntilSent("ping").messages;
    expect(claims).toContainEqual({ kind: "suspect", node: "m2", incarnation: 1, from: "me" });
  });

  test("but with one through a helper is a success without a round trip", () => {
    const { bench } = probing(6);
    bench.run(600);
    bench.receive("10.0.0.9:7946", ack(1));
    bench.run(300);
    expect(bench.delegate.events).toEqual([]);
    expect(bench.swim.counters.probesFailed).toBe(0);
    expect(Object.values(bench.view())).not.toContain("suspect 1");
  });

  test("but one over TCP is a success and a warning", () => {
    const { bench, ping } = probing(1);
    bench.run(500);
    const dial = bench.takeDial();
    bench.answer(dial?.stream ?? 0, ack(ping.seq));
    bench.run(500);
    expect(bench.view()).toMatchObject({ m2: "alive 1" });
    expect(bench.host.lines).toContain(
      "warn Was able to connect to m2 but other probes failed, network may be misconfigured",
    );
  });

  test("and one over TCP for another number is a failure", () => {
    const { bench, ping } = probing(1);
    bench.run(500);
    bench.answer(bench.takeDial()?.stream ?? 0, ack(ping.seq + 1));
    bench.run(500);
    expect(bench.view()).toMatchObject({ m2: "suspect 1" });
  });

  test("does not touch a target that made a new claim meanwhile", () => {
    const { bench } = probing(1);
    bench.run(700);
    bench.receive("10.0.0.2:7946", aliveClaim("m2", { incarnation: 2 }));
    bench.run(300);
    expect(bench.view()).toMatchObject({ m2: "alive 2" });
  });

  test("asks only those for a nack, and only that target over TCP, that know what it is", () => {
    const bench = SwimBench.started();
    const versions = Uint8Array.of(1, 2, 2, 2, 5, 5);
    for (const name of ["m2", "m3"]) {
      bench.receive("10.0.0.2:7946", aliveClaim(name, { versions }));
    }
    bench.runUntilSent("ping");
    bench.run(500);
    const outputs = bench.host.outputs.map(({ kind }) => kind);
    expect(outputs).not.toContain("dial");
    expect(indirectPings(bench.takePackets())).toMatchObject([{ nack: false }]);
  });
});

describe("our health", () => {
  test.for([
    { others: 1, nacks: 0, health: 1, why: "nobody could be asked" },
    { others: 6, nacks: 0, health: 3, why: "not even the helpers answered" },
    { others: 6, nacks: 2, health: 1, why: "one of three helpers did not answer" },
    { others: 6, nacks: 3, health: 0, why: "all helpers answered that they could not either" },
  ])("is $health after a failure when $why", ({ others, nacks, health }) => {
    const { bench, ping } = probing(others);
    bench.run(900);
    for (let count = 0; count < nacks; count += 1) {
      bench.receive("10.0.0.9:7946", { kind: "nack", seq: ping.seq });
    }
    bench.run(100);
    expect(bench.swim.counters.probesFailed).toBe(1);
    expect(bench.swim.health).toBe(health);
  });

  test("32: stretches ProbeInterval and not ProbeTimeout, and recovers by one with an ack", () => {
    const { bench } = probing(6);
    bench.run(1_000);
    expect(bench.swim.health).toBe(3);
    const { seq, node } = bench.runUntilSent("ping").messages[0] as Ping;
    bench.run(500);
    expect(indirectPings(bench.takePackets())).toHaveLength(3);
    bench.run(3_499);
    expect(bench.view()[node]).toBe("alive 1");
    expect(bench.swim.counters.probesDegraded).toBe(1);
    bench.receive("10.0.0.9:7946", ack(seq));
    expect(bench.swim.health).toBe(2);
  });

  test("a slow probe makes turns fall out; the next one follows at once", () => {
    const { bench } = probing(6);
    bench.run(1_000);
    expect(bench.swim.counters.probes).toBe(2);
    bench.run(3_999);
    expect(bench.swim.counters.probes).toBe(2);
    bench.run(1);
    expect(bench.swim.counters.probes).toBe(3);
  });
});

test("30: a suspect is sent its ping and the suspicion, checksummed, and nothing else", () => {
  const bench = SwimBench.started();
  bench.receive("10.0.0.3:7946", aliveClaim("m2"), {
    kind: "suspect",
    node: "m2",
    incarnation: 1,
    from: "m3",
  });
  expect(bench.swim.queuedClaims).toBe(2);
  const packet = bench.runUntilSent("ping");
  expect(packet.checksum).toBe(true);
  expect(packet.messages).toEqual([
    expect.objectContaining({ kind: "ping", node: "m2" }),
    { kind: "suspect", node: "m2", incarnation: 1, from: "me" },
  ]);
});

test("13: a suspect that does not know checksums gets none", () => {
  const bench = SwimBench.started();
  const versions = Uint8Array.of(1, 4, 2, 2, 5, 5);
  const suspect = { kind: "suspect", node: "m2", incarnation: 1, from: "m3" } as const;
  bench.receive("10.0.0.3:7946", aliveClaim("m2", { versions }), suspect);
  expect(bench.runUntilSent("ping").checksum).toBe(false);
});

test("a member that is alone probes nobody", () => {
  const bench = SwimBench.started();
  bench.run(10_000);
  expect(bench.swim.counters).toMatchObject({ probes: 0, packetsSent: 0 });
});

test.for(Object.entries(profiles))(
  "the %s profile probes and times out at its own pace",
  ([, timing]) => {
    const bench = SwimBench.started({ timing });
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    bench.runUntilSent("ping");
    expect(bench.now).toBeLessThan(timing.probeInterval);
    bench.run(timing.probeTimeout - 1);
    expect(bench.host.lines).not.toContain("debug Failed UDP ping: m2 (timeout reached)");
    bench.run(1);
    expect(bench.host.lines).toContain("debug Failed UDP ping: m2 (timeout reached)");
    bench.run(timing.probeInterval - timing.probeTimeout);
    expect(bench.view()).toMatchObject({ m2: "suspect 1" });
  },
);
