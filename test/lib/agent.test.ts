import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Agent as EmbeddedAgent } from "../../src/agent/agent.js";
import { startEmbedded } from "../../src/lib/embedded.js";
import {
  Agent,
  type AgentOptions,
  type ClusterEvent,
  OperatorError,
  RpcClient,
} from "../../src/lib/index.js";
import { tempDir } from "../agent/temp-dir.js";
import { until } from "../support/wait.js";
import { embed, freshIp, gossipOf } from "./embedding.js";

async function udpSocket(ip: string): Promise<Socket> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, ip);
  await once(socket, "listening");
  return socket;
}

test("a member knows itself, and others by name, address, tags and status", async () => {
  const one = await embed({ name: "one", tags: { role: "lb" } });
  expect(one.members()).toEqual([one.self]);
  const two = await embed({ name: "two", tags: { role: "web" }, join: [gossipOf(one)] });
  const { address, port } = two.self;
  const seen = { name: "two", address, port, tags: { role: "web" }, status: "alive" };
  expect(two.members()).toEqual([one.self, seen]);
  await until("one knows two", () => one.members().length === 2);
  expect(one.members({ tags: { role: "w.b" } })).toEqual([seen]);
  expect(one.members({ name: "nobody" })).toEqual([]);
});

test("a tag is found only if the member has it", async () => {
  const { self } = await embed({ tags: { ["__proto__"]: "x" } });
  expect(self.tags.constructor).toBeUndefined();
  expect(Object.entries(self.tags)).toEqual([["__proto__", "x"]]);
});

test("who leaves has left for the others, and is forgotten when they say so", async () => {
  const watcher = await embed();
  const leaver = await embed({ name: "l", join: [gossipOf(watcher)] });
  await leaver.leave();
  expect(await leaver.closed).toBe("left the cluster");
  await until("it has left", () => watcher.members({ name: "l", status: "left" }).length === 1);
  await watcher.forceLeave("l", { prune: true });
  expect(watcher.members()).toEqual([watcher.self]);
});

test("after its end an agent refuses what it is asked, and ends no second time", async () => {
  const agent = await embed();
  const pending = agent.setTags({ a: "b" });
  pending.catch(() => {});
  await Promise.all([agent.stop(), agent.stop()]);
  const refusals = await Promise.allSettled([
    agent.join(["127.0.0.1"]),
    agent.setTags({}),
    agent.userEvent("x"),
    agent.forceLeave("x"),
  ]);
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ reason: new OperatorError("the agent has ended: stopped") });
  }
  await agent.leave();
  expect(await agent.closed).toBe("stopped");
  expect(agent.members()).toHaveLength(1);
});

test("what waits when the agent is stopped is told so", async () => {
  const [one, two] = [await embed(), await embed()];
  await one.join([gossipOf(two)]);
  const waiting = one.leave();
  waiting.catch(() => {});
  await one.stop();
  await expect(waiting).rejects.toThrow(new OperatorError("the agent has ended: stopped"));
});

test("at the end of its scope an agent leaves", async () => {
  let kept: Agent;
  {
    await using agent = await embed();
    kept = agent;
  }
  expect(await kept.closed).toBe("left the cluster");
});

test("its sockets are free once it has ended", async () => {
  const bind = freshIp();
  await (await embed({ bind })).stop();
  await embed({ bind });
});

test("tags are deleted, then set, and the rest stays", async () => {
  const agent = await embed({ tags: { a: "1", b: "2", c: "3" } });
  await agent.setTags({ b: "4", d: "5" }, ["a", "b"]);
  expect(agent.self.tags).toEqual({ b: "4", c: "3", d: "5" });
  await expect(agent.setTags({ long: "x".repeat(600) })).rejects.toThrow(
    new OperatorError("Encoded length of tags exceeds limit of 512 bytes"),
  );
});

test("statistics are the agent's own", async () => {
  const agent = await embed({ name: "me" });
  expect(agent.stats()).toMatchObject({ agent: { name: "me" }, serf: { members: "1" } });
});

test("a join that nobody answers fails in one line, at the start and later", async () => {
  const [free, other] = [freshIp(), freshIp()];
  const line = /Failed to join 127\.[\d.]+: .*refused; Failed to join 127\.[\d.]+: .*refused$/;
  const join = [free, other];
  await expect(Agent.start({ bind: freshIp(), join })).rejects.toThrow(line);
  const agent = await embed();
  await expect(agent.join(join)).rejects.toThrow(line);
});

test("a snapshot brings an agent back to its cluster", async () => {
  const snapshotPath = join(tempDir({}), "snapshot");
  const other = await embed();
  const before = await embed({ name: "a", snapshotPath, join: [gossipOf(other)] });
  await before.stop();
  const after = await embed({ name: "a", snapshotPath });
  await until("it is back", () => after.members().length === 2);
});

test("a statsd server is sent metrics", async () => {
  const server = await udpSocket(freshIp());
  const { address, port } = server.address();
  const packet = once(server, "message");
  await embed({ statsdAddr: `${address}:${port}` });
  const [text] = (await packet) as [Buffer];
  expect(text.toString()).toMatch(/^[\w.-]*:[\d.]+\|\w/);
});

test("an agent that gives up its retries ends, and says why", async () => {
  const agent = await embed({ retryJoin: [freshIp()], retryInterval: 1_000, retryMaxAttempts: 1 });
  expect(await agent.closed).toBe("none of the members to join could be reached");
  expect(() => agent.members()).not.toThrow();
  await expect(agent.setTags({})).rejects.toThrow(/^the agent has ended: none of/);
});

