import { describe, expect, test } from "vitest";
import { profiles } from "../../src/swim/config.js";
import { Keyring } from "../../src/wire/keyring.js";
import type { PacketMessage, Ping } from "../../src/wire/swim-messages.js";
import { address, aliveClaim, noBytes, SwimBench, text } from "../support/swim-host.js";

const key = text("0123456789abcdef");

/** Answered with an ack that has room for broadcasts. */
const ping: Ping = {
  kind: "ping",
  seq: 1,
  node: "",
  sourceIp: noBytes,
  sourcePort: 0,
  sourceNode: "",
};

function kinds(messages: readonly PacketMessage[] | undefined): string[] {
  return messages?.map(({ kind }) => kind) ?? [];
}

describe("13, 1.3: a checksum is on", () => {
  test("gossip, if the receiver knows what it is", () => {
    for (const [pmax, checksum] of [
      [5, true],
      [4, false],
    ] as const) {
      const bench = SwimBench.started();
      const versions = Uint8Array.of(1, pmax, 2, 2, 5, 5);
      bench.receive("10.0.0.2:7946", aliveClaim("m2", { versions }));
      expect(bench.runUntilSent("alive")).toMatchObject({ to: "10.0.0.2:7946", checksum });
    }
  });

  test("neither an ack nor a message of the layer above", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.2:7946", aliveClaim("m2"), ping);
    bench.swim.sendUser(address("10.0.0.2:7946"), text("answer"));
    const packets = bench.takePackets();
    expect(packets.map(({ checksum }) => checksum)).toEqual([false, false]);
  });
});

describe("what travels along", () => {
  test("comes after the message: claims first, then the layer above, in one budget", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    bench.delegate.broadcasts = [text("intent")];
    bench.receive("10.0.0.2:7946", { ...ping, seq: 300 });
    const [packet] = bench.takePackets();
    expect(kinds(packet?.messages)).toEqual(["ack", "alive", "alive", "user"]);
    // 1400 less the ack and the compound's 2, then 2 and the claim's length for each of the two.
    const ack = 1 + 1 + 8 + 11 + 6 + 3;
    const alive = bench.runUntilSent("alive").messages.length;
    expect(alive).toBe(2);
    const [asked] = bench.delegate.askedFor;
    expect(asked).toEqual({ overhead: 3, budget: 1_400 - 2 - ack - claimBytes() });
  });

  function claimBytes(): number {
    const bench = SwimBench.started();
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    return bench.runUntilSent("alive").bytes - 5 - 2;
  }

  test("1.10: the layer above is told what encryption and label leave", () => {
    const plain = budget({});
    expect(plain).toBe(1_400 - 2);
    expect(budget({ keyring: new Keyring([key]) })).toBe(plain - 29);
    expect(budget({ label: "blue" })).toBe(plain - 6);
    expect(budget({ keyring: new Keyring([key]), label: "blue" })).toBe(plain - 35);
  });

  function budget(changes: { keyring?: Keyring; label?: string }): number {
    const bench = SwimBench.started(changes);
    const versions = Uint8Array.of(1, 5, 2, 2, 5, 5);
    bench.swim.receivePacket(0, address("10.0.0.2:7946"), noBytes);
    bench.request({
      kind: "push-pull",
      join: true,
      members: [{ ...aliveClaim("m2"), state: "alive", versions }],
      userState: noBytes,
    });
    // Long after the two claims have reached their limit, so that the whole packet is for the layer above.
    while (bench.swim.queuedClaims > 0) bench.run(100);
    bench.delegate.broadcasts = ["one", "two", "three"].map(text);
    bench.swim.noteBroadcast();
    bench.run(600);
    return Math.max(...bench.delegate.askedFor.map(({ budget }) => budget));
  }

  test("is nothing if the layer above could not even put one byte into it", () => {
    const bench = SwimBench.started({ timing: { ...profiles.lan, gossipInterval: 1e9 } });
    bench.delegate.payload = new Uint8Array(1_400 - 2 - 60);
    bench.delegate.broadcasts = [text("x")];
    bench.receive("10.0.0.2:7946", ping);
    expect(bench.delegate.askedFor).toHaveLength(1);
    bench.delegate.payload = new Uint8Array(1_400 - 2 - 22);
    bench.receive("10.0.0.2:7946", ping);
    expect(bench.delegate.askedFor).toHaveLength(1);
  });

  test("is never on a message of the layer above itself", () => {
    const bench = SwimBench.started();
    bench.delegate.broadcasts = [text("intent")];
    bench.swim.sendUser(address("10.0.0.2:7946"), text("answer"));
    const [packet] = bench.takePackets();
    expect(packet?.messages).toEqual([{ kind: "user", payload: text("answer") }]);
  });
});

test("10: what becomes shorter is compressed, and nothing else", () => {
  const sent = (meta: Uint8Array): number | undefined => {
    const bench = SwimBench.started({ compression: true });
    bench.swim.sendUser(address("10.0.0.2:7946"), meta);
    const [output] = bench.takeOutputs();
    return output?.kind === "packet" ? output.payload[0] : undefined;
  };
  expect(sent(new Uint8Array(600))).toBe(9);
  expect(sent(text("short"))).toBe(8);
});

test("no packet is longer than 1405 bytes, however much there is to say", () => {
  const bench = SwimBench.started();
  for (let number = 2; number < 300; number += 1) {
    bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
  bench.delegate.broadcasts = Array.from({ length: 50 }, () => text("an intent of some length"));
  bench.run(3_000);
  const packets = bench.takePackets();
  const longest = Math.max(...packets.map(({ bytes }) => bytes));
  expect(longest).toBeGreaterThan(1_300);
  expect(longest).toBeLessThanOrEqual(1_405);
  expect(packets.every(({ checksum, bytes }) => checksum || bytes <= 1_400)).toBe(true);
});

test("a claim that no packet carries is believed and not queued", () => {
  const bench = SwimBench.started();
  bench.receive("10.0.0.2:7946", aliveClaim("m2"));
  const waiting = bench.swim.queuedClaims;
  const from = "x".repeat(2_000);
  bench.receive("10.0.0.2:7946", { kind: "suspect", node: "m2", incarnation: 1, from });
  expect(bench.view()).toMatchObject({ m2: "suspect 1" });
  expect(bench.swim.queuedClaims).toBe(waiting);
});
