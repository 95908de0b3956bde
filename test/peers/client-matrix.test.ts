import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow, type Kind, loopbackNet, runCli } from "../support/agents.js";
import { Cells, comparable } from "../support/cells.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const kinds: readonly Kind[] = ["serf", "gossipd"];
const pairs = kinds.flatMap((client) => kinds.map((kind) => ({ client, kind })));

const oldKey = "MDEyMzQ1Njc4OWFiY2RlZg==";
const newKey = "ZmVkY2JhOTg3NjU0MzIxMA==";
const unknownKey = "QUJDREVGR0hJSktMTU5PUA==";

/** Both agents have them all. */
const queryHandlers = [
  "load=echo from $SERF_SELF_NAME",
  "silent=true",
  "fails=echo 1; exit 3",
  "complains=echo 2 >&2",
  "short=head -c 900 /dev/zero | tr '\\0' x",
  "long=head -c 1100 /dev/zero | tr '\\0' x",
  "twice=echo first",
  "twice=sleep 0.2; echo second",
  "late=sleep 1.2; echo late",
];

/** The commands that command-line.test.ts does not put through the four cells. */
describe.skipIf(missingPrograms("serf").length > 0)("each client asks each agent", () => {
  const ip = loopbackNet();
  const agents = new Map<Kind, Agent>();
  const started: Agent[] = [];
  let cells: Cells;
  let host = 1;

  async function start(kind: Kind, name: string, args: readonly string[] = []): Promise<Agent> {
    const agent = await Agent.start({
      kind,
      name,
      ip: ip(host++),
      args: [`-encrypt=${oldKey}`, ...args],
    });
    started.push(agent);
    return agent;
  }

  const agentOf = (kind: Kind): Agent => agents.get(kind) as Agent;

  /** Waits until both agents show these statuses, of those whom the map names. */
  const bothShow = (expected: Readonly<Record<string, string>>): Promise<void> =>
    allShow(agents.values(), expected);

  async function sameInAllCells(
    args: readonly string[],
    ask: (args: readonly string[]) => ReturnType<Cells["atOnce"]> = (all) => cells.atOnce(all),
  ): Promise<object> {
    const [reference, ...others] = await ask(args);
    const expected = comparable(reference?.result as never);
    for (const { client, agent, result } of others) {
      const found = { client, agent, ...comparable(result) };
      expect(found).toEqual({ client, agent, ...expected });
    }
    return expected;
  }

  beforeAll(async () => {
    const handlers = queryHandlers.map((handler) => `-event-handler=query:${handler}`);
    const [stock, ours] = await Promise.all([
      start("serf", "stock", ["-tag=role=web", ...handlers]),
      start("gossipd", "ours", ["-tag=role=db", ...handlers]),
    ]);
    agents.set("serf", stock).set("gossipd", ours);
    cells = new Cells(agents);
    expect((await ours.cli(["join", stock.gossip])).code).toBe(0);
    await bothShow({ stock: "alive", ours: "alive" });
  });

  afterAll(async () => {
    for (const agent of started) await agent.end();
  });

  test.concurrent.each([
    [["event", "deploy"]],
    [["event", "deploy", "v1"]],
    [["event", "-coalesce=false", "deploy", "v1"]],
    [["event"]],
    [["event", "a", "b", "c"]],
  ])("%s", async (args) => {
    await sameInAllCells(args);
  });

  test.concurrent.each([
    ["event", 506],
    ["event", 507],
    ["event", 600],
    ["query", 1_100],
  ] as const)("%s with a payload of %i bytes", async (command, length) => {
    await sameInAllCells([command, "deploy", "x".repeat(length)]);
  });

  test("an event sent by each client to each agent reaches both agents", async () => {
    for (const { client, kind } of pairs) {
      const name = `from-${client}-to-${kind}`;
      await agentOf(kind).cli(["event", "-coalesce=false", name], client);
      for (const agent of agents.values()) {
        await until(`${name} at ${agent.name}`, () =>
          agent.output.includes(`Received event: user-event: ${name}`),
        );
      }
    }
  });

  test.concurrent.each([
    [["query", "-timeout=1s", "load"]],
    [["query", "-timeout=1s", "load", "payload"]],
    [["query", "-timeout=1s", "-format=json", "load"]],
    [["query", "-timeout=1s", "-format", "json", "-no-ack", "load"]],
    [["query", "-timeout=1s", "-no-ack", "load"]],
    [["query", "-timeout=1s", "-node=ours", "-node=nobody", "load"]],
    [["query", "-timeout=1s", "-tag=role=w.b", "load"]],
    [["query", "-timeout=1s", "-tag=role=e", "-tag=other=^$", "load"]],
    [["query", "-timeout=1s", "-tag=role=(", "load"]],
    [["query", "-timeout=1s", "-relay-factor=1", "load"]],
    [["query", "-timeout=1s", "silent"]],
    [["query", "-timeout=1s", "-format=json", "-no-ack", "nobody-answers"]],
    [["query", "-timeout=1s", "_serf_ping"]],
    [["query", "_serf_ping", "payload"]],
    [["query", "_serf_other"]],
    [["query", "-format=yaml", "load"]],
    [["query", "-relay-factor=256", "load"]],
    [["query", "-relay-factor=-1", "load"]],
    [["query", "-tag=nonsense", "load"]],
    [["query", "-timeout=5", "load"]],
    [["query"]],
    [["query", "a", "b", "c"]],
  ])("%s", async (args) => {
    await sameInAllCells(args);
  });

  test("a query without a timeout waits for all of the default", async () => {
    const { lines } = (await sameInAllCells(["query", "load"])) as { lines: string[] };
    expect(lines).toContain("Total Responses: 2");
  });

  // The late one comes last: the handlers of Serf's agent wait for it.
  test.each([
    ["fails", undefined],
    ["complains", "2\n"],
    ["short", "x".repeat(900)],
    ["long", undefined],
    ["twice", "first\n"],
    ["late", undefined],
  ])(
    "the query %s is answered alike by both agents, whatever its handler does",
    async (name, answer) => {
      const asked = await sameInAllCells(["query", "-timeout=1s", "-format=json", name]);
      const Responses = answer === undefined ? {} : { stock: answer, ours: answer };
      expect(asked).toMatchObject({ json: { Acks: ["ours", "stock"], Responses } });
      expect((asked as { json: { Responses: object } }).json.Responses).toEqual(Responses);
    },
  );

  test.concurrent.each([[["reachability"]], [["reachability", "-verbose"]]])("%s", async (args) => {
    const outcome = await sameInAllCells(args);
    expect(outcome).toMatchObject({ code: 0, last: "Successfully contacted all live nodes" });
  });

  test.concurrent.each([
    [["rtt", "stock", "ours"]],
    [["rtt", "ours", "stock"]],
    [["rtt", "nobody"]],
    [["rtt", "stock", "nobody"]],
    [["rtt", "a", "b", "c"]],
    [["rtt"]],
  ])("%s", async (args) => {
    await until("coordinates are known", async () => {
      const asked = await cells.atOnce(["rtt", "stock", "ours"]);
      return asked.every(({ result }) => result.code === 0);
    });
    await sameInAllCells(args);
  });

  test("rtt of one name is from there to the agent that was asked", async () => {
    for (const { client, agent, result } of await cells.atOnce(["rtt", "stock"])) {
      expect({ client, agent, code: result.code }).toEqual({ client, agent, code: 0 });
      expect(result.stdout).toMatch(
        new RegExp(`^Estimated stock <-> ${agentOf(agent).name} rtt: \\d+\\.\\d{3} ms\n$`),
      );
    }
  });

  test("keys are listed, installed, used and removed, and the errors are told", async () => {
    const inTurn = (args: readonly string[]) => sameInAllCells(args, (all) => cells.inTurn(all));
    const listed = (key: string): object => ({ lines: expect.arrayContaining([`${key}  [2/2]`]) });
    expect(await inTurn(["keys", "-list"])).toMatchObject({ code: 0, ...listed(oldKey) });
    expect(await inTurn(["keys", "-install", newKey])).toMatchObject({ code: 0 });
    expect(await inTurn(["keys", "-list"])).toMatchObject({ code: 0, ...listed(newKey) });
    expect(await inTurn(["keys", `-use=${newKey}`])).toMatchObject({ code: 0 });
    expect(await inTurn(["keys", `-remove=${newKey}`])).toMatchObject({ code: 1 });
    expect(await inTurn(["keys", `-remove=${oldKey}`])).toMatchObject({ code: 0 });
    expect(await inTurn(["keys", `-use=${unknownKey}`])).toMatchObject({ code: 1 });
    expect(await inTurn(["keys", "-install=c2hvcnQ="])).toMatchObject({ code: 1 });
    expect(await inTurn(["keys", "-install=???"])).toMatchObject({ code: 1 });
    expect(await inTurn(["keys", "-list", `-use=${newKey}`])).toMatchObject({ code: 1 });
    expect(await inTurn(["keys", "-install="])).toMatchObject({ code: 1, usage: true });
    expect(await inTurn(["keys"])).toMatchObject({ code: 1, usage: true });
    expect(await inTurn(["keys", "-list"])).toMatchObject({ code: 0, ...listed(newKey) });
  });

  test("keygen prints a key of 32 bytes, and version the protocols", async () => {
    for (const client of kinds) {
      const key = await runCli(client, ["keygen"]);
      expect(key).toMatchObject({ code: 0, stderr: "" });
      expect({ client, bytes: Buffer.from(key.stdout, "base64").length }).toEqual({
        client,
        bytes: 32,
      });
      const { code, stdout } = await runCli(client, ["version"]);
      expect({ client, code, second: stdout.split("\n")[1] }).toEqual({
        client,
        code: 0,
        second: "Agent Protocol: 5 (Understands back to: 2)",
      });
    }
  });

  describe("who leaves or dies", () => {
    const leavers = new Map<string, Agent>();
    const victims = new Map<string, Agent>();

    beforeAll(async () => {
      const join = `-join=${agentOf("serf").gossip}`;
      const key = `-encrypt=${newKey}`;
      for (const { client, kind } of pairs) {
        const cell = `${client}-${kind}`;
        leavers.set(cell, await start(kind, `leaver-${cell}`, [key, join]));
        victims.set(cell, await start("serf", `victim-${cell}`, [key, join]));
      }
      const names = [...leavers.values(), ...victims.values()].map(({ name }) => name);
      await bothShow(Object.fromEntries(names.map((name) => [name, "alive"])));
      for (const agent of victims.values()) agent.signal("SIGKILL");
    }, 120_000);

    test.each(pairs)("leave: $client lets a $kind agent go", async ({ client, kind }) => {
      const agent = leavers.get(`${client}-${kind}`) as Agent;
      const left = await agent.cli(["leave"], client);
      expect(left).toEqual({ code: 0, stdout: "Graceful leave complete\n", stderr: "" });
      expect(await agent.exited).toBe(0);
      await bothShow({ [agent.name]: "left" });
    });

    test.each(pairs)("force-leave: $client by a $kind agent", async ({ client, kind }) => {
      const { name } = victims.get(`${client}-${kind}`) as Agent;
      await bothShow({ [name]: "failed" });
      const silent = { code: 0, stdout: "", stderr: "" };
      expect(await agentOf(kind).cli(["force-leave", name], client)).toEqual(silent);
      await bothShow({ [name]: "left" });
      expect(await agentOf(kind).cli(["force-leave", "-prune", name], client)).toEqual(silent);
      expect(await agentOf(kind).statuses()).not.toHaveProperty(name);
    });
  });
});
