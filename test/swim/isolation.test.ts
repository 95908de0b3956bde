import { describe, expect, test } from "vitest";
import type { Suspect } from "../../src/wire/swim-messages.js";
import { aliveClaim, SwimBench } from "../support/swim-host.js";

/** A machine that knows `others` members, and has nothing to gossip. */
function bench(others: number, isolation = true): SwimBench {
  const started = SwimBench.started({ isolation });
  for (let number = 2; number < 2 + others; number += 1) {
    started.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
  return started;
}

function suspects({ swim }: SwimBench): string[] {
  const found = [...swim.members()].filter(({ state }) => state === "suspect");
  return found.map(({ name }) => name).toSorted();
}

const suspect = (node: string, from: string, incarnation = 1): Suspect => ({
  kind: "suspect",
  node,
  incarnation,
  from,
});

/** Whom the machine told others to be suspect; the suspect itself, with a ping, is no other. */
function told(bench: SwimBench): string[] {
  const packets = bench.takePackets().filter(({ messages }) => messages[0]?.kind !== "ping");
  const messages = packets.flatMap((packet) => packet.messages);
  return messages.flatMap((message) => (message.kind === "suspect" ? [message.node] : []));
}

describe("a member that hears nobody at all", () => {
  test("tells nobody whom it suspects, and takes it back when it hears somebody", () => {
    const alone = bench(9);
    alone.run(6_000);
    expect(suspects(alone)).not.toEqual([]);
    expect(told(alone)).toEqual([]);
    alone.receive("10.0.0.2:7946", aliveClaim("m2"));
    expect(suspects(alone)).toEqual([]);
    alone.run(30_000);
    expect(alone.delegate.events.filter((event) => event.startsWith("join"))).toHaveLength(9);
  });

  test("does not if it is not to check", () => {
    const alone = bench(9, false);
    alone.run(6_000);
    expect(told(alone)).not.toEqual([]);
    alone.receive("10.0.0.2:7946", aliveClaim("m2"));
    expect(suspects(alone)).not.toEqual([]);
  });

  test.for([1, 2, 3, 9])("finds that all %i others are dead as soon as ever", (others) => {
    const [one, other] = [true, false].map((isolation) => {
      const alone = bench(others, isolation);
      alone.run(180_000);
      return alone.delegate.events.filter((event) => event.startsWith("dead")).length;
    });
    expect(one).toBe(others);
    expect(one).toBe(other);
  });

  test.for([
    { others: 1, isolation: true },
    { others: 1, isolation: false },
    { others: 9, isolation: true },
    { others: 9, isolation: false },
  ])("finds the first of $others dead (isolation: $isolation) after its longest time", (row) => {
    const alone = bench(row.others, row.isolation);
    while (suspects(alone).length === 0) alone.run(100);
    const begun = alone.now;
    while (!alone.delegate.events.some((event) => event.startsWith("dead"))) alone.run(100);
    expect(Math.round((alone.now - begun) / 1_000)).toBe(row.others === 1 ? 4 : 24);
  });

  test("waits for news of those whom others suspected before, if they could be heard", () => {
    const times = [true, false].map((isolation) => {
      const listener = bench(9, isolation);
      for (const from of ["m3", "m4", "m5"]) listener.receive("10.0.0.3:7946", suspect("m2", from));
      while (!listener.delegate.events.includes("dead m2")) listener.run(100);
      return Math.round(listener.now / 1_000);
    });
    expect(times).toEqual([24, 4]);
  });
});

describe("a member that hears anybody", () => {
  test("tells whom it suspects", () => {
    const listener = bench(9);
    const seen = new Set<string>();
    for (let second = 0; second < 8; second += 1) {
      listener.run(1_000);
      listener.receive("10.0.0.2:7946", aliveClaim("m2"));
      for (const name of told(listener)) seen.add(name);
    }
    expect(suspects(listener)).not.toEqual([]);
    expect([...seen].toSorted()).toEqual(suspects(listener));
  });

  test("holds to what others say of whom it suspected while it heard nobody", () => {
    const listener = bench(9);
    listener.run(6_000);
    const [name = ""] = suspects(listener);
    listener.receive("10.0.0.9:7946", suspect(name, "m99"));
    expect(suspects(listener)).toEqual([name]);
    while (!listener.delegate.events.includes(`dead ${name}`)) {
      listener.run(500);
      listener.receive("10.0.0.9:7946", aliveClaim("m9"));
    }
  });
});
