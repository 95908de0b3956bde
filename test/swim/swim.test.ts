import { describe, expect, test } from "vitest";
import { profiles } from "../../src/swim/config.js";
import { DecodeError } from "../../src/wire/errors.js";
import { Keyring } from "../../src/wire/keyring.js";
import type { PacketMessage } from "../../src/wire/swim-messages.js";
import { address, aliveClaim, noBytes, SwimBench, text } from "../support/swim-host.js";

const from = "10.0.0.2:7946";
const timing = { ...profiles.lan, probeInterval: 1e9, pushPullInterval: 1e9 };

/** Collects what a command is done with. */
function outcomes(): { seen: boolean[]; done: (inTime: boolean) => void } {
  const seen: boolean[] = [];
  return { seen, done: (inTime) => seen.push(inTime) };
}

function gossiped(bench: SwimBench): PacketMessage[] {
  return bench.takePackets().flatMap(({ messages }) => messages);
}

describe("a start", () => {
  test("enters ourselves with incarnation 1, tells the layer above and waits to tell others", () => {
    const bench = new SwimBench();
    bench.swim.start(0);
    expect(bench.delegate.events).toEqual(["join me"]);
    expect(bench.swim.local).toMatchObject({ name: "me", incarnation: 1, state: "alive" });
    expect(bench.swim.local.meta).toEqual(text("meta"));
    expect({ known: bench.swim.knownCount, alive: bench.swim.aliveCount }).toEqual({
      known: 1,
      alive: 1,
    });
    expect(bench.swim.queuedClaims).toBe(1);
  });
});

describe("a leave", () => {
  test("is a dead claim of ourselves, done when all its copies are sent", () => {
    const bench = SwimBench.started({ timing });
    bench.receive(from, aliveClaim("m2"));
    const { seen, done } = outcomes();
    bench.swim.leave(0, 5_000, done);
    expect(bench.delegate.events).toEqual(["join m2", "left me"]);
    expect(bench.swim.aliveCount).toBe(1);
    bench.run(399);
    expect(seen).toEqual([]);
    bench.run(201);
    expect(seen).toEqual([true]);
    const claim = { kind: "dead", node: "me", incarnation: 1, from: "me" };
    const copies = gossiped(bench).filter(({ kind }) => kind === "dead");
    expect(copies).toEqual([claim, claim, claim, claim]);
  });

  test("gives up waiting after its timeout", () => {
    const bench = SwimBench.started({ timing: { ...timing, gossipInterval: 1e9 } });
    bench.receive(from, aliveClaim("m2"));
    const { seen, done } = outcomes();
    bench.swim.leave(0, 5_000, done);
    bench.run(5_000);
    expect(seen).toEqual([false]);
  });

  test("is done at once if there is nobody else, or a second time", () => {
    const bench = SwimBench.started({ timing });
    bench.receive(from, aliveClaim("m2"));
    bench.receive(from, { kind: "dead", node: "m2", incarnation: 1, from: "m2" });
    const { seen, done } = outcomes();
    bench.swim.leave(0, 5_000, done);
    bench.swim.leave(0, 5_000, done);
    expect(seen).toEqual([true, true]);
  });

  test("is not taken back by what others say, and pings are still answered", () => {
    const bench = SwimBench.started({ timing });
    bench.receive(from, aliveClaim("m2"));
    bench.swim.leave(0, 5_000, () => {});
    const ip = Uint8Array.of(10, 0, 0, 1);
    bench.receive(
      from,
      aliveClaim("me", { ip, incarnation: 9 }),
      { kind: "suspect", node: "me", incarnation: 9, from: "m2" },
      { kind: "dead", node: "me", incarnation: 9, from: "m2" },
    );
    expect(bench.view()).toMatchObject({ me: "left 1" });
    bench.takePackets();
    const anonymous = { sourceIp: noBytes, sourcePort: 0, sourceNode: "" };
    bench.receive(from, { kind: "ping", seq: 3, node: "me", ...anonymous });
    expect(gossiped(bench)[0]).toMatchObject({ kind: "ack", seq: 3 });
  });
});

