import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/base/address.js";
import { ViewDigest } from "../../src/observe/view/view-digest.js";
import { answerView, viewQuery } from "../../src/observe/view/view-exchange.js";
import type { QueryRecord, RpcMember, RpcQuestion } from "../../src/rpc/api.js";
import { embed, gossipOf } from "../lib/embedding.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { run } from "./run-command.js";

/** A cluster in which each sees what `views` says; the agent that is asked is called `a`. */
async function cluster(views: Readonly<Record<string, readonly RpcMember[] | "serf">>) {
  const bench = await Bench.start();
  bench.api.sections = new Map([["agent", new Map([["name", "a"]])]]);
  bench.api.known = views.a as readonly RpcMember[];
  bench.api.answering = (question) =>
    Object.entries(views).flatMap(([name, view]) => answersOf(name, view, question));
  return bench;
}

function answersOf(
  from: string,
  view: readonly RpcMember[] | "serf",
  { filterNodes, name, payload }: RpcQuestion,
): QueryRecord[] {
  if (filterNodes.length > 0 && !filterNodes.includes(from)) return [];
  if (view === "serf" || name !== viewQuery) return [{ kind: "ack", from }];
  const digest = new ViewDigest(
    view.map((one) => ({ ...one, address: formatAddress({ ip: one.addr, port: one.port }) })),
  );
  const answer = answerView(Buffer.from(payload).toString(), digest, 300) ?? "";
  return [
    { kind: "ack", from },
    { kind: "response", from, payload: Buffer.from(answer) },
  ];
}

const all = ["a", "b", "c", "d"].map((name) => member(name, { tags: { role: "web" } }));

describe("members -agree", () => {
  test("says that all see the same", async () => {
    const { code, stdout } = await run(
      await cluster({ a: all, b: all, c: all, d: all }),
      "members",
      "-agree",
    );
    expect(stdout).toMatch(/^a knows 4 members, view [0-9a-f]{16}\n4 of 4 answered and agree\n/);
    expect(stdout).toContain("\nsame here:  a, b, c, d\n");
    expect(code).toBe(0);
  });

  test("names those that see something else, and what", async () => {
    const odd = [
      member("a", { tags: { role: "web" }, status: "failed" }),
      member("b", { tags: { role: "web" } }),
      member("c", { tags: { role: "db", zone: "1" } }),
      member("d", { tags: { role: "web" }, ip: [10, 0, 0, 4] }),
      member("e\n"),
    ];
    const { code, stdout } = await run(
      await cluster({ a: all, b: all, c: odd, d: odd }),
      "members",
      "--agree",
    );
    expect(stdout.split("\n").slice(1)).toEqual([
      "4 of 4 answered and do not agree",
      "same here:  a, b",
      "differs:    c, d",
      "  a    failed there, alive here",
      "  c    tags role=db,zone=1 there, role=web here",
      "  d    address 10.0.0.4:7946 there, 127.0.0.1:7946 here",
      "  e\\n  alive there, unknown here",
      "",
    ]);
    expect(code).toBe(1);
  });

  test("says so if it is the asked agent that most contradict", async () => {
    const bench = await cluster({ a: all.slice(0, 3), b: all, c: all, d: all });
    const { stdout } = await run(bench, "members", "-agree");
    expect(stdout).toContain("do not agree; most see it otherwise than a\n");
  });

  test("agents of Serf are silent, and not waited for", async () => {
    const bench = await cluster({ a: all, b: all, c: "serf", d: "serf" });
    const { code, stdout } = await run(bench, "members", "-agree");
    expect(stdout).toContain("2 of 4 answered and agree\nsame here:  a, b\nno answer:  c, d (");
    expect(code).toBe(0);
  });

  test("an agent of Serf can be asked as well", async () => {
    const bench = await cluster({ a: all, b: all, c: all.slice(0, 2), d: all });
    const answer = bench.api.answering;
    bench.api.answering = (question) =>
      (answer?.(question) ?? []).filter((one) => one.kind !== "response" || one.from !== "a");
    const { code, stdout } = await run(bench, "members", "-agree", "-format=json");
    expect(JSON.parse(stdout)).toMatchObject({
      node: "a",
      members: 4,
      same: ["a", "b", "d"],
      others: [
        {
          nodes: ["c"],
          differences: [
            { member: "c", what: "status", here: "alive", there: null },
            { member: "d", what: "status", here: "alive", there: null },
          ],
        },
      ],
      silent: [],
      agree: false,
    });
    expect(code).toBe(1);
  });

  test("who only remembers a member that is gone does not contradict", async () => {
    const gone = [...all, member("old", { status: "left" })];
    const bench = await cluster({ a: all, b: gone, c: all, d: all });
    const { code, stdout } = await run(bench, "members", "-agree");
    expect(stdout).toContain("remembers:  b\n  old  left there, unknown here\n");
    expect(code).toBe(0);
  });

  test("nobody else answers: nothing is known, exit code 2", async () => {
    const bench = await cluster({ a: all, b: "serf", c: "serf", d: "serf" });
    expect((await run(bench, "members", "-agree")).code).toBe(2);
  });

  test("of hundreds of members that differ the first are told", async () => {
    const many = Array.from({ length: 400 }, (_, index) =>
      member(`web-${index}`, { status: "leaving" }),
    );
    const other = many.map((one) => ({ ...one, status: "left" }));
    const bench = await cluster({ a: many, b: other });
    const { code, stdout } = await run(bench, "members", "-agree");
    expect(stdout).toContain("differs:    b\n  web-0    left there, leaving here\n");
    expect(stdout).toMatch(/\n {2}and at least \d+ differences more\n$/);
    expect(code).toBe(1);
  });
});

test("real agents answer each other", async () => {
  const one = await embed({ name: "one", rpcAddr: "127.0.0.1:0", tags: { role: "lb" } });
  const two = await embed({ name: "two", join: [gossipOf(one)], tags: { role: "web" } });
  await until("both know both", () =>
    [one, two].every((agent) => agent.members({ status: "alive" }).length === 2),
  );
  const port = Number(/:(\d+)$/.exec(one.rpcAddress ?? "")?.[1]);
  const { code, stdout } = await run({ port } as Bench, "members", "-agree");
  expect(stdout).toContain("2 of 2 answered and agree\nsame here:  one, two\n");
  expect(code).toBe(0);
});
