import { describe, expect, test } from "vitest";
import { arrangeLanes, HandlerLane, type LaneRun } from "../../src/agent/handler-lane.js";
import { formatFilter, parseHandlerSpec } from "../../src/agent/handler-spec.js";
import { RunSlots } from "../../src/agent/run-slots.js";
import type { SerfEvent } from "../../src/serf/events.js";
import { keptLog, member, memberEvent, query, userEvent } from "./handler-events.js";

const specs = (...texts: string[]) => texts.flatMap(parseHandlerSpec);

describe("lanes", () => {
  test.for([
    {
      what: "scripts that hear all have their own",
      texts: ["a", "*=b", "member-join,member-leave,member-failed=c"],
      lanes: [["*=a"], ["*=b"], ["member-join=c", "member-leave=c", "member-failed=c"]],
    },
    {
      what: "scripts that hear a part of a member's life share one",
      texts: ["member-join=add", "all", "member-leave,member-failed=remove"],
      lanes: [["member-join=add", "member-leave=remove", "member-failed=remove"], ["*=all"]],
    },
    {
      what: "user events and queries have one per script",
      texts: ["user:x=a", "query=b", "user:y=a"],
      lanes: [["user:x=a", "user:y=a"], ["query=b"]],
    },
    {
      what: "one script is never in two",
      texts: ["member-join=x", "member-leave=x", "user=x", "member-failed=x"],
      lanes: [["member-join=x", "member-leave=x", "user=x", "member-failed=x"]],
    },
  ])("$what", ({ texts, lanes }) => {
    expect(
      arrangeLanes(specs(...texts)).map((lane) =>
        lane.map(({ filter, script }) => `${formatFilter(filter)}=${script}`),
      ),
    ).toEqual(lanes);
  });
});