test("RPC clients are served only if an address is given", async () => {
  const lone = await embed();
  expect(lone.rpcAddress).toBeUndefined();
  const served = await embed({ rpcAddr: `${freshIp()}:0`, rpcAuth: "secret" });
  const address = served.rpcAddress;
  const stranger = await RpcClient.connect({ address });
  await expect(stranger.members()).rejects.toThrow(new OperatorError("Authentication required"));
  const client = await RpcClient.connect({ address, authKey: "secret" });
  expect(await client.members()).toEqual(served.members());
  await client.leave();
  expect(await served.closed).toBe("left the cluster as an RPC client asked");
  await client.closed;
});

test("the log is given line by line, from the level that is wanted", async () => {
  const lines: string[] = [];
  const agent = await embed({ log: (line) => lines.push(line), retryInterval: 1 });
  expect(lines).toContainEqual(expect.stringMatching(/^\d{4}\/.* \[INFO\] agent: Gossipd agent/));
  expect(lines).toContainEqual(expect.stringContaining("[WARN] agent: Warning: 'RetryInterval'"));
  expect(lines.filter((line) => /\n|DEBUG/.test(line))).toEqual([]);
  await agent.stop();
});

test.for<{ options: object; message: string }>([
  { options: { nmae: "a" }, message: 'there is no option "nmae", did you mean name?' },
  { options: { role: "a" }, message: 'there is no option "role"' },
  { options: { bind: 7946 }, message: 'the option "bind" must be a string, not 7946' },
  { options: { encryptKey: {} }, message: 'the option "encryptKey" must be a string' },
  { options: { tags: { port: 80 } }, message: 'the option "tags" must be an object of strings' },
  { options: { tags: new Map() }, message: 'the option "tags" must be an object of strings' },
  { options: { join: "10.0.0.5" }, message: 'the option "join" must be a list of strings' },
  {
    options: { retryInterval: -1 },
    message: 'the option "retryInterval" must be a time in milliseconds, not negative, not -1',
  },
  {
    options: { protocol: 2.5 },
    message: 'the option "protocol" must be a whole number, not negative, not 2.5',
  },
  { options: { compression: 1 }, message: 'the option "compression" must be a boolean, not 1' },
  { options: { log: "x" }, message: 'the option "log" must be a function' },
  { options: { profile: "moon" }, message: "Unknown profile: moon" },
  {
    options: { bind: "127.0.0.1:http" },
    message: "Invalid bind address: address tcp/http: unknown port",
  },
  {
    options: { encryptKey: "abc" },
    message: "Invalid encryption key: illegal base64 data at input byte 0",
  },
  {
    options: { logLevel: "loud" },
    message: "Invalid log level: LOUD. Valid log levels are: [TRACE DEBUG INFO WARN ERR]",
  },
  { options: { protocol: 9 }, message: "Protocol version '9' too high. Must be in range: [2, 5]" },
  {
    options: { rpcAddr: "nonsense" },
    message: "Error starting RPC listener: listen tcp: address nonsense: missing port in address",
  },
])(
  "options $options are refused in one line that names what is wrong",
  async ({ options, message }) => {
    const started = Agent.start({ bind: `${freshIp()}:0`, ...(options as AgentOptions) });
    await expect(started).rejects.toThrow(new OperatorError(message));
  },
);

test("an address that is taken is named", async () => {
  const socket = await udpSocket(freshIp());
  const bind = `${socket.address().address}:${socket.address().port}`;
  await expect(Agent.start({ bind })).rejects.toThrow(bind);
});

test("a failed start leaves nothing open", async () => {
  const bind = freshIp();
  await expect(Agent.start({ bind, join: [freshIp()] })).rejects.toThrow(OperatorError);
  await embed({ bind });
});

test("a start that is refused lets go of the metrics servers", async () => {
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === "UDPWrap").length;
  await until("those of other tests are gone", () => sockets() === 0, { every: 10 });
  const start = Agent.start({
    bind: freshIp(),
    tags: { a: "x".repeat(600) },
    statsdAddr: "127.0.0.1:9",
  });
  await expect(start).rejects.toThrow("Encoded length of tags exceeds limit of 512 bytes");
  await until("no socket is left", () => sockets() === 0, { every: 10 });
});

test("an agent that is told to end while it starts does not go on", async () => {
  const bind = freshIp();
  let agent: EmbeddedAgent | undefined;
  const check = (): void => {
    throw new OperatorError("the agent has ended: told to");
  };
  const started = startEmbedded(
    { bind },
    {
      began: (one) => {
        agent = one;
      },
      end: async () => await agent?.stop(),
      check,
    },
  );
  await expect(started).rejects.toThrow(new OperatorError("the agent has ended: told to"));
  await embed({ bind });
});

test("events of a long start wait for the listeners that are added after it", async () => {
  const first = await embed();
  await first.userEvent("deploy", "v1", { coalesce: false });
  const agent = await embed({ join: [gossipOf(first)], replayOnJoin: true });
  const events: ClusterEvent[] = [];
  agent.on("user", (event) => events.push(event));
  await until("the event is told", () => events.length > 0);
  expect(events).toMatchObject([{ name: "deploy", payload: new TextEncoder().encode("v1") }]);
});
