import { describe, expect, test } from "vitest";
import { profiles, wholeThoroughness } from "../../src/swim/config.js";
import type { JoinResult } from "../../src/swim/join.js";
import { DecodeError } from "../../src/wire/errors.js";
import type { MemberState, PushPull } from "../../src/wire/swim-messages.js";
import {
  address,
  aliveClaim,
  memberState,
  noBytes,
  SwimBench,
  stockVersions,
  text,
} from "../support/swim-host.js";

function pushPull(members: MemberState[], changes: Partial<PushPull> = {}): PushPull {
  return { kind: "push-pull", join: false, members, userState: noBytes, ...changes };
}

function namesOf(message: unknown): string[] {
  return (message as PushPull).members.map(({ node }) => node).sort();
}

describe("who is asked for an exchange", () => {
  test("21: answers with what it knew before and echoes Join", () => {
    for (const join of [true, false]) {
      const bench = SwimBench.started();
      bench.receive("10.0.0.2:7946", aliveClaim("m2"));
      const { reply, closed } = bench.request(pushPull([memberState("m3")], { join }));
      expect(namesOf(reply)).toEqual(["m2", "me"]);
      expect(reply).toMatchObject({ kind: "push-pull", join });
      expect(closed).toBe(true);
      expect(bench.view()).toMatchObject({ m3: "alive 1" });
    }
  });

  test("22: lists itself, the suspect, the dead and the left, all with six versions", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.2:7946", ...["m2", "m3", "m4"].map((name) => aliveClaim(name)));
    bench.receive("10.0.0.2:7946", { kind: "suspect", node: "m2", incarnation: 1, from: "x" });
    bench.receive("10.0.0.2:7946", { kind: "dead", node: "m3", incarnation: 1, from: "x" });
    bench.receive("10.0.0.2:7946", { kind: "dead", node: "m4", incarnation: 1, from: "m4" });
    const { members } = bench.request(pushPull([])).reply as PushPull;
    const states = members.map(({ node, state }) => `${node} ${state}`).sort();
    expect(states).toEqual(["m2 suspect", "m3 dead", "m4 left", "me alive"]);
    expect(members.every(({ versions }) => versions.length === 6)).toBe(true);
  });

  test("gives the state of the layer above and hands on the other's", () => {
    const bench = SwimBench.started();
    bench.delegate.state = text("ours");
    const { reply } = bench.request(pushPull([], { join: true, userState: text("theirs") }));
    expect(reply).toMatchObject({ userState: text("ours") });
    expect(bench.delegate.merges).toEqual([{ state: "theirs", join: true, ours: false }]);
    bench.request(pushPull([]));
    expect(bench.delegate.merges).toHaveLength(1);
  });

  test("1.11: merges nothing if one of the members speaks another version", () => {
    const bench = SwimBench.started();
    const old = memberState("m3", { state: "left", versions: noBytes });
    const { reply } = bench.request(
      pushPull([memberState("m2"), old], { userState: text("state") }),
    );
    expect(namesOf(reply)).toEqual(["me"]);
    expect(bench.view()).toEqual({ me: "alive 1" });
    expect(bench.delegate.merges).toEqual([]);
    expect(bench.host.lines).toContain(
      "warn Failed push/pull merge: Node 'm3' protocol version (0) is incompatible: [1, 5]",
    );
  });

  test("is not shaken by a layer above that cannot read its part", () => {
    const bench = SwimBench.started();
    bench.delegate.fault = new DecodeError("malformed", "not a state");
    bench.request(pushPull([memberState("m2")], { userState: text("junk") }));
    expect(bench.view()).toMatchObject({ m2: "alive 1" });
    expect(bench.swim.counters.faults.malformed).toBe(1);
  });
});

