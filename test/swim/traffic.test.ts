import { expect, test } from "vitest";
import type { SwimCounters } from "../../src/swim/counters.js";
import type { Tally } from "../../src/swim/traffic.js";
import {
  address,
  aliveClaim,
  memberState,
  noBytes,
  SwimBench,
  text,
} from "../support/swim-host.js";

/** What is not zero, as `count`s. */
function counts(tallies: Readonly<Record<string, Tally>>): Record<string, number> {
  const some = Object.entries(tallies).filter(([, { count }]) => count > 0);
  return Object.fromEntries(some.map(([kind, { count }]) => [kind, count]));
}

function sum(tallies: Readonly<Record<string, Tally>>): Tally {
  const total = { count: 0, bytes: 0 };
  for (const { bytes, count } of Object.values(tallies)) {
    total.count += count;
    total.bytes += bytes;
  }
  return total;
}

/** Whatever is counted by kind is all there is. */
function expectWhole({ traffic, ...all }: SwimCounters): void {
  expect(sum(traffic.sent)).toEqual({ count: all.packetsSent, bytes: all.packetBytesSent });
  const received = { count: all.packetsReceived, bytes: all.packetBytesReceived };
  expect(sum(traffic.received)).toEqual(received);
}

test("a packet that is received is counted by its first message, and by nothing if it has none", () => {
  const bench = SwimBench.started();
  const from = "10.0.0.2:7946";
  const source = { sourceIp: noBytes, sourcePort: 0, sourceNode: "" };
  bench.receive(from, { kind: "ping", seq: 1, node: "me", ...source }, aliveClaim("m2"));
  bench.receive(from, { kind: "ack", seq: 9, payload: undefined });
  bench.receive(from, { kind: "nack", seq: 9 });
  bench.receive(from, aliveClaim("m3"), { kind: "ack", seq: 9, payload: undefined });
  bench.receive(from, { kind: "user", payload: text("x") });
  bench.swim.receivePacket(0, address(from), Uint8Array.of(255, 1, 2));
  const { counters } = bench.swim;
  const gossip = 2;
  expect(counts(counters.traffic.received)).toEqual({
    ping: 1,
    ack: 1,
    nack: 1,
    gossip,
    unreadable: 1,
  });
  expect(counters.traffic.received.unreadable.bytes).toBe(3);
  expectWhole(counters);
});

test("what is sent is counted by what it was sent for", () => {
  const bench = SwimBench.started();
  for (let number = 2; number < 7; number += 1) {
    bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
  bench.runUntilSent("ping");
  bench.run(5_000);
  bench.swim.sendUser(address("10.0.0.2:7946"), text("x"));
  const { counters } = bench.swim;
  expect(Object.keys(counts(counters.traffic.sent))).toEqual(["ping", "indirect-ping", "gossip"]);
  expect(counters.traffic.sent["indirect-ping"].count).toBeGreaterThanOrEqual(3);
  expectWhole(counters);
});

test("messages on streams are counted once they are whole", () => {
  const bench = SwimBench.started();
  const members = [memberState("m2")];
  bench.request({ kind: "push-pull", join: false, members, userState: noBytes });
  const stream = bench.swim.acceptStream(0, address("10.0.0.9:40000")) ?? 0;
  bench.swim.receiveStream(0, stream, Uint8Array.of(6, 0x83));
  const { streamBytesReceived, streamBytesSent, traffic } = bench.swim.counters;
  expect(counts(traffic.streamed.received)).toEqual({ "push-pull": 1 });
  expect(counts(traffic.streamed.sent)).toEqual({ "push-pull": 1 });
  expect(sum(traffic.streamed.received).bytes).toBe(streamBytesReceived - 2);
  expect(sum(traffic.streamed.sent).bytes).toBe(streamBytesSent);
});
