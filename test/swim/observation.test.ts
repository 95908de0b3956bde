import { describe, expect, test } from "vitest";
import { parseIp } from "../../src/base/address.js";
import { profiles } from "../../src/swim/config.js";
import type { Observation, TroubledProbe } from "../../src/swim/observation.js";
import type { Alive, Dead, Suspect } from "../../src/wire/swim-messages.js";
import { aliveClaim, memberState, noBytes, SwimBench } from "../support/swim-host.js";

/** Nothing but what the test says: no probe begins by itself for as long as that takes. */
const quiet = { ...profiles.lan, probeInterval: 1e9 };

/** A machine that knows m2, m3, ... and has told nothing yet. */
function knowing(others: number, bench: SwimBench): SwimBench {
  const claims: Alive[] = [];
  for (let number = 2; number < 2 + others; number += 1) claims.push(aliveClaim(`m${number}`));
  if (claims.length > 0) bench.receive("10.0.0.2:7946", ...claims);
  bench.host.observations.length = 0;
  return bench;
}

/** As {@link knowing}; it has just pinged `target`. */
function probing(others: number, changes = {}): { bench: SwimBench; target: string } {
  const bench = knowing(others, SwimBench.started(changes));
  const [ping] = bench.runUntilSent("ping").messages;
  const target = ping?.kind === "ping" ? ping.node : "";
  return { bench, target };
}

const placeOf = (name: string): string => `10.0.0.${name.slice(1)}:7946`;

const ack = { kind: "ack", seq: 1, payload: undefined } as const;

const suspect = (node: string, from: string, incarnation = 1): Suspect => ({
  kind: "suspect",
  node,
  incarnation,
  from,
});

const dead = (node: string, from: string, incarnation = 1): Dead => ({
  kind: "dead",
  node,
  incarnation,
  from,
});

/** What was told since the last call; of health only if it is asked for. */
function told({ host }: SwimBench, health = false): Observation[] {
  const observations = host.observations.splice(0);
  return observations.filter(({ kind }) => health || kind !== "health");
}

function troubled(bench: SwimBench): TroubledProbe {
  const probes = told(bench).filter((one) => one.kind === "probe");
  expect(probes).toHaveLength(1);
  return probes[0] as TroubledProbe;
}