describe("24: what the other side says becomes", () => {
  test.for<{ state: MemberState["state"]; becomes: string }>([
    { state: "alive", becomes: "alive 2" },
    { state: "suspect", becomes: "suspect 2" },
    { state: "dead", becomes: "suspect 2" },
    { state: "left", becomes: "left 2" },
  ])("$state: $becomes", ({ state, becomes }) => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.2:7946", aliveClaim("m2"));
    bench.request(pushPull([memberState("m2", { state, incarnation: 2 })]));
    expect(bench.view()).toMatchObject({ m2: becomes });
  });

  test("of a member that we do not know: nothing, unless it is alive", () => {
    const bench = SwimBench.started();
    const states = (["alive", "suspect", "dead", "left"] as const).map((state, index) =>
      memberState(`m${index + 2}`, { state }),
    );
    bench.request(pushPull(states));
    expect(bench.view()).toEqual({ m2: "alive 1", me: "alive 1" });
  });

  test("of ourselves: refuted, which is how a restarted member comes back", () => {
    for (const state of ["suspect", "dead", "left"] as const) {
      const bench = SwimBench.started();
      const ip = Uint8Array.of(10, 0, 0, 1);
      bench.request(pushPull([memberState("me", { state, incarnation: 7, ip })]));
      expect(bench.view()).toEqual({ me: "alive 8" });
    }
  });
});

describe("a join", () => {
  function joining(targets: string[]): { bench: SwimBench; results: JoinResult[] } {
    const bench = SwimBench.started();
    const results: JoinResult[] = [];
    bench.swim.join(
      0,
      targets.map((target) => ({ address: address(target), name: "" })),
      (result) => results.push(result),
    );
    return { bench, results };
  }

  test("sends our state with Join, and takes over what comes back", () => {
    const { bench, results } = joining(["10.0.0.2:7946"]);
    const dial = bench.takeDial();
    expect(dial).toMatchObject({ to: "10.0.0.2:7946", message: { kind: "push-pull", join: true } });
    expect(namesOf(dial?.message)).toEqual(["me"]);
    expect(bench.host.lines).toContain("debug Initiating push/pull sync with: 10.0.0.2:7946");
    bench.answer(
      dial?.stream ?? 0,
      pushPull([memberState("m2"), memberState("m3")], { join: true, userState: text("state") }),
    );
    expect(results).toEqual([{ contacted: 1, failures: [] }]);
    expect(bench.view()).toMatchObject({ m2: "alive 1", m3: "alive 1" });
    expect(bench.delegate.merges).toEqual([{ state: "state", join: true, ours: true }]);
    expect(bench.takeOutputs()).toEqual([{ kind: "close", stream: dial?.stream }]);
  });

  test("goes to all targets, one after the other, and tells which failed and why", () => {
    const { bench, results } = joining(["10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1", "10.0.0.5:1"]);
    const first = bench.takeDial();
    expect(bench.takeDial()).toBeUndefined();
    bench.swim.streamClosed(0, first?.stream ?? 0, "connection refused");
    const second = bench.takeDial();
    bench.answer(second?.stream ?? 0, pushPull([memberState("m3")]));
    const third = bench.takeDial();
    bench.answer(third?.stream ?? 0, { kind: "error", error: "go away" });
    const fourth = bench.takeDial();
    expect(results).toEqual([]);
    bench.swim.streamClosed(0, fourth?.stream ?? 0, undefined);
    const failures = [
      { address: address("10.0.0.2:1"), reason: "connection refused" },
      { address: address("10.0.0.4:1"), reason: "remote error: go away" },
      { address: address("10.0.0.5:1"), reason: "EOF" },
    ];
    expect(results).toEqual([{ contacted: 1, failures }]);
  });

  test("waits for TCPTimeout and no longer", () => {
    const { bench, results } = joining(["10.0.0.2:7946"]);
    const dial = bench.takeDial();
    bench.run(9_999);
    expect(results).toEqual([]);
    bench.run(1);
    const failures = [{ address: address("10.0.0.2:7946"), reason: "i/o timeout" }];
    expect(results).toEqual([{ contacted: 0, failures }]);
    expect(bench.takeOutputs()).toContainEqual({ kind: "close", stream: dial?.stream });
    bench.answer(dial?.stream ?? 0, pushPull([memberState("m2")]));
    expect(bench.view()).toEqual({ me: "alive 1" });
  });

  test("fails if the groups cannot be one, or the answer is none", () => {
    const { bench, results } = joining(["10.0.0.2:7946", "10.0.0.3:7946", "10.0.0.4:7946"]);
    const versions = Uint8Array.of(1, 5, 9, 2, 5, 5);
    bench.answer(bench.takeDial()?.stream ?? 0, pushPull([memberState("m2", { versions })]));
    bench.answer(bench.takeDial()?.stream ?? 0, { kind: "ack", seq: 1, payload: undefined });
    bench.swim.receiveStream(0, bench.takeDial()?.stream ?? 0, Uint8Array.of(99));
    expect(results[0]?.contacted).toBe(0);
    expect(results[0]?.failures.map(({ reason }) => reason)).toEqual([
      "Node 'm2' protocol version (9) is incompatible: [1, 5]",
      "received a message of kind ack, expected push-pull",
      "received invalid msgType (99)",
    ]);
  });

  test("counts also if the layer above cannot read its part", () => {
    const { bench, results } = joining(["10.0.0.2:7946"]);
    bench.delegate.fault = new DecodeError("malformed", "not a state");
    bench.answer(bench.takeDial()?.stream ?? 0, pushPull([], { userState: text("junk") }));
    expect(results).toEqual([{ contacted: 1, failures: [] }]);
  });

  test("of nobody is over at once", () => {
    expect(joining([]).results).toEqual([{ contacted: 0, failures: [] }]);
  });
});

