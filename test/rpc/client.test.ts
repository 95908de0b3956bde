import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { RpcEvent } from "../../src/rpc/api.js";
import { RpcClient } from "../../src/rpc/client.js";
import type { RpcTimeouts } from "../../src/rpc/connection.js";
import { packValues } from "../../src/rpc/framing.js";
import { until } from "../support/wait.js";
import { Bench } from "./bench.js";
import { member } from "./scripted-api.js";

const short: RpcTimeouts = { connect: 40, answer: 40, cluster: 40 };

async function connect(
  port: number,
  { authKey = "", timeouts = {} }: { authKey?: string; timeouts?: Partial<RpcTimeouts> } = {},
): Promise<RpcClient> {
  const client = await RpcClient.connect({ host: "127.0.0.1", port, authKey, timeouts });
  onTestFinished(() => client.close());
  return client;
}

/** A server that answers the handshake, then does as `play` says with its bytes. */
async function fakeAgent(play: (socket: Socket) => void, greeting = true): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onTestFinished(() => void socket.destroy());
    if (!greeting) play(socket);
    else {
      socket.once("data", () => {
        socket.write(packValues({ Error: "", Seq: 1 }));
        socket.once("data", () => play(socket));
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

test("every command reaches the agent and comes back", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  bench.api.known = [
    member("a", { tags: { role: "web", __proto__x: "1" } }),
    member("b", { ip: [0xfd, ...Array<number>(14).fill(0), 1], status: "failed" }),
  ];
  bench.api.sections = new Map([["agent", new Map([["name", "a"]])]]);
  bench.api.joined = { contacted: 2, error: "" };
  const client = await connect(bench.port, { authKey: "secret" });
  const all = await client.members();
  expect(all).toEqual(bench.api.known.map((one) => ({ ...one, addr: Buffer.from(one.addr) })));
  const filter = { name: "a", status: "alive", tags: new Map([["role", "w.*"]]) };
  expect(await client.membersFiltered(filter)).toEqual([all[0]]);
  expect(await client.join(["x", "y"], true)).toBe(2);
  expect(await client.stats()).toEqual(bench.api.sections);
  await client.setTags(new Map([["k", "v"]]), ["d"]);
  await client.forceLeave("b", true);
  await client.userEvent("deploy", Buffer.from("p"), true);
  await client.leave();
  expect(bench.api.calls).toEqual([
    'membersFiltered a alive [["role","w.*"]]',
    "join x y true",
    'setTags [["k","v"]] ["d"]',
    "forceLeave b true",
    "userEvent deploy 70 true",
    "leave",
  ]);
});

test("streams, the monitor and answers to queries go over one connection", async () => {
  const bench = await Bench.start();
  bench.api.backlog = ["old"];
  const client = await connect(bench.port);
  const events: RpcEvent[] = [];
  const lines: string[] = [];
  const seq = await client.stream("*", (event) => events.push(event));
  await client.monitor("info", (line) => lines.push(line));
  bench.api.log("new");
  bench.api.emit({ kind: "member", event: "member-failed", members: [member("a")] });
  const payload = Buffer.from("p");
  bench.api.emit({ kind: "user", ltime: 2 ** 35, name: "u", payload, coalesce: false });
  bench.api.emit({ kind: "query", id: 9, ltime: 3, name: "q", payload, expiresIn: 60_000 });
  await until("the records to come", () => events.length === 3 && lines.length === 2);
  expect(lines).toEqual(["old", "new"]);
  expect(events).toMatchObject([
    { kind: "member", event: "member-failed", members: [{ name: "a" }] },
    { kind: "user", ltime: 2 ** 35, name: "u", payload, coalesce: false },
    { kind: "query", id: 1, ltime: 3, name: "q", payload },
  ]);
  await client.respond(1, Buffer.from("r"));
  expect(bench.api.calls).toEqual(["respond 9 72"]);
  await client.stop(seq);
  bench.api.emit({ kind: "member", event: "member-join", members: [] });
  await client.members();
  expect(events).toHaveLength(3);
});

test.for([
  {
    failed: "the connection",
    open: false,
    error: /^dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/,
  },
  { failed: "the token", open: true, error: /^Invalid authentication token$/ },
])("a failure of $failed says what Serf's client says", async ({ open, error }) => {
  const bench = await Bench.start({ authKey: "secret" });
  if (!open) await bench.server.close();
  const attempt = connect(bench.port, { authKey: "wrong" });
  await expect(attempt).rejects.toThrow(OperatorError);
  await expect(attempt).rejects.toThrow(error);
});

test("a host that nobody knows is an error in Serf's words", async () => {
  const attempt = RpcClient.connect({ host: "nobody.invalid", port: 1, authKey: "" });
  await expect(attempt).rejects.toThrow("dial tcp: lookup nobody.invalid: no such host");
});

test("an error of the agent has its text, and the connection goes on", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  const client = await connect(bench.port);
  await expect(client.members()).rejects.toThrow(/^Authentication required$/);
  await expect(client.join(["x"], false)).rejects.toThrow(/^Authentication required$/);
  await expect(client.stream("*", () => {})).rejects.toThrow(/^Authentication required$/);
  const open = await Bench.start();
  const other = await connect(open.port);
  open.api.joined = { contacted: 0, error: "2 errors occurred:\n\t* x\n\t* y\n\n" };
  await expect(other.join(["x", "y"], false)).rejects.toThrow("2 errors occurred:");
  await expect(other.monitor("loud", () => {})).rejects.toThrow("Unknown log level: LOUD");
  expect(await other.members()).toEqual([]);
});

test.for([
  { at: "the handshake", greeting: false },
  { at: "an answer", greeting: true },
])("an agent that never gives $at does not hold the client", async ({ greeting }) => {
  const port = await fakeAgent(() => {}, greeting);
  const attempt = connect(port, { timeouts: short }).then((client) => client.members());
  await expect(attempt).rejects.toThrow("no answer from the agent within 0.04 s");
});

test.for<{ command: string; ask: (client: RpcClient) => Promise<unknown>; patience: string }>([
  { command: "members", ask: (client) => client.members(), patience: "0.04" },
  { command: "join", ask: (client) => client.join(["a", "b"], false), patience: "0.18" },
  { command: "leave", ask: (client) => client.leave(), patience: "0.06" },
  { command: "force-leave", ask: (client) => client.forceLeave("a", true), patience: "0.06" },
  { command: "tags", ask: (client) => client.setTags(new Map(), ["a"]), patience: "0.06" },
  { command: "info", ask: (client) => client.stats(), patience: "0.04" },
])("an agent that never answers $command is given up after a while", async ({ ask, patience }) => {
  const port = await fakeAgent(() => {});
  const client = await connect(port, { timeouts: { ...short, cluster: 60 } });
  await expect(ask(client)).rejects.toThrow(`no answer from the agent within ${patience} s`);
});

test("an agent that stops within a record ends the connection", async () => {
  const port = await fakeAgent((socket) => {
    socket.write(packValues({ Error: "", Seq: 2 }));
    socket.write(packValues({ Error: "", Seq: 2 }, { Log: "half" }).subarray(0, 20));
  });
  const client = await connect(port, { timeouts: short });
  await client.monitor("info", () => {});
  expect(await client.closed).toBe("the agent stopped in the middle of an answer");
  await expect(client.members()).rejects.toThrow("the agent stopped in the middle of an answer");
});

test.for([
  {
    sent: "another's answer",
    bytes: packValues({ Error: "", Seq: 9 }),
    error: "nothing was asked as 9",
  },
  { sent: "no map", bytes: packValues([1]), error: "expected a map" },
  { sent: "an extension", bytes: Buffer.from("d40000", "hex"), error: "not allowed" },
  {
    sent: "a length without end",
    bytes: Buffer.from("dbffffffff", "hex"),
    error: "is longer than",
  },
  {
    sent: "a body of another kind",
    bytes: packValues({ Error: "", Seq: 2 }, { Members: 5 }),
    error: "Members: expected a list",
  },
  { sent: "nothing and goes", bytes: undefined, error: "connection closed by the agent" },
  {
    sent: "an error without its body and goes",
    bytes: packValues({ Error: "Handshake required", Seq: 2 }),
    error: "Handshake required",
  },
])("an agent that sends $sent is an error", async ({ bytes, error }) => {
  const port = await fakeAgent((socket) => {
    if (bytes !== undefined) socket.write(bytes);
    socket.end();
  });
  const client = await connect(port);
  await expect(client.members()).rejects.toThrow(error);
});

test("who waits for an answer when the client closes is told", async () => {
  const port = await fakeAgent(() => {});
  const client = await connect(port);
  const answer = client.members();
  client.close();
  await expect(answer).rejects.toThrow("connection closed");
  expect(await client.closed).toBe("connection closed");
});