describe("of a probe is told", () => {
  test("the round trip, if its ping is acked in time", () => {
    const { bench, target } = probing(5);
    bench.run(30);
    bench.receive(placeOf(target), ack);
    // Our health, which cannot be better, is nothing new.
    expect(told(bench, true)).toEqual([{ kind: "acked", node: target, rtt: 30 }]);
    bench.run(900);
    expect(told(bench, true)).toEqual([]);
  });

  test("that the ack was late, and whom we had asked by then", () => {
    const { bench, target } = probing(1);
    bench.run(700);
    bench.receive(placeOf(target), ack);
    expect(told(bench)).toEqual([
      {
        kind: "probe",
        node: target,
        outcome: "late",
        took: 700,
        helpers: [],
        nacks: 0,
        tcp: "untried",
        unheard: false,
      },
    ]);
  });

  test("that a helper got the answer, if the ack comes from one", () => {
    const { bench, target } = probing(5);
    bench.run(600);
    const helper = target === "m3" ? "m4" : "m3";
    const asked = bench.takePackets().filter(({ messages }) => {
      return messages[0]?.kind === "indirect-ping";
    });
    const names = asked.map(({ to }) => `m${to.split(/[.:]/)[3]}`);
    bench.receive(placeOf(names[0] ?? helper), ack);
    const probe = troubled(bench);
    expect(probe).toMatchObject({ node: target, outcome: "helped", took: 600 });
    expect(probe.helpers.toSorted()).toEqual(names.toSorted());
    expect(probe.helpers).toHaveLength(3);
  });

  test("that only the ping over TCP was answered", () => {
    const { bench, target } = probing(1);
    bench.run(500);
    bench.answer(bench.takeDial()?.stream ?? 0, ack);
    expect(told(bench)).toEqual([]);
    bench.run(500);
    expect(troubled(bench)).toMatchObject({ node: target, outcome: "tcp", tcp: "acked" });
  });

  test("that it is lost before the suspicion that follows, with those that got no answer either", () => {
    const { bench, target } = probing(5);
    bench.run(900);
    bench.receive("10.0.0.99:7946", { kind: "nack", seq: 1 }, { kind: "nack", seq: 1 });
    bench.run(100);
    const [probe, suspicion] = told(bench);
    expect(probe).toMatchObject({ kind: "probe", outcome: "lost", took: 1_000, nacks: 2 });
    expect(suspicion).toEqual({
      kind: "suspected",
      node: target,
      by: "me",
      incarnation: 1,
      unheard: false,
    });
  });

  test("that packets of the member came nevertheless, so that only the way to it is blocked", () => {
    const { bench, target } = probing(5);
    bench.run(300);
    bench.receive(placeOf(target), { kind: "nack", seq: 77 });
    bench.run(700);
    expect(troubled(bench)).toMatchObject({ node: target, outcome: "lost", heard: true });
  });

  test("that, too, of a member that advertises the long form of its IPv4 address", () => {
    const long = { ...aliveClaim("m2"), ip: parseIp("::ffff:10.0.0.2") as Uint8Array };
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:7946", long);
    bench.runUntilSent("ping");
    bench.run(300);
    bench.receive(placeOf("m2"), { kind: "nack", seq: 77 });
    bench.run(700);
    expect(troubled(bench)).toMatchObject({ node: "m2", outcome: "lost", heard: true });
  });

  test.for([true, false])("that we heard nobody, whatever follows from that (%s)", (isolation) => {
    const { bench } = probing(5, { isolation });
    bench.run(1_000);
    const [probe, suspicion] = told(bench);
    expect(probe).toMatchObject({ kind: "probe", unheard: true });
    expect(suspicion).toMatchObject({ kind: "suspected", unheard: isolation });
  });

  const connections: [string, TroubledProbe["tcp"], (bench: SwimBench, stream: number) => void][] =
    [
      ["stands and is silent", "silent", ({ swim }, stream) => swim.streamStands(stream)],
      [
        "stands and is reset",
        "closed",
        ({ now, swim }, stream) => {
          swim.streamStands(stream);
          swim.streamClosed(now, stream, "connection reset by peer");
        },
      ],
      [
        "stands and is ended, as by another member",
        "closed",
        ({ now, swim }, stream) => {
          swim.streamStands(stream);
          swim.streamClosed(now, stream, undefined);
        },
      ],
      [
        "is refused",
        "refused",
        ({ now, swim }, stream) => swim.streamClosed(now, stream, "connection refused", true),
      ],
      [
        "finds no way",
        "unreachable",
        ({ now, swim }, stream) => swim.streamClosed(now, stream, "no route to host"),
      ],
      ["does not come to be", "unreachable", () => {}],
    ];

  test.for(connections)("that the connection %s: %s", ([, tcp, happens]) => {
    const { bench } = probing(1);
    bench.run(500);
    happens(bench, bench.takeDial()?.stream ?? 0);
    bench.run(500);
    expect(troubled(bench)).toMatchObject({ outcome: "lost", tcp });
  });

  test("how late our own timers came, if that is worth a word", () => {
    const delays = [0, 19, 140].map((late) => {
      const { bench } = probing(1);
      bench.run(240);
      bench.now += 10 + late;
      bench.host.timers.runDue(bench.now);
      bench.run(1_000);
      const { delay } = troubled(bench);
      return delay;
    });
    expect(delays).toEqual([undefined, undefined, 140]);
  });

  test("nothing of the connection, if it was being made when the ack came", () => {
    const { bench, target } = probing(1);
    bench.run(600);
    bench.receive(placeOf(target), ack);
    expect(troubled(bench)).toMatchObject({ outcome: "late", tcp: "untried" });
  });

  test("that a member is new to memberlist's protocol 2, which has no ping over TCP", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.2:7946", aliveClaim("m2", { versions: Uint8Array.of(1, 2, 2, 2, 5, 5) }));
    bench.runUntilSent("ping");
    bench.host.observations.length = 0;
    bench.run(1_000);
    expect(troubled(bench)).toMatchObject({ outcome: "lost", tcp: "untried" });
  });

  test("once that it is lost, when two refusals end it early", () => {
    const { bench, target } = probing(1, { refusals: true });
    const refuse = (): void => {
      const { stream } = bench.takeDial() ?? { stream: 0 };
      bench.swim.streamClosed(bench.now, stream, "connection refused", true);
    };
    bench.run(250);
    refuse();
    bench.run(250);
    expect(told(bench)).toEqual([]);
    refuse();
    const [probe, suspicion] = told(bench);
    expect(probe).toMatchObject({ kind: "probe", outcome: "lost", took: 500, tcp: "refused" });
    expect(suspicion).toMatchObject({ kind: "suspected", node: target, by: "me" });
    bench.run(500);
    expect(told(bench).filter(({ kind }) => kind === "probe")).toEqual([]);
  });

  test("that a process is back, if it acks after a refusal", () => {
    const { bench, target } = probing(1, { refusals: true });
    bench.run(250);
    bench.swim.streamClosed(bench.now, bench.takeDial()?.stream ?? 0, "refused", true);
    bench.run(100);
    bench.receive(placeOf(target), ack);
    expect(troubled(bench)).toMatchObject({ outcome: "late", took: 350, tcp: "refused" });
  });
});

