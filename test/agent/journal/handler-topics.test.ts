import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HandlerJournal } from "../../../src/agent/journal/handler-journal.js";
import { HandlerTopics } from "../../../src/agent/journal/handler-topics.js";
import { TopicAnswers } from "../../../src/agent/topic-answers.js";
import type { HandlerState } from "../../../src/observe/handler-run.js";
import type { TopicName, Topics } from "../../../src/observe/topics.js";
import type { Member } from "../../../src/serf/events.js";
import { until } from "../../support/wait.js";
import { keptLog, member, memberEvent, query, userEvent } from "../handler-events.js";
import { hubWith } from "../handler-scripts.js";
import { tempDir } from "../temp-dir.js";

/** A hub with real scripts whose rests are over at once, and what its clients can ask. */
function asked(
  handlers: readonly string[],
  { path, view = [] }: { readonly path?: string; readonly view?: readonly Member[] } = {},
) {
  let members: readonly Member[] | undefined = view;
  const now = (): number => performance.now();
  const rests: { readonly delay: number; readonly run: () => void }[] = [];
  const journal = new HandlerJournal({ log: keptLog(), now, wallClock: () => Date.now(), path });
  const stage = hubWith(handlers, {
    journal,
    members: () => members,
    schedule: (delay, run) => {
      const rest = { delay, run };
      rests.push(rest);
      return () => rests.splice(rests.indexOf(rest), 1);
    },
  });
  const topics = new TopicAnswers();
  const parts = { hub: stage.hub, now, wallClock: () => Date.now(), members: () => members };
  new HandlerTopics(parts).answerIn(topics);
  return {
    ...stage,
    journal,
    rests,
    see: (...now: Member[]) => {
      members = now;
      stage.hub.noteChange();
    },
    seeNothing: () => {
      members = undefined;
    },
    /** Ends the rest that is under way. */
    endRest: () => rests.shift()?.run(),
    ask: async <Name extends TopicName>(
      topic: Name,
      ask: Topics[Name]["ask"],
    ): Promise<Topics[Name]["answer"]> =>
      (await topics.answer(topic, ask)) as Topics[Name]["answer"],
  };
}

const joined = (...names: string[]) =>
  memberEvent("member-join", ...names.map((name) => member(name)));
const lost = (name: string) => member(name, { status: "failed", tags: { role: "web" } });

test("the state of each handler says what it runs, how it fared and whom it knows", async () => {
  const { ask, hub, runs } = asked(
    [
      "member-join,member-leave,member-failed=cat >/dev/null",
      "user:deploy=exit 3",
      "state+json:role=web=cat >/dev/null",
    ],
    { view: [member("x"), member("y")] },
  );
  hub.handle(joined("x", "z"));
  hub.handle(userEvent("deploy"));
  hub.noteChange();
  await runs(3);
  const { handlers, journal } = await ask("handlers", {});
  expect(journal).toBeNull();
  const brief = (state: HandlerState) => ({
    ...state,
    times: undefined,
    lastSuccessAt: state.lastSuccessAt !== null,
    lastRun: state.lastRun?.result,
  });
  const idle = { running: null, waiting: 0, resting: null, times: undefined };
  const counts = { runs: 1, failures: 0, timeouts: 0, retries: 0, givenUp: 0 };
  expect(handlers.map(brief)).toEqual([
    {
      ...idle,
      script: "cat >/dev/null",
      filters: ["member-join", "member-leave", "member-failed"],
      kind: "event",
      retries: false,
      counts: expect.objectContaining({ failures: 0 }),
      lastRun: "ok",
      lastSuccessAt: true,
      seen: { present: 2, gone: ["z"], unknown: ["y"] },
    },
    {
      ...idle,
      script: "exit 3",
      filters: ["user:deploy"],
      kind: "event",
      retries: false,
      counts: { ...counts, failures: 1 },
      lastRun: "failed",
      lastSuccessAt: false,
      seen: null,
    },
    {
      ...idle,
      script: "cat >/dev/null",
      filters: ["state+json:role=web"],
      kind: "state",
      retries: true,
      counts: expect.objectContaining({ failures: 0 }),
      lastRun: "ok",
      lastSuccessAt: true,
      seen: null,
    },
  ]);
});

