import { describe, expect, test } from "vitest";
import type { StreamId } from "../../src/swim/host.js";
import type { Alive, RemoteState } from "../../src/wire/swim-messages.js";
import { aliveClaim, memberState, type SentPacket, SwimBench, text } from "../support/swim-host.js";

const held = "10.0.0.2:7946";
const claimed = "10.0.0.9:7946";
const from = "10.0.0.3:7946";
const elsewhere = { ip: Uint8Array.of(10, 0, 0, 9) };

/** One gossip interval: so long an inquiry waits. */
const patience = 200;

/** A claim that puts m2 at {@link claimed}. */
const claim = (incarnation: number, changes: Partial<Alive> = {}): Alive =>
  aliveClaim("m2", { ...elsewhere, incarnation, ...changes });

/** Knows m2 at {@link held} with incarnation 5, and m3; unless told otherwise it probes nobody in time. */
function bench(state: RemoteState = "alive", probeInterval = 1_000_000): SwimBench {
  const { timing } = new SwimBench().config;
  const bench = SwimBench.started({ timing: { ...timing, probeInterval } });
  bench.receive(from, aliveClaim("m3"), aliveClaim("m2", { incarnation: 5 }));
  if (state === "suspect") {
    bench.receive(from, { kind: "suspect", node: "m2", incarnation: 5, from: "m3" });
  } else if (state !== "alive") {
    const by = state === "left" ? "m2" : "m3";
    bench.receive(from, { kind: "dead", node: "m2", incarnation: 5, from: by });
  }
  bench.delegate.events.length = 0;
  bench.takePackets();
  return bench;
}

function pingsTo(packets: readonly SentPacket[], to: string): number[] {
  return packets
    .filter((packet) => packet.to === to)
    .flatMap(({ messages }) =>
      messages.flatMap((message) =>
        message.kind === "ping" && message.node === "m2" ? [message.seq] : [],
      ),
    );
}

/** Lets m2 answer at `addresses`, for those pings that have been sent and not looked at. */
function answer(bench: SwimBench, ...addresses: string[]): void {
  const packets = bench.takePackets();
  for (const address of addresses) {
    for (const seq of pingsTo(packets, address)) {
      bench.receive(address, { kind: "ack", seq, payload: undefined });
    }
  }
}

const addressOf = (bench: SwimBench): number | undefined =>
  bench.swim.member("m2")?.address.ip.at(-1);

