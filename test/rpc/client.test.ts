import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { QueryAnswer, RpcEvent, RpcQuestion } from "../../src/rpc/api.js";
import { RpcClient, UnknownTopicError } from "../../src/rpc/client.js";
import type { RpcTimeouts } from "../../src/rpc/connection.js";
import { packValues } from "../../src/rpc/framing.js";
import { until } from "../support/wait.js";
import { Bench } from "./bench.js";
import { member } from "./scripted-api.js";

const short: RpcTimeouts = { connect: 40, answer: 40, cluster: 40 };

const question: RpcQuestion = {
  name: "load",
  payload: new Uint8Array(0),
  filterNodes: [],
  filterTags: new Map(),
  requestAck: false,
  relayFactor: 0,
  timeout: undefined,
};

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

describe("a query", () => {
  test("gives what comes of it, and is done at its end", async () => {
    const bench = await Bench.start();
    const client = await connect(bench.port);
    const answers: QueryAnswer[] = [];
    const full: RpcQuestion = {
      name: "load",
      payload: Buffer.from("p"),
      filterNodes: ["a"],
      filterTags: new Map([["role", "w"]]),
      requestAck: true,
      relayFactor: 3,
      timeout: 8_000_000.5,
    };
    const { done } = await client.query(full, (answer) => answers.push(answer));
    const [asked] = bench.api.asked;
    expect(asked?.question).toEqual(full);
    const payload = Buffer.from("1");
    asked?.sink({ kind: "ack", from: "a" });
    asked?.sink({ kind: "response", from: "a", payload });
    await until("the answers", () => answers.length === 2);
    expect(answers).toEqual([
      { kind: "ack", from: "a" },
      { kind: "response", from: "a", payload },
    ]);
    asked?.sink({ kind: "done" });
    await done;
    expect(await client.members()).toEqual([]);
  });

  test("can have all its answers in the packet that says it was taken", async () => {
    const bench = await Bench.start();
    bench.api.replies = [{ kind: "ack", from: "a" }, { kind: "done" }];
    const client = await connect(bench.port);
    const answers: QueryAnswer[] = [];
    await (await client.query(question, (answer) => answers.push(answer))).done;
    expect(answers).toEqual([{ kind: "ack", from: "a" }]);
  });

  test("can be stopped", async () => {
    const bench = await Bench.start();
    const client = await connect(bench.port);
    const { done, stop } = await client.query(question, () => {});
    await stop();
    await done;
    expect(bench.api.asked).toEqual([]);
  });

  test("that is refused leaves nothing behind", async () => {
    const bench = await Bench.start();
    bench.api.failure = "query exceeds limit of 1024 bytes";
    const client = await connect(bench.port);
    await expect(client.query(question, () => {})).rejects.toThrow(/^query exceeds limit/);
    expect(await client.members()).toEqual([]);
  });

  test.for([
    { timeout: undefined, timeouts: { ...short, answer: 10_000 } },
    { timeout: 1, timeouts: { ...short, cluster: 10_000 } },
  ])("of $timeout ms without an end is given up", async ({ timeout, timeouts }) => {
    const port = await fakeAgent((socket) => socket.write(packValues({ Error: "", Seq: 2 })));
    const client = await connect(port, { timeouts });
    const { done } = await client.query({ ...question, timeout }, () => {});
    await expect(done).rejects.toThrow("the agent did not say that the query is over");
  });

  test("ends with the connection", async () => {
    const bench = await Bench.start();
    const client = await connect(bench.port);
    const { done } = await client.query(question, () => {});
    await bench.server.close();
    await expect(done).rejects.toThrow(/^connection closed by the agent$/);
  });

  test.for([
    { record: { Type: "ack", From: "", Payload: null }, answers: 0 },
    { record: { Type: "response", From: "", Payload: null }, answers: 0 },
    { record: { Type: "response", From: "a" }, answers: 1 },
  ])("with the record $record has $answers answers", async ({ record, answers }) => {
    const header = { Error: "", Seq: 2 };
    const last = { Type: "done", From: "", Payload: null };
    const port = await fakeAgent((socket) => {
      socket.write(packValues(header, header, record, header, last));
    });
    const taken: QueryAnswer[] = [];
    const client = await connect(port);
    await (await client.query(question, (answer) => taken.push(answer))).done;
    expect(taken).toHaveLength(answers);
  });

  test("with a record of a kind that there is not is no query", async () => {
    const header = { Error: "", Seq: 2 };
    const port = await fakeAgent((socket) => {
      socket.write(packValues(header, header, { Type: "nack", From: "a" }));
    });
    const client = await connect(port);
    const { done } = await client.query(question, () => {});
    await expect(done).rejects.toThrow('no records of the type "nack"');
  });
});

