import { describe, expect, test } from "vitest";
import type { QueryRecord } from "../../src/rpc/api.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { bad, begin, good, run } from "./run-command.js";

const says = (from: string, text: string): QueryRecord => {
  return { kind: "response", from, payload: Buffer.from(text) };
};
const done: QueryRecord = { kind: "done" };

const line = (balancer: string, state: string, inUse = 0, node = "web1"): string =>
  `${JSON.stringify({ balancer, node, state, inUse })}\n`;

/** An agent web1 in a cluster with balancers, whose queries are all answered alike. */
async function cluster(...replies: readonly QueryRecord[]): Promise<Bench> {
  const bench = await Bench.start();
  bench.api.sections = new Map([["agent", new Map([["name", "web1"]])]]);
  bench.api.known = [
    member("lb1", { tags: { balancer: "edge" } }),
    member("lb2", { tags: { balancer: "edge" }, status: "failed" }),
    member("web1", { tags: { role: "web" } }),
    member("web 2", { tags: { role: "web" } }),
    member("web3", { status: "left" }),
  ];
  bench.api.replies = replies;
  return bench;
}

const hex = (text: string): string => Buffer.from(text).toString("hex");

describe.for([
  { command: "drain", state: "draining", set: '[["state","draining"]] []', wanted: "out" },
  { command: "maint", state: "maint", set: '[["state","maint"]] []', wanted: "out" },
  { command: "ready", state: "ready", set: '[] ["state"]', wanted: "serving" },
])("$command", ({ command, set, state, wanted }) => {
  const outcome = wanted === "out" ? "gets no requests any more" : "gets requests";

  test("sets the tag of the agent, asks the balancers that are alive, and says what they said", async () => {
    const bench = await cluster(says("lb1", line("edge", wanted)), done);
    expect(await run(bench, command)).toEqual(
      good(`web1 is ${state}\nedge on lb1: ${wanted}\nweb1 ${outcome}\n`),
    );
    expect(bench.api.calls).toEqual([
      `setTags ${set}`,
      'membersFiltered  alive [["balancer","[\\\\s\\\\S]+"]]',
      `query lb-drained ${hex("web1")} [[],[["balancer","."]]] false,0,1000`,
    ]);
  });

  test("ends with 1 and the names of those that did not acknowledge", async () => {
    const other = wanted === "out" ? "serving" : "draining";
    const bench = await cluster(says("lb1", line("edge", other, 1)), done);
    expect(await run(bench, command, "-timeout=0.3s")).toEqual(
      bad(
        `web1 is ${state}\nedge on lb1: ${other}, 1 request under way\n` +
          "Not acknowledged within 300ms: edge on lb1\n",
      ),
    );
  });

  test("waits for nobody where there is nobody", async () => {
    const bench = await cluster();
    bench.api.known = [member("web1")];
    expect(await run(bench, command)).toEqual(
      good(`web1 is ${state}\nNo member has a tag balancer: there is nobody to wait for.\n`),
    );
  });

  test("does not wait if it is not to", async () => {
    const bench = await cluster();
    expect(await run(bench, command, "-no-wait")).toEqual(good(`web1 is ${state}\n`));
    expect(bench.api.calls).toEqual([`setTags ${set}`]);
  });

  test("asks another member to set its own tag", async () => {
    const bench = await cluster(says("web 2", `${state}\n`), done);
    expect(await run(bench, command, "-no-wait", "web 2")).toEqual(good(`web 2 is ${state}\n`));
    expect(bench.api.calls).toEqual([
      `query lb-state ${hex(`web 2 ${state}`)} [["web 2"],[]] false,0,6000`,
    ]);
  });

  test("says what to do where an agent of Serf does not answer", async () => {
    const bench = await cluster(done);
    const how = state === "ready" ? "-delete state" : `-set state=${state}`;
    expect(await run(bench, command, "web 2")).toEqual(
      bad(
        `web 2 did not answer: an agent of Serf changes only its own tags, so on its machine: serf tags ${how}\n`,
      ),
    );
  });
});

test.for([
  ["nobody", "There is no member nobody\n"],
  ["web3", "web3 is left, only a member that is alive can be asked\n"],
  ["no\nbody", "There is no member no\\nbody\n"],
])("drain %j says why it cannot", async ([node, text]) => {
  expect(await run(await cluster(), "drain", node as string)).toEqual(bad(text as string));
});

test("what the member refuses is said", async () => {
  const bench = await cluster(says("web 2", "error: tags too long\u001b[2J\n"), done);
  expect(await run(bench, "drain", "web 2")).toEqual(
    bad("web 2 refused: error: tags too long\\x1b[2J\n"),
  );
});

test("two nodes are one too many", async () => {
  const ran = await run(await cluster(), "drain", "a", "b");
  expect(ran.code).toBe(1);
  expect(ran.stdout).toMatch(
    /^Name one node at most\.\n\nUsage: gossipd drain \[options\] \[NODE\]/,
  );
});

test("on a terminal it shows for whom it waits, and leaves nothing behind", async () => {
  const bench = await cluster(says("lb1", line("edge", "draining", 3)));
  const { ran, terminal } = begin(bench, "drain", "-timeout=20s");
  terminal.errColumns = 60;
  await until("a line", () => terminal.stderr !== "");
  expect(terminal.stderr).toBe("\rWaiting for edge on lb1 (draining, 3 requests under way)\x1b[K");
  bench.api.replies = [says("lb1", line("edge", "out")), done];
  expect(await ran).toMatchObject({ code: 0 });
  expect(terminal.stderr).toSatisfy((text: string) => text.endsWith("\r\x1b[K"));
});

test("an interrupt ends it with 1", async () => {
  const bench = await cluster(says("lb1", line("edge", "serving")), done);
  const { ran, terminal } = begin(bench, "drain");
  await until("it asks", () => bench.api.calls.some((call) => call.startsWith("query")));
  terminal.interrupt();
  expect(await ran).toEqual(bad("web1 is draining\n"));
});
