import { expect, test } from "vitest";
import { encodePacketMessage } from "../../src/wire/swim-messages.js";
import { aliveClaim, memberState, noBytes, SwimBench, text } from "../support/swim-host.js";

test("packets are measured by their length, both ways", () => {
  const bench = SwimBench.started();
  const { meter } = bench.host;
  const claim = aliveClaim("m2");
  bench.receive("10.0.0.2:7946", claim, { kind: "user", payload: text("hello") });
  const { counters } = bench.swim;
  expect(meter.take("memberlist.udp.received")).toEqual([counters.packetBytesReceived]);
  expect(counters.packetBytesReceived).toBeGreaterThan(encodePacketMessage(claim).length);
  const { bytes } = bench.runUntilSent("ping");
  expect(meter.take("memberlist.udp.sent").at(-1)).toBe(bytes);
});

test("a probe lasts until it is answered, or until the verdict", () => {
  const bench = SwimBench.started();
  const { meter } = bench.host;
  bench.receive("10.0.0.2:7946", aliveClaim("m2"));
  bench.runUntilSent("ping");
  bench.run(30);
  bench.receive("10.0.0.2:7946", { kind: "ack", seq: 1, payload: undefined });
  expect(meter.take("memberlist.probeNode")).toEqual([30]);
  bench.runUntilSent("ping");
  bench.run(1_000);
  expect(meter.take("memberlist.probeNode")).toEqual([1_000]);
});

test("a join is measured by its size, not by the time of an exchange", () => {
  const bench = SwimBench.started();
  const { meter } = bench.host;
  bench.receive("10.0.0.2:7946", aliveClaim("m2"));
  const reply = {
    kind: "push-pull",
    join: false,
    members: [memberState("m2")],
    userState: noBytes,
  };
  const answer = (): void => {
    const dial = bench.takeDial();
    bench.run(40);
    if (dial !== undefined) bench.answer(dial.stream, { ...reply, kind: "push-pull" });
  };
  bench.swim.join(
    bench.now,
    [{ address: { ip: Uint8Array.of(10, 0, 0, 2), port: 7_946 }, name: "" }],
    () => {},
  );
  answer();
  expect(meter.take("memberlist.pushPullNode")).toEqual([]);
  expect(meter.take("memberlist.size.local")).toEqual([bench.swim.counters.streamBytesSent]);
  expect(meter.take("memberlist.tcp.sent")).toEqual([bench.swim.counters.streamBytesSent]);
  expect(meter.take("memberlist.size.remote")).toEqual([bench.swim.counters.streamBytesReceived]);
});

test("claims are counted when they are believed", () => {
  const bench = SwimBench.started();
  const suspect = { kind: "suspect", node: "m2", incarnation: 1, from: "m3" } as const;
  const dead = { kind: "dead", node: "m2", incarnation: 1, from: "m3" } as const;
  const before = bench.swim.counters.aliveClaims;
  for (const claim of [aliveClaim("m2"), suspect, dead]) {
    bench.receive("10.0.0.2:7946", claim);
    bench.receive("10.0.0.2:7946", claim);
  }
  const { aliveClaims, deadClaims, suspectClaims } = bench.swim.counters;
  expect([aliveClaims - before, suspectClaims, deadClaims]).toEqual([1, 1, 1]);
});

test("members are counted by what they are held for", () => {
  const bench = SwimBench.started();
  bench.receive("10.0.0.2:7946", ...["m2", "m3", "m4", "m5"].map((name) => aliveClaim(name)));
  bench.receive("10.0.0.2:7946", { kind: "suspect", node: "m2", incarnation: 1, from: "m5" });
  bench.receive("10.0.0.2:7946", { kind: "dead", node: "m3", incarnation: 1, from: "m5" });
  bench.receive("10.0.0.2:7946", { kind: "dead", node: "m4", incarnation: 1, from: "m4" });
  expect(bench.swim.instances()).toEqual({ alive: 2, suspect: 1, dead: 1, left: 1 });
});