/** Lanes whose scripts end when the test says so. */
function workshop({ slots = 16 } = {}) {
  const log = keptLog();
  const clock = { now: 0 };
  const started: string[] = [];
  const running = new Map<string, (isOk?: boolean) => void>();
  const rests = new Set<{ readonly until: number; readonly run: () => void }>();
  const givenUp: string[] = [];
  const parts = {
    log,
    now: () => clock.now,
    slots: new RunSlots(slots),
    run: (script: string, event: SerfEvent) => {
      expect(running.has(script), `${script} overlaps itself`).toBe(false);
      const about = "members" in event ? event.members.map(({ name }) => name).join() : event.name;
      started.push(`${script} ${event.kind} ${about}`);
      return new Promise<LaneRun>((resolve) => {
        running.set(script, (isOk = true) => resolve({ id: started.length, isOk }));
      });
    },
    schedule: (delay: number, run: () => void) => {
      const rest = { until: clock.now + delay, run };
      rests.add(rest);
      return () => rests.delete(rest);
    },
    giveUp: (script: string) => givenUp.push(script),
  };
  /** Lets the script end and what follows from it begin. */
  const end = async (script: string, isOk = true): Promise<void> => {
    const run = running.get(script);
    running.delete(script);
    run?.(isOk);
    await settled();
  };
  const pass = async (time: number): Promise<void> => {
    clock.now += time;
    for (const rest of [...rests]) {
      if (rest.until > clock.now) continue;
      rests.delete(rest);
      rest.run();
    }
    await settled();
  };
  return { log, clock, started, givenUp, parts, end, pass };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const joins = (...names: string[]) =>
  memberEvent("member-join", ...names.map((name) => member(name)));

test("handlers of a lane run one after the other, in the order of their configuration", async () => {
  const { started, parts, end } = workshop();
  const lane = new HandlerLane(specs("*=a", "user=b", "*,user=c"), parts);
  lane.offer(userEvent("one"));
  lane.offer(joins("x"));
  await settled();
  expect(started).toEqual(["a user one"]);
  await end("a");
  expect(started.slice(1)).toEqual(["b user one"]);
  await end("b");
  await end("c");
  expect(started.slice(2)).toEqual(["c user one", "c user one"]);
  await end("c");
  await end("a");
  await end("c");
  expect(started.slice(4)).toEqual(["a member-join x", "c member-join x"]);
  expect(lane.busy).toBe(false);
});

test("a lane that ends its work takes what comes at that moment", async () => {
  const { started, parts, end } = workshop();
  const lane = new HandlerLane(specs("a"), parts);
  for (let round = 0; round < 3; round += 1) {
    lane.offer(userEvent("now"));
    await Promise.resolve();
    await settled();
    await end("a");
  }
  expect(started).toHaveLength(3);
});

test("idle lanes begin in the order of registration, no more than there are slots", async () => {
  const { started, parts, end } = workshop({ slots: 2 });
  const lanes = ["a", "b", "c", "d"].map((script) => new HandlerLane(specs(script), parts));
  for (const lane of lanes) lane.offer(userEvent("x"));
  await settled();
  expect(started).toEqual(["a user x", "b user x"]);
  await end("b");
  expect(started).toEqual(["a user x", "b user x", "c user x"]);
  await end("a");
  expect(started.at(-1)).toBe("d user x");
});

test("a query that is over when its turn comes is not run", async () => {
  const { clock, started, parts, end } = workshop();
  const lane = new HandlerLane(specs("query=a", "query=b"), parts);
  lane.offer(query("load", { deadline: 100 }));
  await settled();
  clock.now = 100;
  await end("a");
  expect(started).toEqual(["a query load"]);
  expect(lane.counts.expired).toBe(1);
});

test("a lane that had to drop events says so, but not for each", async () => {
  const { log, clock, parts, end } = workshop();
  const lane = new HandlerLane(specs("slow"), parts);
  lane.offer(userEvent("first"));
  await settled();
  for (let count = 0; count < 4_096 + 10; count += 1) lane.offer(userEvent("x"));
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toMatch(/^WARN handler is behind.*"slow".*"dropped":1,/);
  clock.now = 10_000;
  lane.offer(userEvent("x"));
  expect(log.lines).toHaveLength(2);
  expect(log.lines[1]).toContain('"dropped":10,');
  lane.offer(userEvent("x"));
  for (let count = 0; count <= 4_096; count += 1) await end("slow");
  expect(lane.busy).toBe(false);
  expect(log.lines).toHaveLength(3);
  expect(log.lines[2]).toContain('"dropped":1,');
});

test("a lane waits for an earlier one with the same script, which ends its own work first", async () => {
  const { started, parts, end } = workshop();
  const old = new HandlerLane(specs("a", "b"), parts);
  old.offer(userEvent("one"));
  old.offer(userEvent("two"));
  await settled();
  old.retire(new Set(["a"]));
  const lane = new HandlerLane(specs("a"), parts, [old]);
  lane.offer(userEvent("three"));
  await settled();
  expect(started).toEqual(["a user one"]);
  await end("a");
  await end("b");
  await end("a");
  await end("a");
  expect(started).toEqual(["a user one", "b user one", "a user two", "a user three"]);
  expect([old.busy, lane.busy]).toEqual([false, false]);
});

describe("a handler that is to run again if it fails", () => {
  test("rests longer each time, is told the same, and is given up after ten tries", async () => {
    const { started, givenUp, parts, end, pass } = workshop();
    const lane = new HandlerLane(specs("retry:member-join=a", "user=b"), parts);
    lane.offer(joins("x"));
    lane.offer(userEvent("later"));
    await settled();
    for (const rest of [1, 2, 4, 8, 16, 32, 60, 60, 60]) {
      await end("a", false);
      const before = started.length;
      await pass(rest * 1_000 - 1);
      expect(started).toHaveLength(before);
      await pass(1);
      expect(started.slice(before)).toEqual(["a member-join x"]);
    }
    expect(givenUp).toEqual([]);
    await end("a", false);
    expect(givenUp).toEqual(["a"]);
    expect(started.slice(10)).toEqual(["b user later"]);
  });

  test("is told no more of whom something newer waits", async () => {
    const { started, parts, end, pass } = workshop();
    const lane = new HandlerLane(specs("retry:member-join,member-leave,member-failed=a"), parts);
    lane.offer(joins("x", "y"));
    await settled();
    await end("a", false);
    lane.offer(memberEvent("member-failed", member("x", { status: "failed" })));
    await pass(1_000);
    expect(started.slice(1)).toEqual(["a member-join y"]);
    await end("a");
    expect(started.slice(2)).toEqual(["a member-failed x"]);
  });

  test("has nothing to be told again when all of it is out of date", async () => {
    const { started, givenUp, parts, end, pass } = workshop();
    const lane = new HandlerLane(specs("retry:*=a"), parts);
    lane.offer(joins("x"));
    await settled();
    await end("a", false);
    lane.offer(memberEvent("member-leave", member("x", { status: "left" })));
    await pass(1_000);
    expect(started.slice(1)).toEqual(["a member-leave x"]);
    expect(givenUp).toEqual([]);
  });

  test("answers a query again only while somebody waits for it", async () => {
    const { started, givenUp, parts, end, pass } = workshop();
    const lane = new HandlerLane(specs("retry:query=a"), parts);
    lane.offer(query("load", { deadline: 2_500 }));
    await settled();
    await end("a", false);
    await pass(1_000);
    expect(started).toHaveLength(2);
    await end("a", false);
    await pass(60_000);
    expect([started.length, givenUp]).toEqual([2, ["a"]]);
  });

  test("lets one without that mark go on after a failure", async () => {
    const { started, parts, end } = workshop();
    const lane = new HandlerLane(specs("member-join=a"), parts);
    lane.offer(joins("x"));
    await settled();
    lane.offer(joins("y"));
    await end("a", false);
    expect(started.slice(1)).toEqual(["a member-join y"]);
  });

  test("stops when a reload takes it away, and when the agent ends", async () => {
    for (const how of ["retire", "stop"] as const) {
      const { started, parts, end, pass } = workshop();
      const lane = new HandlerLane(specs("retry:member-join=a"), parts);
      lane.offer(joins("x"));
      await settled();
      await end("a", false);
      if (how === "retire") lane.retire(new Set());
      else lane.stop();
      await pass(60_000);
      expect([started.length, lane.busy]).toEqual([1, false]);
    }
  });

  test("is not run by hand any more once a reload has taken it away", async () => {
    const { started, parts, end } = workshop();
    const [a, b] = specs("member-join=a", "member-join=b");
    if (a === undefined || b === undefined) throw new Error("no handlers");
    const lane = new HandlerLane([a, b], parts);
    lane.offer(joins("x"));
    await settled();
    const runs: (readonly [string, number | undefined])[] = [];
    for (const handler of [a, b]) {
      const done = (run?: number): number => runs.push([handler.script, run]);
      lane.send({ cause: "rerun", handler, event: joins("y"), of: 9, done });
    }
    lane.retire(new Set(["b"]));
    expect(runs).toEqual([["a", undefined]]);
    await end("a");
    await end("b");
    await end("b");
    expect(started).toEqual(["a member-join x", "b member-join x", "b member-join y"]);
    expect(runs.slice(1)).toEqual([["b", 3]]);
  });

  test("runs at once for who asks for it while it rests", async () => {
    const { started, parts, end, pass } = workshop();
    const [handler] = specs("retry:member-join=a");
    const lane = new HandlerLane(handler === undefined ? [] : [handler], parts);
    lane.offer(joins("x"));
    await settled();
    await end("a", false);
    const runs: (number | undefined)[] = [];
    const errand = { cause: "rerun", done: (run?: number) => runs.push(run) } as const;
    if (handler === undefined) throw new Error("no handler");
    // The run that failed has the id 1: what is asked for is what is due next anyway.
    expect(lane.send({ ...errand, handler, event: joins("x"), of: 1 })).toBe(true);
    await settled();
    expect(started).toEqual(["a member-join x", "a member-join x"]);
    await end("a", false);
    expect(runs).toEqual([2]);
    // Another run is done in between, and the rest is over as well.
    expect(lane.send({ ...errand, handler, event: joins("z"), of: 7 })).toBe(true);
    await settled();
    await end("a");
    expect([started.slice(2), runs]).toEqual([
      ["a member-join z", "a member-join x"],
      [2, 3],
    ]);
    await end("a");
    await pass(60_000);
    expect([started.length, lane.busy]).toEqual([4, false]);
  });
});
