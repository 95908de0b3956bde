import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { packValues } from "../../src/rpc/framing.js";
import { rpcLimits } from "../../src/rpc/limits.js";
import { Session } from "../../src/rpc/session.js";
import { RecordedLog } from "../support/recorded-log.js";
import { until } from "../support/wait.js";
import { Bench } from "./bench.js";
import { ok } from "./raw-client.js";
import { member, ScriptedApi } from "./scripted-api.js";

const error = (Seq: number, text: string) => ({ Error: text, Seq });

test("any command before the handshake is refused and ends the connection", async () => {
  const bench = await Bench.start();
  const client = await bench.client();
  client.request("members", 5).request("members", 6);
  expect(await client.rest()).toEqual([error(5, "Handshake required")]);
});

test("a client of another version may try again, and shakes hands once", async () => {
  const bench = await Bench.start();
  const client = await bench.client();
  client.request("handshake", 1, { Version: 2 }).request("handshake", 2, { Version: 1 });
  client.request("handshake", 3, { Version: 1 }).request("members", 4);
  expect(await client.take(5)).toEqual([
    error(1, "Unsupported IPC version"),
    ok(2),
    error(3, "Handshake already performed"),
    ok(4),
    { Members: [] },
  ]);
});

test("without the token every command is refused, and its body is consumed", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  const client = await (await bench.client()).greet();
  client.request("event", 2, { Name: "deploy", Payload: null, Coalesce: false });
  client.request("members", 3).request("join", 4, { Existing: ["a"], Replay: false });
  client.request("nonsense", 5).request("stats", 6);
  expect(await client.take(5)).toEqual(
    [2, 3, 4, 5, 6].map((seq) => error(seq, "Authentication required")),
  );
  client.request("auth", 7, { AuthKey: "secre" }).request("auth", 8, { AuthKey: "secret" });
  client.request("members", 9);
  expect(await client.take(4)).toEqual([
    error(7, "Invalid authentication token"),
    ok(8),
    ok(9),
    { Members: [] },
  ]);
  expect(bench.api.calls).toEqual([]);
});

test("without a token in the agent only the empty one is right", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("auth", 2, { AuthKey: "x" }).request("auth", 3, { AuthKey: "" });
  expect(await client.take(2)).toEqual([error(2, "Invalid authentication token"), ok(3)]);
});

test.for([
  ["an unknown command", { Command: "reboot", Seq: 2 }],
  ["a command in upper case", { Command: "Members", Seq: 2 }],
  ["a header without a command", { Seq: 2 }],
] as const)("%s is not supported and ends the connection", async ([_what, header]) => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.send(header).request("members", 3);
  expect(await client.rest()).toEqual([error(2, "Unsupported command")]);
});

test.for([
  ["a header that is no map", [[1, 2]]],
  ["a header with a number for a command", [{ Command: 7, Seq: 2 }]],
  ["a header with a fraction for a Seq", [{ Command: "members", Seq: 1.5 }]],
  ["a body that is no map", [{ Command: "join", Seq: 2 }, "x"]],
  ["a number for a name", [{ Command: "event", Seq: 2 }, { Name: 5 }]],
  ["a list with a number in it", [{ Command: "join", Seq: 2 }, { Existing: ["a", 5] }]],
  ["a fraction for an integer", [{ Command: "respond", Seq: 2 }, { ID: 0.5 }]],
  ["a text for a flag", [{ Command: "event", Seq: 2 }, { Coalesce: "yes" }]],
  ["bytes beyond a byte", [{ Command: "event", Seq: 2 }, { Payload: [1, 256] }]],
] as const)("%s ends the connection without an answer", async ([_what, values]) => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.send(...values);
  expect(await client.rest()).toEqual([]);
  expect(bench.warnings).toEqual([
    expect.stringContaining("malformed rpc request, closing the connection"),
  ]);
  expect(bench.api.calls).toEqual([]);
});

