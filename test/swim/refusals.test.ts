import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { memberlistThoroughness } from "../../src/swim/config.js";
import type { StreamId } from "../../src/swim/host.js";
import type { Ping, Suspect } from "../../src/wire/swim-messages.js";
import { aliveClaim, type SentPacket, SwimBench } from "../support/swim-host.js";

/** What the world around one machine does while time goes on. */
interface World {
  /** Members whose hosts refuse connections; all others are silent. */
  readonly refusing: ReadonlySet<string>;
  /** Members that answer pings. */
  readonly answering?: ReadonlySet<string>;
}

/** A machine that knows m2, m3, ... and all that it says, and to whom. */
class Watched {
  /** Nothing is gossiped but by the tick, so that what is sent at once is what this is about. */
  readonly bench = SwimBench.started({
    refusals: true,
    thoroughness: memberlistThoroughness,
  });
  readonly packets: (SentPacket & { readonly at: number })[] = [];
  readonly dials: { readonly at: number; readonly to: string }[] = [];

  constructor(others: number) {
    for (let number = 2; number < 2 + others; number += 1) {
      this.bench.receive(addressOf(`m${number}`), aliveClaim(`m${number}`));
    }
  }

  /** Millisecond by millisecond; answers come at once. */
  run(time: number, { answering = new Set(), refusing }: World): void {
    const { bench } = this;
    for (let passed = 0; passed < time; passed += 1) {
      bench.run(1);
      this.#react([...refusing].map(addressOf), [...answering].map(addressOf));
    }
  }

  /** Answers all pings until one goes to `name`. */
  runUntilPinged(name: string, others: readonly string[]): void {
    const answering = new Set(others);
    while (!this.pings(name).length) this.run(1, { refusing: new Set(), answering });
  }

  pings(name: string): { readonly at: number; readonly ping: Ping }[] {
    return this.packets.flatMap(({ at, messages, to }) => {
      const [ping] = messages;
      return ping?.kind === "ping" && to === addressOf(name) ? [{ at, ping }] : [];
    });
  }

  /** Suspect claims of ours that were sent by themselves, and to whom. */
  accusations(name: string): string[] {
    return this.packets
      .filter(({ messages: [first, second] }) => first?.kind === "suspect" && !second)
      .filter(({ messages }) => (messages[0] as Suspect).node === name)
      .filter(({ messages }) => (messages[0] as Suspect).from === "me")
      .map(({ to }) => to);
  }

  accuse(name: string, by: string, through = by): void {
    const claim = { kind: "suspect", node: name, incarnation: 1, from: by } as const;
    this.bench.receive(addressOf(through), claim);
  }

  state(name: string): string {
    return this.bench.view()[name] ?? "unknown";
  }

  #react(refusing: readonly string[], answering: readonly string[]): void {
    const { bench } = this;
    const dialled: { readonly stream: StreamId; readonly to: string }[] = [];
    const rest = bench.takeOutputs().filter((output) => {
      if (output.kind !== "dial") return output.kind === "packet";
      dialled.push({ stream: output.stream, to: formatAddress(output.to) });
      return false;
    });
    bench.host.outputs.push(...rest);
    const sent = bench.takePackets();
    for (const packet of sent) this.packets.push({ ...packet, at: bench.now });
    for (const { stream, to } of dialled) {
      this.dials.push({ at: bench.now, to });
      if (!refusing.includes(to)) continue;
      const reason = `dial tcp ${to}: connect: connection refused`;
      bench.swim.streamClosed(bench.now, stream, reason, true);
    }
    for (const { messages, to } of sent) {
      const [first] = messages;
      if (first?.kind !== "ping" || !answering.includes(to)) continue;
      bench.receive(to, { kind: "ack", seq: first.seq, payload: undefined });
    }
  }
}

function addressOf(name: string): string {
  return `10.0.0.${name.slice(1)}:7946`;
}

const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `m${from + index}`);

