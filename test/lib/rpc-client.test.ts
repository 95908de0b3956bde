import { expect, onTestFinished, test } from "vitest";
import { type Member, OperatorError, RpcClient, type UserEvent } from "../../src/lib/index.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { embed, freshIp, gossipOf } from "./embedding.js";

async function connect(port: number, authKey?: string): Promise<RpcClient> {
  const client = await RpcClient.connect({ address: `127.0.0.1:${port}`, authKey });
  onTestFinished(() => client.close());
  return client;
}

test("members come as the embedded agent gives them", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  bench.api.known = [
    member("a", { tags: { role: "web" } }),
    member("b", { ip: [0xfd, ...Array<number>(14).fill(0), 1], status: "odd" }),
  ];
  const client = await connect(bench.port, "secret");
  const [a, b] = (await client.members()) as [Member, Member];
  expect(a).toMatchObject({ name: "a", address: "127.0.0.1", tags: { role: "web" } });
  expect(b).toMatchObject({ address: "fd00::1", status: "none", tags: {} });
  expect(await client.members({ name: "a" })).toEqual([a]);
});

test("what it is told reaches the agent", async () => {
  const agent = await embed({ rpcAddr: `${freshIp()}:0`, tags: { old: "1" } });
  const other = await embed();
  const client = await RpcClient.connect({ address: agent.rpcAddress });
  expect(await client.join([gossipOf(other)])).toBe(1);
  await client.setTags({ role: "web" }, ["old"]);
  expect(agent.self.tags).toEqual({ role: "web" });
  const told: string[] = [];
  const stop = await client.on("user:deploy", (event: UserEvent) => told.push(event.name));
  await client.userEvent("other", "v1", { coalesce: false });
  await client.userEvent("deploy", "v1", { coalesce: false });
  await until("deploy is told", () => told.length > 0);
  await stop();
  await stop();
  await client.userEvent("deploy", "v2", { coalesce: false });
  await client.stats();
  expect(told).toEqual(["deploy"]);
  await client.forceLeave("nobody", { prune: true });
  await expect(client.join([freshIp()])).rejects.toThrow(/^Failed to join .*refused$/);
  const lines: string[] = [];
  const stopLog = await client.monitor("info", (line) => lines.push(line));
  await until("the log is told", () =>
    lines.some((line) => line.includes("Gossipd agent starting")),
  );
  await stopLog();
  client.close();
  expect(await client.closed).toBe("connection closed");
});

test("a name with a comma is listened to as a whole", async () => {
  const agent = await embed({ rpcAddr: `${freshIp()}:0` });
  const client = await RpcClient.connect({ address: agent.rpcAddress });
  onTestFinished(() => client.close());
  const told: string[] = [];
  await client.on("user:a,b", ({ name }) => told.push(name));
  for (const name of ["a", "b", "a,b"]) await agent.userEvent(name, "", { coalesce: false });
  await until("one is told", () => told.length > 0);
  expect(told).toEqual(["a,b"]);
});

test.for<{ to: object; message: string }>([
  { to: { address: "here" }, message: '"address" must be host:port or [v6]:port, not "here"' },
  {
    to: { address: "a:70000" },
    message: '"address" must be host:port or [v6]:port, not "a:70000"',
  },
  { to: { address: "::1:80" }, message: '"address" must be host:port or [v6]:port, not "::1:80"' },
  { to: { authKey: 5 }, message: '"authKey" must be a string' },
  { to: { address: "127.0.0.1:1" }, message: "dial tcp 127.0.0.1:1: connect: connection refused" },
])("a client of $to is refused in one line", async ({ to, message }) => {
  await expect(RpcClient.connect(to)).rejects.toThrow(new OperatorError(message));
});

test("there is no event but those of the agent", async () => {
  const bench = await Bench.start();
  const client = await connect(bench.port);
  await expect(client.on("member-jion" as "*", () => {})).rejects.toThrow(
    new OperatorError('there is no event "member-jion" to listen to'),
  );
  await expect(client.monitor("loud" as "info", () => {})).rejects.toThrow(OperatorError);
});
