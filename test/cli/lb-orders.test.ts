import { describe, expect, test } from "vitest";
import type { QueryRecord } from "../../src/rpc/api.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { run } from "./run-command.js";

/** A cluster in which these members have balancers and answer so; undefined: they do not. */
async function cluster(answers: Record<string, string | undefined>): Promise<Bench> {
  const bench = await Bench.start();
  bench.api.known = [
    member("web1"),
    ...Object.keys(answers).map((name) => member(name, { tags: { balancer: "edge" } })),
  ];
  const replies = Object.entries(answers).flatMap(([from, text]): QueryRecord[] =>
    text === undefined ? [] : [{ kind: "response", from, payload: Buffer.from(text) }],
  );
  const isWhole = replies.length === Object.keys(answers).length && replies.length > 0;
  bench.api.replies = isWhole ? replies : [...replies, { kind: "done" }];
  return bench;
}

/** The only query that was sent: its name and what it said. */
function sent(bench: Bench): { name: string; order: unknown; nodes: readonly string[] } {
  const [call, ...more] = bench.api.calls.filter((one) => one.startsWith("query "));
  expect(more).toEqual([]);
  const [, name = "", payload = "", filters = "[[]]"] = call?.split(" ") ?? [];
  const order: unknown = JSON.parse(Buffer.from(payload, "hex").toString());
  return { name, order, nodes: (JSON.parse(filters) as [string[]])[0] };
}

test.for<[string, object]>([
  ["accept", { kind: "accept" }],
  ["accept -pool=web", { kind: "accept", pool: "web" }],
  ["forgive web1", { kind: "forgive", node: "web1" }],
  ["override web1 out", { kind: "override", node: "web1", admission: "out" }],
  [
    "override -for=90s web1 drain",
    { kind: "override", node: "web1", admission: "drain", for: "1m30s" },
  ],
  ["override web1 none", { kind: "override", node: "web1", admission: "none" }],
  ["pause", { kind: "pause" }],
  ["resume -balancer edge", { kind: "resume", balancer: "edge" }],
])("lb %s is told to all balancers", async ([words, order]) => {
  const bench = await cluster({ lb2: "done\n", lb1: "done" });
  expect(await run(bench, "lb", ...words.split(" "))).toEqual({
    code: 0,
    stdout: "lb1: done\nlb2: done\n",
    stderr: "",
  });
  expect(sent(bench)).toEqual({ name: "lb-order", order, nodes: [] });
});

test("-node says who is asked, and who else is silent does not count", async () => {
  const bench = await cluster({ lb1: "paused" });
  bench.api.known = [...bench.api.known, member("lb2", { tags: { balancer: "edge" } })];
  expect(await run(bench, "lb", "pause", "-node=lb1")).toMatchObject({
    code: 0,
    stdout: "lb1: paused\n",
  });
  expect(sent(bench).nodes).toEqual(["lb1"]);
});

describe("the exit code is 1", () => {
  test("if nobody answers", async () => {
    const bench = await cluster({});
    expect(await run(bench, "lb", "pause")).toEqual({
      code: 1,
      stdout: "",
      stderr: "No balancer answered. Members that run one have the tag balancer.\n",
    });
  });

  test("if one refuses", async () => {
    const bench = await cluster({ lb1: "forgiven", lb2: "error: web1 is not held out" });
    expect(await run(bench, "lb", "forgive", "web1")).toMatchObject({
      code: 1,
      stdout: "lb1: forgiven\nlb2: error: web1 is not held out\n",
    });
  });

  test("if one that has balancers says nothing", async () => {
    const bench = await cluster({ lb1: "paused", lb2: undefined });
    expect(await run(bench, "lb", "pause")).toMatchObject({
      code: 1,
      stdout: "lb1: paused\nlb2 did not answer\n",
    });
  });

  test("but not if it may lack the balancer that was named", async () => {
    const bench = await cluster({ lb1: "paused", lb2: undefined });
    expect(await run(bench, "lb", "pause", "-balancer=edge")).toMatchObject({
      code: 0,
      stdout: "lb1: paused\n",
    });
  });
});

test("an answer cannot forge another line", async () => {
  const bench = await cluster({ "lb1 x": "paused\nlb2: paused\u001b[2J" });
  expect((await run(bench, "lb", "pause")).stdout).toBe(
    "lb1\\x20x: paused\\nlb2: paused\\x1b[2J\n",
  );
});

test.for([
  ["forgive", "Say which member.\n\nUsage: gossipd lb forgive "],
  ["forgive a b", "Say which member.\n\nUsage: gossipd lb forgive "],
  ["override", "Say which member, and ready, drain, out or none.\n\nUsage: gossipd lb override "],
  ["override a", "Say which member, and ready, drain, out or none.\n\nUsage: gossipd lb override "],
  ["override a gone", "There is no state gone, but ready, drain, out and none.\n\nUsage: "],
  ["", "There is no lb \n\nUsage: gossipd lb COMMAND"],
  ["statsu", "There is no lb statsu, did you mean status?\n\nUsage: gossipd lb COMMAND"],
  ["render", "Which load balancer? Give -lb FILE, or set GOSSIPD_LB.\n\nUsage: gossipd lb render "],
] as const)("lb %s lacks something: the help on stdout", async ([words, start]) => {
  const ran = await run(await Bench.start(), "lb", ...words.split(" "));
  expect(ran.stdout.slice(0, start.length)).toBe(start);
  expect(ran).toMatchObject({ code: 1, stderr: "" });
});
