import { expect, test } from "vitest";
import { stateText } from "../../src/cli/handlers/text.js";
import type { HandlerRun, HandlerState, Rerun } from "../../src/observe/handler-run.js";
import { Bench } from "../rpc/bench.js";
import { run } from "./run-command.js";

const at = "2030-01-01T00:00:00.000Z";
const now = Date.parse(at) + 61_000;

function ranOf(more: Partial<HandlerRun> = {}): HandlerRun {
  return {
    id: 7,
    script: "/etc/a.sh -x",
    filters: ["retry:member-join"],
    event: "member-join",
    nodes: ["w 1", "w2", "w3", "w4"],
    count: 5,
    startedAt: at,
    tookMillis: 120,
    attempt: 1,
    cause: "event",
    result: "ok",
    failure: null,
    exitStatus: 0,
    output: "",
    ...more,
  };
}

function stateOf(more: Partial<HandlerState> = {}): HandlerState {
  return {
    script: "/etc/a.sh -x",
    filters: ["retry:member-join", "member-leave"],
    kind: "event",
    retries: true,
    running: null,
    waiting: 0,
    resting: null,
    counts: { runs: 3, failures: 1, timeouts: 0, retries: 1, givenUp: 0 },
    times: { sumMillis: 120, buckets: [] },
    lastRun: ranOf(),
    lastSuccessAt: at,
    seen: null,
    ...more,
  };
}

test("each handler says what it does, how its last run was and whom it knows", () => {
  const failed = ranOf({ result: "failed", failure: "exit status 3", exitStatus: 3 });
  const states = [
    stateOf({ seen: { present: 2, gone: ["x"], unknown: [] } }),
    stateOf({
      script: "b\u001b[2J",
      retries: false,
      running: ranOf({ id: 9, result: "running", tookMillis: null }),
      waiting: 4,
      lastRun: failed,
      lastSuccessAt: null,
    }),
    stateOf({ lastRun: null, resting: { attempt: 3, until: new Date(now + 2_000).toISOString() } }),
  ];
  expect(stateText({ handlers: states, journal: "/var/j" }, now)).toBe(`\
retry:member-join,member-leave=/etc/a.sh -x
  now          idle
  last run     7: member-join w\\x201,w2,w3 and 2 more: ok in 120ms, 1m1s ago
  runs         3, 1 failed, 1 repeated
  if it fails  it runs again
  knows        2 members to be here; was not told that these are gone: x

retry:member-join,member-leave=b\\x1b[2J
  now           runs for member-join w\\x201,w2,w3 and 2 more, since 1m1s (run 9); 4 waiting
  last run      7: member-join w\\x201,w2,w3 and 2 more: failed (exit status 3) in 120ms, 1m1s ago
  last success  none
  runs          3, 1 failed, 1 repeated
  if it fails   the next event is handled

retry:member-join,member-leave=/etc/a.sh -x
  now          rests until try 3 in 2s
  runs         3, 1 failed, 1 repeated
  if it fails  it runs again

Journal: /var/j
`);
});

test.for([
  { result: "ok", code: 0 },
  { result: "failed", code: 1 },
  { result: "interrupted", code: 1 },
] as const)(
  "handlers: the exit code of one whose last run was $result is $code",
  async ({ code, result }) => {
    const bench = await Bench.start();
    const handlers = [stateOf({ lastRun: ranOf({ result }) })];
    bench.api.topics = new Map([["handlers", { handlers, journal: null }]]);
    const ran = await run(bench, "handlers", "-format", "json");
    expect(ran.code).toBe(code);
    expect(JSON.parse(ran.stdout)).toMatchObject({ handlers });
  },
);

test("handlers log asks for what is meant, and prints a row for each run", async () => {
  const bench = await Bench.start();
  const runs = [
    ranOf({ output: "one\nrow 2\u0007\n" }),
    ranOf({
      id: 12,
      attempt: 2,
      cause: "retry",
      count: 0,
      nodes: [],
      event: "user:deploy",
      result: "failed",
      failure: "exit status 1",
    }),
  ];
  bench.api.topics = new Map([["handlers-log", { runs }]]);
  const flags = ["-script", "a", "-node", "n", "-failed", "-since", "5m", "-limit", "9", "-output"];
  const ran = await run(bench, "handlers", "log", ...flags);
  const asked = {
    script: "a",
    node: "n",
    within: 300_000,
    limit: 9,
    results: ["failed", "timed out", "stopped", "interrupted"],
  };
  expect(bench.api.calls).toEqual([`ask handlers-log ${JSON.stringify(asked)}`]);
  expect(ran).toEqual({
    code: 0,
    stderr: "",
    stdout: `\
7   2030-01-01T00:00:00.000Z  ok                      120ms  -      member-join w\\x201,w2,w3 and 2 more  /etc/a.sh -x
    | one
    | row 2\\x07
12  2030-01-01T00:00:00.000Z  failed (exit status 1)  120ms  try 2  user:deploy                          /etc/a.sh -x
`,
  });
});

test.for([
  { words: ["12"], asked: { id: 12, wait: 30_000 }, ended: ranOf({ id: 13 }), code: 0 },
  {
    words: ["a b"],
    asked: { script: "a b", wait: 30_000 },
    ended: ranOf({ result: "failed" }),
    code: 1,
  },
  { words: ["-wait", "0s"], asked: { wait: 0 }, ended: null, code: 2 },
] as const)("handlers rerun $words", async ({ asked, code, ended, words }) => {
  const bench = await Bench.start();
  const answer: Rerun = {
    script: "a b",
    event: "member-join",
    nodes: ["x"],
    count: 1,
    leftOut: ["y"],
    run: ended,
  };
  bench.api.topics = new Map([["handlers-rerun", answer]]);
  const ran = await run(bench, "handlers", "rerun", ...words);
  expect(bench.api.calls).toEqual([`ask handlers-rerun ${JSON.stringify(asked)}`]);
  expect(ran.code).toBe(code);
  expect(ran.stdout).toContain("Ran 'a b' again for member-join x\nLeft out, because");
});

test("an agent of Serf is told apart from one without handlers", async () => {
  const bench = await Bench.start();
  bench.api.topics = undefined;
  const ran = await run(bench, "handlers");
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain("it is one of Serf's, or an older gossipd");
  bench.api.topics = new Map([["handlers", { handlers: [], journal: null }]]);
  expect(await run(bench, "handlers")).toMatchObject({
    code: 0,
    stdout: "This agent has no event handlers.\n",
  });
});