test("the report about keys is there also if the operation failed", async () => {
  const bench = await Bench.start();
  const client = await connect(bench.port);
  bench.api.report = {
    messages: new Map([["a", "no"]]),
    keys: new Map([["k", 300]]),
    numNodes: 3,
    numResponses: 2,
    numErrors: 1,
    error: "1/3 nodes reported failure",
  };
  expect(await client.listKeys()).toEqual(bench.api.report);
  const change = { ...bench.api.report, keys: new Map() };
  expect(await client.installKey("a")).toEqual(change);
  expect(await client.useKey("b")).toEqual(change);
  bench.api.report = { ...bench.api.report, error: undefined };
  expect(await client.removeKey("c")).toEqual({ ...change, error: undefined });
  expect(bench.api.calls).toEqual(["keys list ", "keys install a", "keys use b", "keys remove c"]);
});

test("no report about keys is an error", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  const client = await connect(bench.port);
  await expect(client.listKeys()).rejects.toThrow(/^Authentication required$/);
  await expect(client.useKey("a")).rejects.toThrow(/^Authentication required$/);
});

test("a coordinate comes back to the last bit", async () => {
  const bench = await Bench.start();
  const known = { adjustment: -1e-300, error: 1, height: 1e-5, vec: [0, 0.1 + 0.2, -3] };
  bench.api.coordinates.set("a", known);
  const client = await connect(bench.port);
  expect(await client.coordinate("a")).toEqual(known);
  expect(await client.coordinate("b")).toBeUndefined();
});

test.for([
  { Coord: null, Ok: true },
  { Coord: { Adjustment: 0, Error: 0, Height: 0, Vec: null }, Ok: true },
  { Coord: { Adjustment: "x", Error: 0, Height: 0, Vec: [1] }, Ok: true },
])("%j is no coordinate", async (body) => {
  const port = await fakeAgent((socket) => {
    socket.write(packValues({ Error: "", Seq: 2 }, body));
  });
  const client = await connect(port);
  await expect(client.coordinate("a")).rejects.toThrow("the agent sent what is no answer");
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
  { command: "query", ask: (client) => client.query(question, () => {}), patience: "0.04" },
  { command: "install-key", ask: (client) => client.installKey("a"), patience: "0.06" },
  { command: "list-keys", ask: (client) => client.listKeys(), patience: "0.06" },
  { command: "get-coordinate", ask: (client) => client.coordinate("a"), patience: "0.04" },
])("an agent that never answers $command is given up after a while", async ({ ask, patience }) => {
  const port = await fakeAgent(() => {});
  const client = await connect(port, { timeouts: { ...short, cluster: 60 } });
  await expect(ask(client)).rejects.toThrow(`no answer from the agent within ${patience} s`);
});

test("an agent of Serf is not asked what only ours know, for it would close the connection", async () => {
  const bench = await Bench.start();
  bench.api.topics = undefined;
  const client = await connect(bench.port);
  await expect(client.ask("self", {})).rejects.toThrow(UnknownTopicError);
  expect(bench.api.calls).toEqual([]);
  expect(await client.members()).toEqual([]);
});

test("an agent that refuses the command and closes the connection knows no topic", async () => {
  const port = await fakeAgent((socket) => {
    socket.write(packValues({ Error: "", Seq: 2 }, { runtime: { version: "v20.19.0" } }));
    socket.once("data", () => socket.end(packValues({ Error: "Unsupported command", Seq: 3 })));
  });
  const client = await connect(port);
  await expect(client.ask("self", {})).rejects.toThrow(UnknownTopicError);
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