test("fields come in any order, in any type that will do, or not at all", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  const bytes = (text: string): Buffer => Buffer.from(text);
  client.request("event", 2, {
    Payload: "text",
    Unknown: [1, { a: 2 }],
    Name: bytes("n"),
    Coalesce: 1,
  });
  client.request("event", 3, { Payload: [104, 105], Name: "n", coalesce: true });
  client.request("event", 4, new Map([["Payload", bytes("")]]));
  client.request("join", 5, { Existing: null });
  client.request("tags", 6, { Tags: { a: bytes("b"), c: null }, DeleteTags: [bytes("d")] });
  client.request("force-leave", 7, {});
  client.send({ Command: "stop", Seq: 8 }, null);
  expect(await client.take(8)).toEqual(
    [2, 3, 4, 5, { Num: 0 }, 6, 7, 8].map((item) => (typeof item === "number" ? ok(item) : item)),
  );
  expect(bench.api.calls).toEqual([
    "userEvent n 74657874 true",
    "userEvent n 6869 false",
    "userEvent   false",
    "join false",
    'setTags [["a","b"],["c",""]] ["d"]',
    "forceLeave  false",
  ]);
});

test.for([
  { command: "join", body: { Existing: ["x"] }, rest: [{ Num: 0 }] },
  { command: "members-filtered", body: { Name: "(" }, rest: [{ Members: [] }] },
  { command: "event", body: { Name: "x" }, rest: [] },
  { command: "force-leave", body: { Node: "x" }, rest: [] },
  { command: "tags", body: {}, rest: [] },
  { command: "leave", body: undefined, rest: [] },
])("a failed $command says why, with its body", async ({ command, body, rest }) => {
  const bench = await Bench.start();
  bench.api.failure = "no such luck";
  const client = await (await bench.client()).greet();
  client.request(command, 2, body).request("stats", 3);
  expect(await client.take(rest.length + 3)).toEqual([
    error(2, "no such luck"),
    ...rest,
    ok(3),
    {},
  ]);
  expect(bench.left).toBe(0);
});

test("a pattern that does not compile is an error of that request alone", async () => {
  const bench = await Bench.start();
  bench.api.known = [member("a")];
  const client = await (await bench.client()).greet();
  client
    .request("members-filtered", 2, { Name: "(" })
    .request("members-filtered", 3, { Name: "b" });
  expect(await client.take(4)).toEqual([
    error(2, "Failed to compile regex: ("),
    { Members: [] },
    ok(3),
    { Members: [] },
  ]);
});

test("a join of which one address answered is no error, and none is one with a body", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  bench.api.joined = { contacted: 1, error: "" };
  client.request("join", 2, { Existing: ["a", "b"], Replay: true });
  expect(await client.take(2)).toEqual([ok(2), { Num: 1 }]);
  bench.api.joined = { contacted: 0, error: "1 error occurred:\n\t* Failed" };
  client.request("join", 3, { Existing: ["a"], Replay: false });
  expect(await client.take(2)).toEqual([error(3, "1 error occurred:\n\t* Failed"), { Num: 0 }]);
  expect(bench.api.calls).toEqual(["join a b true", "join a false"]);
});

test("requests are served one after the other, also if they came at once", async () => {
  const bench = await Bench.start();
  let arrive: () => void = () => {};
  bench.api.left = new Promise((resolve) => {
    arrive = resolve;
  });
  const client = await (await bench.client()).greet();
  client.request("leave", 2).request("force-leave", 3, { Node: "x" }).request("members", 4);
  const other = await (await bench.client()).greet();
  other.request("members", 2);
  expect(await other.take(2)).toEqual([ok(2), { Members: [] }]);
  expect(bench.api.calls).toEqual(["leave"]);
  arrive();
  expect(await client.take(4)).toEqual([ok(2), ok(3), ok(4), { Members: [] }]);
  expect(bench.api.calls).toEqual(["leave", "forceLeave x false"]);
});

test("a leave is answered before the agent hears that it may go", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("leave", 2);
  await until("the leave to be over", () => bench.left === 1);
  await bench.server.close();
  expect(await client.rest()).toEqual([ok(2)]);
});

test("a client that closes its half still gets its answers", async () => {
  const bench = await Bench.start();
  const client = await bench.client({ allowHalfOpen: true });
  client.request("handshake", 1, { Version: 1 }).request("leave", 2).request("stats", 3).finish();
  expect(await client.rest()).toEqual([ok(1), ok(2), ok(3), {}]);
});

test("a Seq is given back whatever its size", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  const seqs = [127, 128, 2 ** 31, 2 ** 32 - 1, 2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n];
  for (const seq of seqs) client.request("stop", seq, { Stop: seq });
  const answers = (await client.take(seqs.length)) as { Seq: number | bigint }[];
  expect(answers.map(({ Seq }) => BigInt(Seq))).toEqual(seqs.map(BigInt));
});

