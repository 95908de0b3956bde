import { describe, expect, test } from "vitest";
import { StateHandlers } from "../../src/agent/state-handlers.js";
import { parseStateSpec, type StateHandlerSpec } from "../../src/agent/state-spec.js";
import { TimerQueue } from "../../src/base/timers.js";
import type { Instant } from "../../src/base/units.js";
import type { Member } from "../../src/serf/events.js";
import { keptLog, member } from "./handler-events.js";
import { hubWith } from "./handler-scripts.js";

describe("a handler of states", () => {
  test.for([
    { text: "state=x.sh a=b", filter: "state", tags: {}, json: false, script: "x.sh a=b" },
    { text: "state+json=x", filter: "state+json", tags: {}, json: true, script: "x" },
    {
      text: "state:role=web=a=1 x.sh",
      filter: "state:role=web",
      tags: { role: "web" },
      json: false,
      script: "a=1 x.sh",
    },
    {
      text: "state+json:role=web,zone==cat >/tmp/x,y",
      filter: "state+json:role=web,zone=",
      tags: { role: "web", zone: "" },
      json: true,
      script: "cat >/tmp/x,y",
    },
  ])("$text", ({ text, tags, ...rest }) => {
    expect(parseStateSpec(text)).toEqual({ ...rest, tags: new Map(Object.entries(tags)) });
  });

  test.for(["state:role=web", "state:role", "state:", "state=", "state:a=1,a=2=x", "state:=1=x"])(
    "%s is refused, with what would be right",
    (text) => {
      expect(() => parseStateSpec(text)).toThrow(
        `Invalid event script: '${text}' is not of the form state[+json][:TAG=VALUE{,TAG=VALUE}]=SCRIPT`,
      );
    },
  );

  test.for(["stateful=x", "state", "user:state=x", "member-join,state=x", "state+yaml=x"])(
    "%s is none",
    (text) => {
      expect(parseStateSpec(text)).toBeUndefined();
    },
  );
});

/** Handlers in virtual time whose runs end when the test says so. */
function handlersOf(...texts: string[]) {
  const timers = new TimerQueue();
  const log = keptLog();
  let now: Instant = 0;
  let members: readonly Member[] | undefined = [];
  const runs: { text: string; end: (succeeded: boolean) => void; over: boolean }[] = [];
  const spec = (text: string) => parseStateSpec(text) as StateHandlerSpec;
  const handlers = new StateHandlers({
    log,
    now: () => now,
    members: () => members,
    schedule: (delay, run) => {
      let cancelled = false;
      timers.at(now + delay, () => {
        if (!cancelled) run();
      });
      return () => {
        cancelled = true;
      };
    },
    run: ({ script }, state) =>
      new Promise((resolve) => {
        const run = {
          text: `${script}: ${state.map(({ name }) => name).join(" ")}`,
          over: false,
          end: (succeeded: boolean) => {
            run.over = true;
            resolve({ id: runs.length, isOk: succeeded });
          },
        };
        runs.push(run);
      }),
  });
  handlers.replace(texts.map(spec));
  /** Lets what a promise holds up come to its end. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    handlers,
    log,
    replace: (...given: string[]) => handlers.replace(given.map(spec)),
    set: (...state: Member[]) => {
      members = state;
      handlers.noteChange();
    },
    unknown: () => {
      members = undefined;
    },
    /** What was begun so far. */
    begun: () => runs.map(({ text }) => text),
    /** Ends the run that is under way. */
    end: async (succeeded = true) => {
      const open = runs.filter(({ over }) => !over);
      expect(open).toHaveLength(1);
      open[0]?.end(succeeded);
      await settle();
    },
    pass: async (time: number) => {
      const end = now + time;
      for (let due = timers.deadline(); due !== undefined && due <= end; due = timers.deadline()) {
        now = due;
        timers.runDue(now);
        await settle();
      }
      now = end;
    },
  };
}

const web = (name: string, tags: Readonly<Record<string, string>> = {}) =>
  member(name, { tags: { role: "web", ...tags } });