describe("now and then", () => {
  const timing = { ...profiles.lan, probeInterval: 1e9, gossipInterval: 1e9 };
  /** Members that come are no reason for an exchange of their own. */
  const thoroughness = { ...wholeThoroughness, surge: false };

  test("a member exchanges all with one that is alive, without Join", () => {
    const bench = SwimBench.started({ timing, thoroughness });
    bench.receive("10.0.0.2:7946", ...["m2", "m3", "m4"].map((name) => aliveClaim(name)));
    bench.receive("10.0.0.2:7946", { kind: "dead", node: "m3", incarnation: 1, from: "m3" });
    bench.receive("10.0.0.2:7946", { kind: "suspect", node: "m4", incarnation: 1, from: "m2" });
    bench.receive("10.0.0.2:7946", { kind: "dead", node: "m4", incarnation: 1, from: "m2" });
    for (let round = 0; round < 4; round += 1) {
      bench.takeOutputs();
      bench.run(30_000);
      const dial = bench.takeDial();
      expect(dial).toMatchObject({ to: "10.0.0.2:7946", message: { join: false } });
      bench.swim.streamClosed(bench.now, dial?.stream ?? 0, "connection refused");
    }
    expect(
      bench.host.lines.filter((line) => /^warn Push\/Pull with m2 failed: /.test(line)),
    ).toHaveLength(4);
    expect(bench.swim.counters).toMatchObject({ pushPulls: 4, pushPullsFailed: 4 });
  });

  test.for([
    { members: 32, wait: 30_000 },
    { members: 33, wait: 60_000 },
    { members: 65, wait: 90_000 },
  ])("among $members every $wait ms", ({ members, wait }) => {
    const bench = SwimBench.started({ timing, thoroughness });
    for (let number = 2; number <= members; number += 1) {
      bench.receive("10.0.0.2:7946", aliveClaim(`m${number}`));
    }
    bench.run(30_000);
    expect(bench.swim.counters.pushPulls).toBe(1);
    bench.run(3 * wait);
    expect(bench.swim.counters.pushPulls).toBe(4);
  });

  test("but not alone", () => {
    const bench = SwimBench.started({ timing, thoroughness });
    bench.run(100_000);
    expect(bench.takeOutputs()).toEqual([]);
  });
});

test("48: what we announce are the versions of the default agent", () => {
  const { members } = SwimBench.started().request(pushPull([])).reply as PushPull;
  expect(members.map(({ versions }) => versions)).toEqual([stockVersions]);
});