test("the log is chosen by run, script, member, result and number", async () => {
  const { ask, hub, runs } = asked(["member-join=true", "user=exit 1"]);
  hub.handle(joined("x"));
  hub.handle(userEvent("a"));
  await runs(2);
  hub.handle(joined("y"));
  await runs(3);
  const ids = async (which: Topics["handlers-log"]["ask"]) =>
    (await ask("handlers-log", which)).runs.map(({ event, nodes }) => `${event} ${nodes.join()}`);
  expect(await ids({})).toHaveLength(3);
  expect(await ids({ script: "exit 1" })).toEqual(["user:a "]);
  expect(await ids({ node: "y" })).toEqual(["member-join y"]);
  expect(await ids({ results: ["failed", "timed out"] })).toEqual(["user:a "]);
  expect(await ids({ script: "true", limit: 1 })).toEqual(["member-join y"]);
  expect(await ids({ limit: 0 })).toEqual([]);
  expect(await ids({ within: -1 })).toEqual([]);
  expect(await ids({ id: 99 })).toEqual([]);
  const wrong = { node: 1 } as unknown as Topics["handlers-log"]["ask"];
  await expect(ask("handlers-log", wrong)).rejects.toThrow("node is no name");
});

describe("rerun", () => {
  const script = "cat >>$DIR/in; test -e $DIR/fixed";

  test("runs the last failure again, with those who are still here as they are now", async () => {
    const { ask, dir, hub, runs, see, written } = asked([`member-join=${script}`]);
    hub.handle(joined("x", "y"));
    await runs(1);
    writeFileSync(join(dir, "fixed"), "");
    see(member("x", { ip: [10, 0, 0, 9] }), lost("y"), member("z"));
    const again = await ask("handlers-rerun", { wait: 10_000 });
    expect(again).toMatchObject({
      script,
      event: "member-join",
      nodes: ["x"],
      leftOut: ["y"],
      run: { result: "ok", cause: "rerun", attempt: 1 },
    });
    expect(written("in").split("\n").at(-2)).toBe("x\t10.0.0.9\t\t");
    await expect(ask("handlers-rerun", {})).resolves.toMatchObject({ run: null });
  });

  test("tells of the lost as they were, also when nobody remembers them", async () => {
    const { ask, hub, runs, see, written } = asked([`member-failed=${script}`]);
    hub.handle(memberEvent("member-failed", lost("x"), lost("y")));
    await runs(1);
    see(member("y"));
    expect(await ask("handlers-rerun", { script, wait: 10_000 })).toMatchObject({
      nodes: ["x"],
      leftOut: ["y"],
      run: { result: "failed" },
    });
    expect(written("in").split("\n").at(-2)).toBe("x\t10.0.0.1\tweb\trole=web");
  });

  test("says why it cannot be", async () => {
    const { ask, hub, runs, see } = asked(["member-join,query,user=exit 1", "user:good=true"]);
    await expect(ask("handlers-rerun", {})).rejects.toThrow("no run on record has failed");
    await expect(ask("handlers-rerun", { id: 9 })).rejects.toThrow("there is no run 9 on record");
    await expect(ask("handlers-rerun", { script: "x" })).rejects.toThrow(
      "no run of 'x' is on record",
    );
    hub.handle(query("load"));
    await runs(1);
    await expect(ask("handlers-rerun", {})).rejects.toThrow(
      "run 1 cannot be run again: it was for a query, which nobody waits for any more",
    );
    hub.handle(joined("x"));
    await runs(2);
    see();
    await expect(ask("handlers-rerun", {})).rejects.toThrow(
      "none of its members is alive any more",
    );
    hub.setHandlers([]);
    await expect(ask("handlers-rerun", { id: 2 })).rejects.toThrow(
      "'exit 1' is no handler of this agent any more",
    );
  });

  test("of a state handler tells it the list as it is", async () => {
    const { ask, see, written } = asked(["state=cat >>$DIR/in"]);
    see(member("x"));
    const run = await until("a run", async () => {
      const { handlers } = await ask("handlers", {});
      return handlers[0]?.lastRun ?? undefined;
    });
    expect(run).toMatchObject({ event: "state", nodes: ["x"] });
    expect(await ask("handlers-rerun", { id: run.id, wait: 10_000 })).toMatchObject({
      run: { result: "ok", cause: "rerun", nodes: ["x"] },
    });
    expect(written("in")).toBe("x\t10.0.0.1\t\t\n".repeat(2));
  });
});