describe("a script for a list of members", () => {
  test("is given the list at the start, be it empty, and then whenever it is another one", async () => {
    const { begun, end, pass, set } = handlersOf("state:role=web=x");
    await pass(50);
    expect(begun()).toEqual(["x: "]);
    await end();
    set(web("a"), member("db"), { ...web("gone"), status: "failed" });
    await pass(50);
    await end();
    set(web("a"), web("b"));
    await pass(50);
    await end();
    expect(begun()).toEqual(["x: ", "x: a", "x: a b"]);
  });

  test.for<{ what: string; to: Member; runs: number }>([
    { what: "another address", to: member("a", { ip: [10, 0, 0, 2] }), runs: 2 },
    { what: "another port", to: member("a", { port: 1 }), runs: 2 },
    { what: "another tag", to: member("a", { tags: { v: "2" } }), runs: 2 },
    { what: "another status", to: member("a", { status: "leaving" }), runs: 2 },
    { what: "the same again", to: member("a"), runs: 1 },
    {
      what: "other versions",
      to: { ...member("a"), protocol: { min: 1, max: 5, current: 4 } },
      runs: 1,
    },
  ])("$what is a change: $runs runs", async ({ to, runs }) => {
    const { begun, end, pass, set } = handlersOf("state=x");
    set(member("a"));
    await pass(50);
    await end();
    set(to);
    await pass(50);
    expect(begun()).toHaveLength(runs);
  });

  test("does not run before all members are known", async () => {
    const { begun, pass, set, unknown } = handlersOf("state=x");
    unknown();
    await pass(60_000);
    expect(begun()).toEqual([]);
    set(web("a"));
    await pass(50);
    expect(begun()).toEqual(["x: a"]);
  });

  test("waits until a burst is over, but not for ever", async () => {
    const { begun, pass, set } = handlersOf("state=x");
    for (let count = 0; count < 11; count += 1) {
      expect(begun()).toEqual([]);
      set(...Array.from({ length: count }, (_, index) => web(`m${index}`)));
      await pass(48);
    }
    expect(begun()).toEqual(["x: m0 m1 m2 m3 m4 m5 m6 m7 m8 m9"]);
  });

  test("never runs twice at once, and next with the newest list alone", async () => {
    const { begun, end, pass, set } = handlersOf("state=x");
    await pass(50);
    for (const name of ["a", "b", "c"]) {
      set(web(name));
      await pass(1_000);
    }
    expect(begun()).toEqual(["x: "]);
    await end();
    expect(begun()).toEqual(["x: ", "x: c"]);
    await end();
    await pass(60_000);
    expect(begun()).toHaveLength(2);
  });

  test("is told nothing if all is as it was when it succeeded", async () => {
    const { begun, end, pass, set } = handlersOf("state=x");
    set(web("a"));
    await pass(50);
    await end();
    set(web("a"), web("b"));
    set(web("a"));
    await pass(1_000);
    expect(begun()).toHaveLength(1);
  });

  test("runs again after 1 s, 2 s and so on up to 60 s until it succeeds", async () => {
    const { begun, end, log, pass } = handlersOf("state=x");
    await pass(50);
    const rests = [1, 2, 4, 8, 16, 32, 60, 60];
    for (const [index, rest] of rests.entries()) {
      await end(false);
      await pass(rest * 1_000 - 1);
      expect(begun()).toHaveLength(index + 1);
      await pass(1);
      expect(begun()).toHaveLength(index + 2);
    }
    await end();
    await pass(120_000);
    expect(begun()).toHaveLength(rests.length + 1);
    expect(log.lines.slice(0, 2)).toEqual([
      'WARN state handler failed, runs again {"filter":"state","script":"x","rest":"1s"}',
      'WARN state handler failed, runs again {"filter":"state","script":"x","rest":"2s"}',
    ]);
  });

  test("a change ends its rest, and what does not concern it does not", async () => {
    const { begun, end, pass, set } = handlersOf("state:role=web=x");
    await pass(50);
    await end(false);
    set(member("db"));
    await pass(100);
    expect(begun()).toEqual(["x: "]);
    set(member("db"), web("a"));
    await pass(50);
    expect(begun()).toEqual(["x: ", "x: a"]);
    await end(false);
    // It failed twice by now, and the first rest is over without a run.
    await pass(1_999);
    expect(begun()).toHaveLength(2);
    await pass(1);
    expect(begun()).toHaveLength(3);
  });

  test("a list that came back is told if the script failed with another one since", async () => {
    const { begun, end, pass, set } = handlersOf("state=x");
    set(web("a"));
    await pass(50);
    await end();
    set();
    await pass(50);
    await end(false);
    set(web("a"));
    await pass(50);
    expect(begun()).toEqual(["x: a", "x: ", "x: a"]);
  });

  test("behind two filters, or given twice, still never runs twice at once", async () => {
    const { begun, end, pass, set } = handlersOf(
      "state:role=web=x",
      "state:zone=b=x",
      "state:role=web=x",
    );
    set(web("a"), member("b", { tags: { zone: "b" } }));
    await pass(50);
    expect(begun()).toEqual(["x: a"]);
    set(web("a"), member("c", { tags: { zone: "b" } }));
    await pass(50);
    await end();
    await end();
    expect(begun()).toEqual(["x: a", "x: c"]);
  });

  test("different scripts run side by side", async () => {
    const { begun, pass } = handlersOf("state=x", "state=y");
    await pass(50);
    expect(begun()).toEqual(["x: ", "y: "]);
  });

  test("that a reload adds is run, one that stays is not, one that goes runs no more", async () => {
    const { begun, end, pass, replace, set } = handlersOf("state=x", "state=z");
    set(web("a"));
    await pass(50);
    expect(begun()).toEqual(["x: a", "z: a"]);
    replace("state=x", "state=y");
    await pass(50);
    expect(begun()).toEqual(["x: a", "z: a", "y: a"]);
    expect(end).toBeDefined();
  });

  test("that rests while a reload takes it away does not run again", async () => {
    const { begun, end, pass, replace } = handlersOf("state=x");
    await pass(50);
    await end(false);
    replace();
    await pass(120_000);
    expect(begun()).toHaveLength(1);
  });

  test("is not begun once the agent stops", async () => {
    const { begun, end, handlers, pass, set } = handlersOf("state=x");
    await pass(50);
    set(web("a"));
    handlers.stop();
    await end(false);
    set(web("b"));
    await pass(120_000);
    expect(begun()).toEqual(["x: "]);
  });
});