describe("a claim that puts a known member elsewhere", () => {
  test.for<RemoteState>(["alive", "suspect", "dead"])(
    "28: changes nothing by itself if the member is %s, whatever its incarnation",
    (state) => {
      for (const incarnation of [1, 5, 9]) {
        const b = bench(state);
        const before = { view: b.view(), queued: b.swim.queuedClaims };
        b.receive(from, claim(incarnation));
        expect({ view: b.view(), queued: b.swim.queuedClaims }).toEqual(before);
        expect(b.delegate.events).toEqual([]);
        expect(addressOf(b)).toBe(2);
      }
    },
  );

  test.for<RemoteState>(["left"])("28: moves one that has %s at once, and asks nobody", (state) => {
    const b = bench(state);
    b.receive(from, claim(1));
    expect(addressOf(b)).toBe(9);
    expect(b.delegate.events).toEqual(["join m2"]);
    expect(b.swim.counters.inquiries).toBe(0);
  });

  test("makes us ask both addresses for the name, by UDP and TCP, with nothing else in the packet", () => {
    const b = bench();
    b.receive(from, claim(6));
    const outputs = b.takeOutputs();
    expect(outputs.map(({ kind }) => kind)).toEqual([
      "packet",
      "dial",
      "write",
      "packet",
      "dial",
      "write",
    ]);
    b.host.outputs.push(...outputs);
    const packets = b.takePackets();
    for (const to of [held, claimed]) expect(pingsTo(packets, to)).toHaveLength(1);
    expect(packets.map(({ messages }) => messages.length)).toEqual([1, 1]);
  });

  test("is looked into again halfway, then also through others", () => {
    const b = bench();
    b.receive(from, claim(6));
    b.takePackets();
    b.run(patience / 2);
    const packets = b.takePackets();
    for (const to of [held, claimed]) expect(pingsTo(packets, to)).toHaveLength(1);
    const relayed = packets.flatMap(({ messages, to }) =>
      messages.flatMap((message) =>
        message.kind === "indirect-ping"
          ? [`${to} ${message.node} ${message.targetIp.at(-1)}`]
          : [],
      ),
    );
    expect(relayed.sort()).toEqual([`${from} m2 2`, `${from} m2 9`]);
  });

  test.for<{ held: boolean; claimed: boolean; incarnation: number; outcome: string }>([
    { held: true, claimed: false, incarnation: 4, outcome: "stays" },
    { held: true, claimed: false, incarnation: 6, outcome: "stays" },
    { held: true, claimed: true, incarnation: 4, outcome: "conflict" },
    { held: true, claimed: true, incarnation: 6, outcome: "conflict" },
    { held: false, claimed: false, incarnation: 4, outcome: "stays" },
    { held: false, claimed: false, incarnation: 5, outcome: "stays" },
    { held: false, claimed: false, incarnation: 6, outcome: "moves" },
    { held: false, claimed: true, incarnation: 1, outcome: "moves" },
    { held: false, claimed: true, incarnation: 6, outcome: "moves" },
  ])(
    "at $incarnation against 5, answer where held: $held, where claimed: $claimed: $outcome",
    (row) => {
      for (const state of ["alive", "suspect", "dead"] as const) {
        const b = bench(state);
        b.receive(from, claim(row.incarnation));
        answer(b, ...(row.held ? [held] : []), ...(row.claimed ? [claimed] : []));
        b.run(patience);
        const moved = row.outcome === "moves";
        expect(addressOf(b)).toBe(moved ? 9 : 2);
        expect(b.view().m2).toBe(moved ? `alive ${row.incarnation}` : `${state} 5`);
        const event = state === "dead" ? "join m2" : "update m2";
        const conflict = `conflict m2 ${held} ${claimed}`;
        const events = { moves: [event], conflict: [conflict], stays: [] };
        expect(b.delegate.events).toEqual(events[row.outcome as keyof typeof events]);
      }
    },
  );

  test("is told on once it is believed", () => {
    const b = bench();
    b.receive(from, claim(6));
    b.run(patience - 1);
    const told = (): boolean =>
      b
        .takePackets()
        .some(({ messages }) =>
          messages.some((message) => message.kind === "alive" && message.ip[3] === 9),
        );
    expect(told()).toBe(false);
    b.run(1 + patience);
    expect(told()).toBe(true);
  });

  test("is believed together with the tags that came with it, as one change", () => {
    const b = bench();
    b.receive(from, claim(6, { meta: text("new") }));
    b.run(patience);
    expect(b.delegate.events).toEqual(["update m2"]);
    expect(b.swim.member("m2")?.meta).toEqual(text("new"));
  });

  test("ends a suspicion when it is believed", () => {
    const b = bench("suspect");
    b.receive(from, claim(6));
    b.run(60_000);
    expect(b.view().m2).toBe("alive 6");
  });

  test("comes from a push/pull as well", () => {
    const b = bench();
    const members = [memberState("m2", { ...elsewhere, incarnation: 6 })];
    b.request({ kind: "push-pull", join: false, members, userState: new Uint8Array() });
    expect(addressOf(b)).toBe(2);
    b.run(patience);
    expect(addressOf(b)).toBe(9);
  });
});

describe("an answer", () => {
  test("over TCP alone is one", () => {
    const b = bench();
    b.receive(from, claim(6));
    const dial = b.takeDial();
    expect(dial?.to).toBe(held);
    expect(dial?.message).toMatchObject({ kind: "ping", node: "m2" });
    const seq = dial?.message?.kind === "ping" ? dial.message.seq : 0;
    b.answer(dial?.stream as StreamId, { kind: "ack", seq, payload: undefined });
    b.run(patience);
    expect(addressOf(b)).toBe(2);
  });

  test("through another member alone is one", () => {
    const b = bench();
    b.receive(from, claim(6));
    const [seq] = pingsTo(b.takePackets(), held);
    b.run(patience / 2);
    b.receive(from, { kind: "ack", seq: seq as number, payload: undefined });
    b.run(patience);
    expect(addressOf(b)).toBe(2);
  });

  test("that comes too late is none", () => {
    const b = bench();
    b.receive(from, claim(6));
    const [seq] = pingsTo(b.takePackets(), held);
    b.run(patience);
    b.receive(held, { kind: "ack", seq: seq as number, payload: undefined });
    expect(addressOf(b)).toBe(9);
  });

  test("of both ends the inquiry at once", () => {
    const b = bench();
    b.receive(from, claim(6));
    answer(b, held, claimed);
    expect(b.delegate.events).toEqual([`conflict m2 ${held} ${claimed}`]);
  });

  test("from where the member is held keeps us from asking for one probe interval", () => {
    const b = bench();
    b.receive(from, claim(6));
    answer(b, held);
    b.run(patience);
    b.takePackets();
    for (let number = 0; number < 50; number += 1) b.receive(from, claim(7 + number));
    expect(b.takePackets()).toEqual([]);
    expect(b.swim.counters.inquiries).toBe(1);
    b.run(b.config.timing.probeInterval);
    b.receive(from, claim(60));
    expect(b.swim.counters.inquiries).toBe(2);
  });
});