describe("of a suspicion is told", () => {
  const held = (others: number): SwimBench => knowing(others, SwimBench.started({ timing: quiet }));

  test("who began it, and each who agrees, once, however few are hoped for", () => {
    const bench = held(2);
    bench.receive("10.0.0.3:7946", suspect("m2", "m3"), suspect("m2", "m3"), suspect("m2", "m4"));
    expect(told(bench)).toEqual([
      { kind: "suspected", node: "m2", by: "m3", incarnation: 1, unheard: false },
      { kind: "confirmed", node: "m2", by: "m4", confirmations: 1 },
    ]);
    for (let number = 5; number < 60; number += 1) {
      bench.receive("10.0.0.3:7946", suspect("m2", `m${number}`));
    }
    expect(told(bench)).toHaveLength(14);
  });

  test("that it came with a push/pull, which names nobody", () => {
    const bench = held(2);
    const state = memberState("m2", { state: "dead" });
    bench.request({ kind: "push-pull", join: false, members: [state], userState: noBytes });
    expect(told(bench)).toMatchObject([
      { kind: "suspected", node: "m2", by: "me", exchanged: true },
    ]);
  });

  test("that it was refuted, and how long it lasted", () => {
    const bench = held(2);
    bench.receive("10.0.0.3:7946", suspect("m2", "m3"));
    bench.run(1_234);
    bench.receive("10.0.0.2:7946", aliveClaim("m2", { incarnation: 2 }));
    const [, cleared, ...rest] = told(bench);
    expect(cleared).toEqual({
      kind: "cleared",
      node: "m2",
      why: "refuted",
      incarnation: 2,
      after: 1_234,
    });
    expect(rest).toEqual([]);
  });

  test("that it was we who were cut off", () => {
    const { bench, target } = probing(5, { isolation: true });
    bench.run(1_000);
    told(bench);
    bench.run(500);
    bench.receive("10.0.0.99:7946", { kind: "nack", seq: 77 });
    const cleared = told(bench).filter(({ kind }) => kind === "cleared");
    expect(cleared).toEqual([
      { kind: "cleared", node: target, why: "we were cut off", incarnation: 1, after: 500 },
    ]);
  });

  test("that it ran out here, and how many agreed", () => {
    const bench = knowing(9, SwimBench.started());
    bench.receive("10.0.0.3:7946", suspect("m2", "m3"), suspect("m2", "m4"), suspect("m2", "m5"));
    bench.run(4_000);
    const last = told(bench).findLast((one) => "node" in one && one.node === "m2");
    expect(last).toMatchObject({ kind: "gone", state: "failed", by: "me", why: "timeout" });
    expect(last).toMatchObject({ incarnation: 1, confirmations: expect.toSatisfy((n) => n >= 2) });
  });

  test("that the member's host refuses connections", () => {
    const bench = knowing(1, SwimBench.started({ refusals: true }));
    for (let time = 0; time < 6_000; time += 5) {
      const { stream } = bench.takeDial() ?? { stream: 0 };
      bench.swim.streamClosed(bench.now, stream, "connection refused", true);
      bench.run(5);
    }
    const gone = told(bench).filter(({ kind }) => kind === "gone");
    expect(gone).toMatchObject([{ node: "m2", state: "failed", by: "me", why: "refused" }]);
  });
});