describe("a real script", () => {
  const members = [
    member("db", { tags: { role: "db" } }),
    member("w\t1", { port: 8001, tags: { role: "web", v: "1,2" } }),
    member("w2", { tags: { role: "web" }, status: "failed" }),
  ];

  test("finds Serf's columns on its input, and what handlers always find around it", async () => {
    const { hub, runs, written } = hubWith(
      ["state:role=web=cd $DIR || exit; env | grep ^SERF_ | sort >env; cat >in"],
      { members: () => members },
    );
    await runs(1);
    expect(written("in")).toBe("w\\t1\t10.0.0.1\tweb\trole=web,v=1,2\n");
    expect(written("env").trimEnd().split("\n")).toEqual([
      "SERF_EVENT=state",
      "SERF_MEMBER_PORTS=w\\t1\t10.0.0.1:8001",
      "SERF_SELF_NAME=me",
      "SERF_SELF_ROLE=lb",
      "SERF_TAG_ROLE=lb",
    ]);
    expect(hub.handlers()).toEqual(
      new Map([["state:role=web", "cd $DIR || exit; env | grep ^SERF_ | sort >env; cat >in"]]),
    );
  });

  test("may have them as JSON", async () => {
    const { runs, written } = hubWith(["state+json:role=web=cat >$DIR/in"], {
      members: () => members,
    });
    await runs(1);
    expect(JSON.parse(written("in"))).toEqual({
      members: [
        {
          name: "w\t1",
          ip: "10.0.0.1",
          port: 8001,
          addr: "10.0.0.1:8001",
          status: "alive",
          tags: { role: "web", v: "1,2" },
        },
      ],
    });
    expect(written("in")).toMatch(/^[^\n]*\n$/);
  });

  test("that fails is run again, and what it said is in the log", async () => {
    const { lines, runs, written } = hubWith(
      ["state=cd $DIR || exit; echo run >>runs; [ -e failed ] || { : >failed; exit 3; }"],
      { members: () => members },
    );
    await runs(2);
    expect(written("runs")).toBe("run\nrun\n");
    expect(lines("ERR")).toEqual([
      expect.stringMatching(/^Error invoking script .*: exit status 3$/),
    ]);
  });

  test("is ended with the agent", async () => {
    const { hub, gate, runs, written } = hubWith(
      ["state=echo $$ >$DIR/pid; read _ <$DIR/gate; echo on >>$DIR/after"],
      { members: () => members },
    );
    gate("gate");
    const { until } = await import("../support/wait.js");
    await until("it runs", () => written("pid") !== "");
    await hub.stop();
    await runs(1);
    expect(written("after")).toBe("");
  });
});