describe("new meta", () => {
  test("is announced under the next incarnation; done when all copies are sent", () => {
    const bench = SwimBench.started({ timing });
    bench.receive(from, aliveClaim("m2"));
    bench.delegate.metaBytes = text("new");
    const { seen, done } = outcomes();
    bench.swim.updateMeta(0, 5_000, done);
    expect(bench.delegate.events).toEqual(["join m2", "update me"]);
    expect(bench.swim.local).toMatchObject({ incarnation: 2, meta: text("new") });
    bench.run(1_000);
    expect(seen).toEqual([true]);
    const ip = Uint8Array.of(10, 0, 0, 1);
    const claim = aliveClaim("me", { ip, incarnation: 2, meta: text("new") });
    expect(gossiped(bench)).toContainEqual(claim);
  });

  test("that is the old is announced and not told", () => {
    const bench = SwimBench.started();
    const { seen, done } = outcomes();
    bench.swim.updateMeta(0, 5_000, done);
    expect(seen).toEqual([true]);
    expect(bench.delegate.events).toEqual([]);
    expect(bench.swim.local.incarnation).toBe(2);
  });

  test("replaces what is not sent yet, which counts as sent", () => {
    const bench = SwimBench.started({ timing });
    bench.receive(from, aliveClaim("m2"));
    const { seen, done } = outcomes();
    bench.swim.updateMeta(0, 5_000, done);
    bench.swim.updateMeta(0, 5_000, done);
    expect(seen).toEqual([true]);
    bench.run(5_000);
    expect(seen).toEqual([true, true]);
  });

  test("comes too late after a leave", () => {
    const bench = SwimBench.started();
    bench.swim.leave(0, 5_000, () => {});
    const { seen, done } = outcomes();
    bench.swim.updateMeta(0, 5_000, done);
    expect(seen).toEqual([false]);
    expect(bench.swim.local.incarnation).toBe(1);
  });
});

describe("a packet", () => {
  test("with one bad part is read in all the others", () => {
    const bench = SwimBench.started();
    bench.delegate.fault = new DecodeError("type", "the layer above does not know it");
    bench.receive(from, aliveClaim("m2"), { kind: "user", payload: text("?") }, aliveClaim("m3"));
    expect(bench.view()).toMatchObject({ m2: "alive 1", m3: "alive 1" });
    expect(bench.swim.counters.faults.type).toBe(1);
    expect(bench.host.lines).toContain("debug not a message");
  });

  test("that is none is counted by what is wrong with it", () => {
    const bench = SwimBench.started();
    for (const bytes of [[], [99], [4, 0x86], [12, 0, 0, 0, 0, 4], [244, 1, 65, 4]]) {
      bench.swim.receivePacket(0, address(from), Uint8Array.from(bytes));
    }
    const { faults, packetsReceived } = bench.swim.counters;
    expect(packetsReceived).toBe(4);
    expect(faults).toMatchObject({ type: 1, truncated: 1, checksum: 1, label: 1 });
    expect(bench.view()).toEqual({ me: "alive 1" });
  });

  test("of a stranger is not opened", () => {
    const bench = SwimBench.started({ keyring: new Keyring([text("0123456789abcdef")]) });
    bench.receive(from, aliveClaim("m2"));
    expect(bench.view()).toEqual({ me: "alive 1" });
    expect(bench.swim.counters.faults.encryption).toBe(1);
  });

  test("what a bug of ours throws goes on", () => {
    const bench = SwimBench.started();
    bench.delegate.fault = new TypeError("a bug");
    expect(() => bench.receive(from, { kind: "user", payload: text("?") })).toThrow("a bug");
  });
});

test("a user message is handed on and an empty one is not", () => {
  const bench = SwimBench.started();
  bench.receive(from, { kind: "user", payload: text("hello") });
  bench.receive(from, { kind: "user", payload: noBytes });
  expect(bench.delegate.userMessages).toEqual(["hello"]);
});