describe("a probe", () => {
  /** Nine others, m2 of which has just been pinged and is silent. */
  function probing(): Watched {
    const watched = new Watched(9);
    watched.runUntilPinged("m2", names(3, 10));
    return watched;
  }

  const others = new Set(names(3, 10));

  test("that is refused twice accuses when the ping has timed out, and tells five others", () => {
    const watched = probing();
    const world = { refusing: new Set(["m2"]), answering: others };
    watched.run(499, world);
    expect(watched.state("m2")).toBe("alive 1");
    expect(watched.dials.filter(({ to }) => to === addressOf("m2"))).toHaveLength(1);
    watched.run(1, world);
    expect(watched.state("m2")).toBe("suspect 1");
    watched.run(1, world);
    expect(new Set(watched.accusations("m2")).size).toBe(5);
    expect(watched.bench.host.lines).toContain("info Suspect m2 has failed, connection refused");
  });

  test("that is refused once, and then answered by silence, waits for its end", () => {
    const watched = probing();
    watched.run(400, { refusing: new Set(["m2"]), answering: others });
    watched.run(599, { refusing: new Set(), answering: others });
    expect(watched.state("m2")).toBe("alive 1");
    watched.run(1, { refusing: new Set(), answering: others });
    expect(watched.state("m2")).toBe("suspect 1");
    expect(watched.accusations("m2")).toEqual([]);
  });

  test("that is refused and answered late accuses nobody, and believes no refusal from there again", () => {
    const watched = probing();
    watched.run(300, { refusing: new Set(["m2"]), answering: others });
    const all = { refusing: new Set(["m2"]), answering: new Set(names(2, 10)) };
    watched.run(200, all);
    expect(watched.state("m2")).toBe("alive 1");
    watched.run(500, all);
    const pings = watched.pings("m2").length;
    while (watched.pings("m2").length === pings) watched.run(1, { ...all, answering: others });
    watched.run(900, { ...all, answering: others });
    expect(watched.state("m2")).toBe("alive 1");
    watched.run(101, { ...all, answering: others });
    expect(watched.state("m2")).toBe("suspect 1");
    expect(watched.accusations("m2")).toEqual([]);
  });

  test("leaves the suspect to Lifeguard as long as nobody else accuses it", () => {
    const watched = probing();
    watched.run(15_000, { refusing: new Set(["m2"]), answering: others });
    expect(watched.state("m2")).toBe("suspect 1");
  });

  test("declares it dead when two others accuse it and it is refused once more", () => {
    const watched = probing();
    const world = { refusing: new Set(["m2"]), answering: others };
    watched.run(600, world);
    watched.accuse("m2", "m3");
    watched.run(400, world);
    expect(watched.state("m2")).toBe("suspect 1");
    watched.accuse("m2", "m4");
    expect(watched.state("m2")).toBe("suspect 1");
    watched.run(250, world);
    expect(watched.state("m2")).toBe("dead 1");
    expect(watched.bench.swim.counters.suspicionsShortened).toBe(1);
    watched.run(1, world);
    const told = watched.packets.filter(({ messages: [first] }) => first?.kind === "dead");
    expect(told.map(({ to }) => to)).toEqual(expect.arrayContaining(names(3, 10).map(addressOf)));
    expect(watched.bench.host.lines).toContain(
      "info Marking m2 as failed, connection refused (2 peer confirmations)",
    );
  });

  test("does not, if the suspect takes connections again when the second one accuses it", () => {
    const watched = probing();
    watched.run(1_000, { refusing: new Set(["m2"]), answering: others });
    watched.accuse("m2", "m3");
    watched.accuse("m2", "m4");
    watched.run(3_000, { refusing: new Set(), answering: new Set(names(2, 10)) });
    expect(watched.state("m2")).toBe("suspect 1");
    expect(watched.bench.swim.counters.suspicionsShortened).toBe(0);
  });

  test("does not, if the suspect refutes before that", () => {
    const watched = probing();
    const world = { refusing: new Set(["m2"]), answering: others };
    watched.run(600, world);
    watched.bench.receive(addressOf("m2"), aliveClaim("m2", { incarnation: 2 }));
    watched.accuse("m2", "m3");
    watched.accuse("m2", "m4");
    watched.run(300, world);
    expect(watched.state("m2")).toBe("alive 2");
  });

  test("is not dialled early, and refusals mean nothing, when that is off", () => {
    const bench = SwimBench.started({ refusals: false });
    bench.receive(addressOf("m2"), aliveClaim("m2"));
    bench.runUntilSent("ping");
    bench.run(499);
    expect(bench.takeDial()).toBeUndefined();
    bench.run(1);
    const stream = bench.takeDial()?.stream ?? 0;
    bench.swim.streamClosed(bench.now, stream, "connection refused", true);
    bench.run(499);
    expect(bench.view()).toMatchObject({ m2: "alive 1" });
    expect(bench.takeDial()).toBeUndefined();
  });
});

