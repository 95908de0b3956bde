import { describe, expect, test } from "vitest";
import { type LifeguardParts, wholeLifeguard } from "../../src/swim/config.js";
import { aliveClaim, SwimBench } from "../support/swim-host.js";

/** A machine that knows `others` members, with some parts of Lifeguard taken away. */
function bench(others: number, parts: Partial<LifeguardParts>): SwimBench {
  const lifeguard = { ...wholeLifeguard, ...parts };
  const started = SwimBench.started({ lifeguard });
  for (let number = 2; number < 2 + others; number += 1) {
    started.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
  }
  started.takePackets();
  return started;
}

/** How long nobody else needs to agree until m2 is dead. */
function patience(parts: Partial<LifeguardParts>): number {
  const accuser = bench(8, parts);
  accuser.receive("10.0.0.3:7946", {
    kind: "suspect",
    node: "m2",
    incarnation: 1,
    from: "m3",
  });
  while (!accuser.delegate.events.includes("dead m2")) accuser.run(100);
  return accuser.now;
}

describe("LHA-Suspicion", () => {
  test.for([
    { parts: {}, time: 24_000 },
    { parts: { suspicion: false }, time: 4_000 },
  ])("with $parts an accusation that nobody confirms holds after $time ms", ({ parts, time }) => {
    expect(patience(parts)).toBe(time);
  });
});

describe("LHA-Probe", () => {
  test.for([
    { parts: {}, degraded: 3 },
    { parts: { probe: false }, degraded: 0 },
  ])("with $parts $degraded probes are stretched when all are silent", ({ parts, degraded }) => {
    const prober = bench(20, parts);
    prober.run(20_000);
    expect(prober.swim.health).toBe(7);
    expect(prober.swim.counters.probesDegraded).toBe(degraded);
  });

  test.for([
    { parts: {}, nack: true },
    { parts: { probe: false }, nack: false },
  ])("with $parts a helper is asked for nacks: $nack", ({ parts, nack }) => {
    const [request] = bench(6, parts).runUntilSent("indirect-ping").messages;
    expect(request).toMatchObject({ nack });
  });
});

describe("the Buddy System", () => {
  test.for([
    { parts: {}, kinds: ["ping", "suspect"] },
    { parts: { buddy: false }, kinds: ["ping"] },
  ])("with $parts a suspect is sent $kinds", ({ parts, kinds }) => {
    const prober = bench(1, parts);
    const suspected = prober.runUntilSent("ping");
    expect(suspected.messages[0]).toMatchObject({ node: "m2" });
    // What there is to gossip has been sent often enough before the next ping.
    prober.run(2_500);
    prober.takePackets();
    const ping = prober.runUntilSent("ping");
    expect(ping.messages.map(({ kind }) => kind)).toEqual(kinds);
  });
});