describe("retry", () => {
  test("repeats a run until it succeeds, and says meanwhile when the next one is", async () => {
    const { ask, endRest, hub, log, rests, runs } = asked([
      "retry:member-join=cat >/dev/null; echo x >>$DIR/n; test $(wc -l <$DIR/n) = 3",
    ]);
    hub.handle(joined("x"));
    await until("the first rest", () => rests.length === 1);
    expect((await ask("handlers", {})).handlers[0]?.resting?.attempt).toBe(2);
    endRest();
    await until("the second rest", () => rests.length === 1);
    expect(rests[0]?.delay).toBe(2_000);
    endRest();
    await runs(3);
    const told = (await ask("handlers-log", {})).runs.map(({ attempt, cause, result }) => [
      attempt,
      cause,
      result,
    ]);
    expect(told).toEqual([
      [1, "event", "failed"],
      [2, "retry", "failed"],
      [3, "retry", "ok"],
    ]);
    expect(hub.counters).toMatchObject({ retries: 2, givenUp: 0, waiting: 0 });
    expect(log.lines.filter((line) => line.startsWith("WARN"))[0]).toContain(
      "handler failed, runs again",
    );
  });
});

describe("after a crash", () => {
  const script = "cat >>$DIR/in";
  /** What an agent leaves behind that is killed while the script runs for `event`. */
  function killed(event: ReturnType<typeof memberEvent>): string {
    const path = join(tempDir(), "journal");
    const now = (): number => 0;
    const journal = new HandlerJournal({ log: keptLog(), now, wallClock: now, path });
    journal.begin(script, event, { attempt: 1, cause: "event", again: true });
    return path;
  }
  const failure = () => memberEvent("member-failed", lost("x"), lost("y"));

  test("a loss that was under way is told again, once the members are known and if they are not back", async () => {
    const path = killed(failure());
    const { ask, hub, runs, see, seeNothing, written } = asked([`retry:member-failed=${script}`], {
      path,
    });
    seeNothing();
    hub.noteChange();
    see(member("y"));
    await runs(1);
    expect(written("in")).toBe("x\t10.0.0.1\tweb\trole=web\n");
    see(member("y"), member("z"));
    const { runs: log } = await ask("handlers-log", {});
    expect(log.map(({ cause, id, result }) => [id, cause, result])).toEqual([
      [1, "event", "interrupted"],
      [2, "recovery", "ok"],
    ]);
  });

  test.for([
    { what: "without retry", handler: `member-failed=${script}`, event: failure() },
    {
      what: "if all are back",
      handler: `retry:member-failed=${script}`,
      event: memberEvent("member-failed", lost("y")),
    },
    {
      what: "if it was a join, of which events tell",
      handler: `retry:*=${script}`,
      event: joined("y"),
    },
    {
      what: "if it hears such events no more",
      handler: `retry:member-leave=${script}`,
      event: failure(),
    },
  ])("nothing is run again $what", async ({ event, handler }) => {
    const { hub, runs, see } = asked([handler, "user=true"], { path: killed(event) });
    see(member("y"));
    hub.handle(userEvent("end"));
    await runs(1);
    expect(hub.journal.runs().filter(({ cause }) => cause === "recovery")).toEqual([]);
  });

  test("a state handler is told the current list", async () => {
    const path = join(tempDir(), "journal");
    const now = (): number => 0;
    const before = new HandlerJournal({ log: keptLog(), now, wallClock: now, path });
    const old = { kind: "state", members: [member("x"), member("gone")], json: false } as const;
    before.begin(script, old, { attempt: 1, cause: "event", again: true });
    const { see, written } = asked([`state=${script}`], { path });
    see(member("new"), member("x"));
    await until("a run", () => written("in") !== "");
    expect(written("in")).toBe("new\t10.0.0.1\t\t\nx\t10.0.0.1\t\t\n");
  });
});
