import { expect } from "vitest";
import type { Entry } from "../../src/observe/chronicle.js";
import { RpcClient } from "../../src/rpc/client.js";
import type { Agent } from "../support/agents.js";
import { until } from "../support/wait.js";
import { agentTest } from "./agent-process.js";

const test = agentTest.concurrent;

const clientOf = (agent: Agent): Promise<RpcClient> =>
  RpcClient.connect({ host: agent.ip, port: 7_373, authKey: "" });

test("an agent tells of itself and of the others what it knows", async ({ start }) => {
  const first = await start();
  const second = await start([`-join=${first.ip}`, "-tag=role=web"], { name: "b" });
  const client = await clientOf(second);
  await until("it is settled", async () => (await client.ask("self", {})).settled);
  expect(await client.ask("self", {})).toMatchObject({
    name: "b",
    address: `${second.ip}:7946`,
    joined: true,
    encrypted: false,
    health: 0,
    isolated: false,
    members: { alive: 2, leaving: 0, left: 0, failed: 0, suspected: 0 },
    balancers: [],
    handlers: 0,
    profile: "lan",
  });
  const { members } = await client.ask("members", { name: "a|b" });
  expect(members).toMatchObject([
    { name: "a", address: `${first.ip}:7946`, status: "alive", suspectedBy: [] },
    { name: "b", tags: { role: "web" } },
  ]);
  await expect(client.ask("members", { name: "(" })).rejects.toThrow("Failed to compile regex");
  client.close();
});

test("an agent that was stopped knows it afterwards, and why others thought ill of it", async ({
  start,
}) => {
  const first = await start(["-profile=local"]);
  const second = await start(["-profile=local", `-join=${first.ip}`], { name: "b" });
  // Of two, the other would take it for its own fault that it hears nobody.
  await start(["-profile=local", `-join=${first.ip}`], { name: "c" });
  const [one, two] = await Promise.all([clientOf(first), clientOf(second)]);
  const entries = async (): Promise<readonly Entry[]> =>
    (await two.ask("chronicle", { node: "b" })).entries;
  await until("they are there", async () => (await one.ask("self", {})).members.alive === 3);
  second.signal("SIGSTOP");
  await until("it is suspected", async () => {
    const { members } = await one.ask("members", { name: "b" });
    return members[0]?.suspectedBy.includes("a") === true;
  });
  second.signal("SIGCONT");
  await until("it knows", async () =>
    (await entries()).some(({ deed }) => deed.kind === "stalled"),
  );
  const stalls = (await entries()).map(({ deed }) => deed).filter(({ kind }) => kind === "stalled");
  expect(stalls).toMatchObject([{ node: "b", how: "paused" }]);
  const { entries: seen } = await one.ask("chronicle", { node: "b" });
  const kinds = seen.map(({ deed }) => deed.kind);
  expect(kinds).toEqual(expect.arrayContaining(["appeared", "suspected", "probe"]));
  // On a busy machine an earlier probe may have had its answer late.
  expect(seen.map(({ deed }) => deed)).toContainEqual(
    expect.objectContaining({ kind: "probe", outcome: "lost", tcp: "silent" }),
  );
  one.close();
  two.close();
});

test("what an agent sees that hears nobody is not settled, though it accuses nobody", async ({
  start,
}) => {
  const first = await start(["-profile=local"]);
  const second = await start(["-profile=local", `-join=${first.ip}`], { name: "b" });
  const client = await clientOf(first);
  await until("they are settled", async () => {
    const { members, settled } = await client.ask("self", {});
    return settled && members.alive === 2;
  });
  second.signal("SIGSTOP");
  await until("it is in doubt", async () => !(await client.ask("self", {})).settled);
  expect((await client.ask("self", {})).members).toMatchObject({ alive: 2, suspected: 0 });
  client.close();
});