describe("of what others say is told", () => {
  const held = (): SwimBench => knowing(3, SwimBench.started({ timing: quiet }));

  test("that a member is new", () => {
    const bench = held();
    bench.receive("10.0.0.2:7946", aliveClaim("m9"), aliveClaim("m9", { incarnation: 2 }));
    expect(told(bench)).toEqual([
      { kind: "appeared", node: "m9", address: "10.0.0.9:7946", incarnation: 1 },
    ]);
  });

  test.for([
    { by: "m3", state: "failed" },
    { by: "m2", state: "left" },
  ])("that a member has $state, on the word of $by", ({ by, state }) => {
    const bench = held();
    bench.receive("10.0.0.3:7946", dead("m2", by));
    const gone = { kind: "gone", node: "m2", state, by, why: "told", incarnation: 1 };
    expect(told(bench)).toEqual([{ ...gone, confirmations: 0 }]);
    bench.receive("10.0.0.2:7946", aliveClaim("m2", { incarnation: 2 }));
    const back = { kind: "appeared", node: "m2", address: "10.0.0.2:7946", before: state };
    expect(told(bench)).toEqual([{ ...back, incarnation: 2 }]);
  });

  test("where a member is that left and is back elsewhere", () => {
    const bench = held();
    bench.receive("10.0.0.3:7946", dead("m2", "m2"));
    told(bench);
    const elsewhere = { ip: Uint8Array.of(10, 0, 0, 77), incarnation: 2 };
    bench.receive("10.0.0.77:7946", aliveClaim("m2", elsewhere));
    expect(told(bench)).toMatchObject([
      { kind: "appeared", address: "10.0.0.77:7946", before: "left", from: "10.0.0.2:7946" },
    ]);
  });

  test("that a member moved before it was missed", () => {
    const bench = held();
    const elsewhere = { ip: Uint8Array.of(10, 0, 0, 77), incarnation: 2 };
    bench.receive("10.0.0.77:7946", aliveClaim("m2", elsewhere));
    bench.run(1_000);
    expect(told(bench)).toEqual([
      {
        kind: "moved",
        node: "m2",
        from: "10.0.0.2:7946",
        to: "10.0.0.77:7946",
        incarnation: 2,
      },
    ]);
  });

  test.for([
    { claim: suspect("me", "m2"), of: "suspect" },
    { claim: dead("me", "m2"), of: "dead" },
  ])("that we are accused of being $of, and that it tells of our health", ({ claim, of }) => {
    const bench = held();
    bench.receive("10.0.0.2:7946", claim, claim);
    expect(told(bench, true)).toEqual([
      { kind: "accused", node: "me", by: "m2", of, incarnation: 1 },
      { kind: "health", node: "me", score: 1 },
    ]);
  });

  test("that we are accused in a push/pull, which names nobody", () => {
    const bench = held();
    const state = memberState("me", {
      ip: Uint8Array.of(10, 0, 0, 1),
      state: "suspect",
      incarnation: 1,
    });
    bench.request({ kind: "push-pull", join: false, members: [state], userState: noBytes });
    expect(told(bench)).toMatchObject([{ kind: "accused", by: "me", exchanged: true }]);
  });

  test("that we left ourselves", () => {
    const bench = held();
    bench.swim.leave(0, 5_000, () => {});
    expect(told(bench)).toMatchObject([
      { kind: "gone", node: "me", state: "left", by: "me", why: "told" },
    ]);
  });
});

test("our health is told when it changes, and only then", () => {
  const bench = knowing(1, SwimBench.started());
  bench.run(5_500);
  const scores = told(bench, true).flatMap((one) => (one.kind === "health" ? [one.score] : []));
  expect(scores.length).toBeGreaterThan(1);
  expect(scores).toEqual(scores.map((_, index) => index + 1));
});