test("names that are not text everywhere are made so", async () => {
  const bench = await Bench.start();
  bench.api.known = [member("a\udcff", { tags: { "\udc80": "b\u{1f600}" } })];
  const client = await (await bench.client()).greet();
  client.request("members", 2);
  expect(await client.take(2)).toMatchObject([
    ok(2),
    { Members: [{ Name: "a\ufffd", Tags: { "\ufffd": "b\u{1f600}" } }] },
  ]);
});

test("a connection without a handshake, and one with half a request, are given up", async () => {
  const bench = await Bench.start({ limits: { requestTimeout: 40 } });
  const silent = await bench.client();
  const half = await (await bench.client()).greet();
  const idle = await (await bench.client()).greet();
  const bodiless = await (await bench.client()).greet();
  half.write(packValues({ Command: "members", Seq: 2 }).subarray(0, 9));
  bodiless.send({ Command: "join", Seq: 2 });
  expect(await silent.rest()).toEqual([]);
  expect(await half.rest()).toEqual([]);
  expect(await bodiless.rest()).toEqual([]);
  idle.request("members", 2);
  expect(await idle.take(2)).toEqual([ok(2), { Members: [] }]);
  expect(bench.warnings).toHaveLength(3);
});

test("who does not know the token is given up, however much is asked meanwhile", async () => {
  const bench = await Bench.start({ authKey: "t", limits: { requestTimeout: 500 } });
  const stranger = await (await bench.client()).greet();
  const known = await (await bench.client()).greet();
  known.send({ Command: "auth", Seq: 1 }, { AuthKey: "t" });
  expect(await known.take(1)).toEqual([ok(1)]);
  let isOver = false;
  const answers = stranger.rest().finally(() => {
    isOver = true;
  });
  await until(
    "the connection is closed",
    () => {
      if (!isOver) stranger.request("members", 2);
      return isOver;
    },
    { every: 20 },
  );
  expect((await answers)[0]).toEqual({ Error: "Authentication required", Seq: 2 });
  known.request("members", 3);
  expect(await known.take(2)).toEqual([ok(3), { Members: [] }]);
});

test("who asks without the token and reads no answer is not read any more", async () => {
  const counters = { accepted: 0, refused: 0, requests: 0, droppedRecords: 0 };
  const socket = new Duplex({ read() {}, write() {} });
  onTestFinished(() => void socket.destroy());
  const session = new Session(socket as Socket, "stranger", {
    api: new ScriptedApi(),
    log: new RecordedLog(),
    limits: rpcLimits,
    isToken: () => false,
    counters,
    onLeft: () => {},
  });
  void session.run();
  socket.push(packValues({ Command: "handshake", Seq: 1 }, { Version: 1 }));
  for (let seq = 2; seq < 10_000; seq += 1) {
    socket.push(packValues({ Command: seq % 2 === 0 ? "members" : "nonsense", Seq: seq }));
  }
  await until("the answers fill the socket", () => socket.writableNeedDrain, { every: 1 });
  await new Promise(setImmediate);
  expect(socket.writableLength).toBeLessThan(socket.writableHighWaterMark + 100);
});

test("clients beyond the limit are turned away, and the log says so once", async () => {
  const bench = await Bench.start({ limits: { connections: 2 } });
  const clients = [await (await bench.client()).greet(), await (await bench.client()).greet()];
  for (let count = 0; count < 3; count += 1) {
    expect(await (await bench.client()).rest()).toEqual([]);
  }
  expect(bench.warnings).toEqual([
    'warn too many rpc clients, refusing further ones {"connections":2}',
  ]);
  expect(bench.server.counters).toMatchObject({ accepted: 2, refused: 3 });
  clients[0]?.destroy();
  await until("there to be room again", async () => {
    const next = await bench.client();
    const [first] = await next
      .request("handshake", 1, { Version: 1 })
      .take(1)
      .catch(() => []);
    return first !== undefined;
  });
});

test("of clients that come every few seconds not all are named", async () => {
  const bench = await Bench.start();
  for (let number = 0; number < 22; number += 1) await (await bench.client()).greet();
  expect(bench.logged).toHaveLength(20);
});

test("each client is named in the log", async () => {
  const bench = await Bench.start();
  await (await bench.client()).greet();
  expect(bench.logged).toEqual([
    expect.stringMatching(/^info Accepted client: 127\.0\.0\.1:\d+ \{\}$/),
  ]);
});