test.for([
  { others: 1, time: 500 + 6 * 250 },
  { others: 2, time: undefined },
])("a group of two looks longer, and one of three waits for the third ($others)", (row) => {
  const { others, time } = row;
  const watched = new Watched(others);
  const answering = new Set(names(3, 1 + others));
  watched.runUntilPinged("m2", [...answering]);
  const world = { refusing: new Set(["m2"]), answering };
  watched.run(time === undefined ? 3_900 : time - 200, world);
  expect(watched.state("m2")).toBe("suspect 1");
  if (time === undefined) watched.accuse("m2", "m3");
  watched.run(200, world);
  expect(watched.state("m2")).toBe("dead 1");
  expect(watched.bench.swim.counters.suspicionsShortened).toBe(1);
});

describe("who hears of a suspicion", () => {
  const calm = new Set(names(3, 10));

  test("from the accuser looks for itself within a moment, tells the suspect, and confirms", () => {
    const watched = new Watched(9);
    watched.accuse("m2", "m3");
    watched.run(300, { refusing: new Set(["m2"]), answering: calm });
    const warning = watched.packets.find(({ to }) => to === addressOf("m2"));
    expect(warning?.messages).toEqual([
      expect.objectContaining({ kind: "ping", node: "m2" }),
      { kind: "suspect", node: "m2", incarnation: 1, from: "me" },
    ]);
    expect(watched.accusations("m2")).toContain(addressOf("m3"));
    expect(watched.accusations("m2").length).toBeLessThanOrEqual(3);
  });

  test.for([
    { what: "is silent", world: { refusing: new Set<string>(), answering: calm } },
    {
      what: "refuses and answers pings",
      world: { refusing: new Set(["m2"]), answering: new Set(names(2, 10)) },
    },
  ])("says nothing of a suspect that $what", ({ world }) => {
    const watched = new Watched(9);
    watched.accuse("m2", "m3");
    watched.run(400, world);
    expect(watched.dials.filter(({ to }) => to === addressOf("m2"))).toHaveLength(1);
    expect(watched.accusations("m2")).toEqual([]);
  });

  test("from somebody else looks only by chance, so that a handful does in a group of any size", () => {
    let looked = 0;
    for (let turn = 0; turn < 60; turn += 1) {
      const bench = SwimBench.started({ refusals: true }, turn + 1);
      for (const name of names(2, 101)) bench.receive("10.0.0.3:7946", aliveClaim(name));
      const claim = { kind: "suspect", node: "m2", incarnation: 1, from: "m3" } as const;
      for (const through of ["m4", "m5", "m6"]) bench.receive(addressOf(through), claim);
      bench.takeOutputs();
      bench.run(249);
      const dialled = bench.takeOutputs().some((output) => output.kind === "dial");
      if (dialled) looked += 1;
    }
    expect(looked).toBeGreaterThan(0);
    expect(looked).toBeLessThan(12);
  });

  test("looks once, however often and from whomever it hears it", () => {
    const watched = new Watched(9);
    for (const by of ["m3", "m4", "m5", "m3"]) watched.accuse("m2", by);
    watched.run(2_000, { refusing: new Set(), answering: calm });
    const looks = watched.dials.filter(({ to }) => to === addressOf("m2"));
    // Besides it is probed now and then.
    expect(looks.length - watched.pings("m2").length / 2).toBeLessThanOrEqual(1);
  });

  test("looks at sixteen at one time at most", () => {
    const watched = new Watched(100);
    for (const name of names(12, 101)) watched.accuse(name, "m2");
    watched.run(125, { refusing: new Set(), answering: new Set() });
    const pinged = new Set(
      watched.packets
        .filter(({ messages: [, second] }) => second?.kind === "suspect")
        .map(({ to }) => to),
    );
    expect(pinged.size).toBe(16);
  });
});