describe("silence", () => {
  test("is good for a newer claim that comes soon, which then is believed at once", () => {
    const b = bench();
    b.receive(from, claim(1));
    b.run(patience);
    expect(addressOf(b)).toBe(2);
    b.receive(from, claim(7));
    expect(addressOf(b)).toBe(9);
    expect(b.swim.counters.inquiries).toBe(1);
  });

  test("is asked for anew when it is long ago", () => {
    const b = bench();
    b.receive(from, claim(1));
    b.run(patience + 2_000);
    b.receive(from, claim(7));
    expect(addressOf(b)).toBe(2);
    expect(b.swim.counters.inquiries).toBe(2);
  });
});

describe("while we ask", () => {
  test("the claim with the highest incarnation is kept, wherever it puts the member", () => {
    const b = bench();
    b.receive(from, claim(6), claim(8, { ip: Uint8Array.of(10, 0, 0, 10) }), claim(7));
    b.run(patience);
    expect(addressOf(b)).toBe(10);
    expect(b.view().m2).toBe("alive 8");
    expect(b.swim.counters.inquiries).toBe(1);
  });

  test("a newer claim for where it is held is believed, and the older one is not", () => {
    const b = bench();
    b.receive(from, claim(6));
    b.receive(from, aliveClaim("m2", { incarnation: 7 }));
    b.run(patience);
    expect(b.view().m2).toBe("alive 7");
    expect(addressOf(b)).toBe(2);
  });

  test("a leave frees the name", () => {
    const b = bench();
    b.receive(from, claim(1));
    b.receive(from, { kind: "dead", node: "m2", incarnation: 5, from: "m2" });
    b.run(patience);
    expect(addressOf(b)).toBe(9);
    expect(b.delegate.events).toEqual(["left m2", "join m2"]);
  });

  test("the members asked for are bounded, whatever is forged", () => {
    const b = SwimBench.started();
    const names = Array.from({ length: 200 }, (_, index) => `m${index + 20}`);
    for (const name of names) b.receive(from, aliveClaim(name));
    b.takePackets();
    for (const name of names) b.receive(from, aliveClaim(name, { ...elsewhere, incarnation: 9 }));
    expect(b.swim.counters.inquiries).toBe(64);
    expect(b.takePackets()).toHaveLength(128);
  });
});

test("gossip about the old address after a move asks, tells nobody and changes nothing", () => {
  const b = bench();
  b.receive(from, claim(7));
  b.run(patience);
  expect(b.delegate.events.splice(0)).toEqual(["update m2"]);
  const members = [memberState("m2", { incarnation: 5, state: "dead" })];
  for (let round = 0; round < 5; round += 1) {
    b.receive(from, aliveClaim("m2", { incarnation: 5 }));
    b.receive(from, { kind: "suspect", node: "m2", incarnation: 5, from: "m3" });
    b.receive(from, { kind: "dead", node: "m2", incarnation: 5, from: "m3" });
    b.request({ kind: "push-pull", join: false, members, userState: new Uint8Array() });
    answer(b, claimed);
    b.run(patience);
  }
  expect(b.view().m2).toBe("alive 7");
  expect(addressOf(b)).toBe(9);
  expect(b.delegate.events).toEqual([]);
});

test("a conflict is told once a minute for as long as both answer, however often it is found", () => {
  const b = bench("alive", 1_000);
  const told = (): number =>
    b.host.lines.filter((line) => line.startsWith("error Conflicting address for m2.")).length;
  for (let second = 0; second < 60; second += 5) {
    b.receive(from, claim(6));
    answer(b, held, claimed);
    b.run(5_000);
    b.receive(from, aliveClaim("m2", { incarnation: 6 + second }));
  }
  expect(told()).toBe(1);
  b.receive(from, claim(6));
  answer(b, held, claimed);
  expect(told()).toBe(2);
  expect(b.swim.counters.conflicts).toBe(13);
  expect(b.delegate.events.filter((event) => event.startsWith("conflict"))).toHaveLength(2);
});
