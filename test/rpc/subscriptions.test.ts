import { expect, test } from "vitest";
import { until } from "../support/wait.js";
import { Bench } from "./bench.js";
import { ok, type Plain } from "./raw-client.js";
import { member } from "./scripted-api.js";

const error = (Seq: number, text: string): Plain => ({ Error: text, Seq });

const deploy = {
  kind: "user",
  ltime: 7,
  name: "deploy",
  payload: Buffer.from("v2"),
  coalesce: true,
} as const;

const deployRecord = {
  Coalesce: true,
  Event: "user",
  LTime: 7,
  Name: "deploy",
  Payload: "hex:7632",
};

test("a stream has its answer, then each event as a record under its Seq", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("stream", 2, { Type: "*" });
  await client.take(1);
  bench.api.emit({ kind: "member", event: "member-join", members: [member("a"), member("b")] });
  bench.api.emit(deploy);
  bench.api.emit({ ...deploy, payload: new Uint8Array(0), coalesce: false });
  const query = { kind: "query", ltime: 2 ** 40, name: "q", payload: Buffer.from("p") } as const;
  bench.api.emit({ ...query, id: 90, expiresIn: 1_000 });
  expect(await client.take(8)).toEqual([
    ok(2),
    {
      Event: "member-join",
      Members: [expect.objectContaining({ Name: "a" }), expect.objectContaining({ Name: "b" })],
    },
    ok(2),
    deployRecord,
    ok(2),
    { ...deployRecord, Coalesce: false, Payload: null },
    ok(2),
    { Event: "query", ID: 1, LTime: 2n ** 40n, Name: "q", Payload: "hex:70" },
  ]);
});

test("records and responses share the connection", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("stream", 2, { Type: "user" }).request("stream", 3, { Type: "user:deploy" });
  await client.take(2);
  client.request("members", 4);
  expect(await client.take(2)).toEqual([ok(4), { Members: [] }]);
  bench.api.emit(deploy);
  expect(await client.take(4)).toEqual([ok(2), deployRecord, ok(3), deployRecord]);
});

test("a Seq has one stream, which ends with stop, and then may begin anew", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("stream", 2, { Type: "*" }).request("stream", 2, { Type: "*" });
  client.request("stop", 3, { Stop: 2 }).request("stop", 4, { Stop: 99 });
  expect(await client.take(4)).toEqual([
    ok(2),
    error(2, "Stream with given sequence exists"),
    ok(3),
    ok(4),
  ]);
  expect(bench.api.subscriptions).toBe(0);
  bench.api.emit(deploy);
  client.request("stream", 2, { Type: "*" }).request("stream", 5, { Type: "bogus" });
  expect(await client.take(2)).toEqual([ok(2), error(5, "Invalid event filter")]);
});

test("a connection has a bounded number of streams", async () => {
  const bench = await Bench.start({ limits: { streams: 2 } });
  const client = await (await bench.client()).greet();
  for (const seq of [2, 3, 4]) client.request("stream", seq, { Type: "*" });
  expect(await client.take(3)).toEqual([ok(2), ok(3), error(4, "a connection can have 2 streams")]);
});

test("a monitor has its answer, the kept lines, then the new ones", async () => {
  const bench = await Bench.start();
  bench.api.backlog = ["one", "two"];
  const client = await (await bench.client()).greet();
  client.request("monitor", 2, { LogLevel: "debug" });
  expect(await client.take(5)).toEqual([ok(2), ok(2), { Log: "one" }, ok(2), { Log: "two" }]);
  bench.api.log("three");
  expect(await client.take(2)).toEqual([ok(2), { Log: "three" }]);
});

test("a connection has one monitor, which ends with stop", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("monitor", 2, { LogLevel: "info" }).request("monitor", 3, { LogLevel: "info" });
  client.request("stop", 4, { Stop: 2 }).request("monitor", 5, { LogLevel: "loud" });
  expect(await client.take(4)).toEqual([
    ok(2),
    error(3, "Monitor already exists"),
    ok(4),
    error(5, "Unknown log level: LOUD"),
  ]);
  expect(bench.api.subscriptions).toBe(0);
});

test("queries are answered under the ids of the connection that was told them", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  const other = await (await bench.client()).greet();
  client.request("stream", 2, { Type: "query" });
  await client.take(1);
  const query = { kind: "query", ltime: 1, name: "q", payload: new Uint8Array(0) } as const;
  bench.api.emit({ ...query, id: 41, expiresIn: 60_000 });
  bench.api.emit({ ...query, id: 42, expiresIn: 60_000 });
  bench.api.emit({ ...query, id: 43, expiresIn: -1 });
  const records = (await client.take(6)) as { ID?: number }[];
  expect(records.map(({ ID }) => ID)).toEqual([undefined, 1, undefined, 2, undefined, 3]);
  client.request("respond", 3, { ID: 2, Payload: Buffer.from("hi") });
  client.request("respond", 4, { ID: 3, Payload: null }).request("respond", 5, { ID: 42 });
  other.request("respond", 2, { ID: 1, Payload: null });
  expect(await client.take(3)).toEqual([
    ok(3),
    error(4, "No pending queries matching ID"),
    error(5, "No pending queries matching ID"),
  ]);
  expect(await other.take(1)).toEqual([error(2, "No pending queries matching ID")]);
  expect(bench.api.calls).toEqual(["respond 42 6869"]);
});

test("of too many unanswered queries the oldest is forgotten", async () => {
  const bench = await Bench.start({ limits: { pendingQueries: 2 } });
  const client = await (await bench.client()).greet();
  client.request("stream", 2, { Type: "query" });
  await client.take(1);
  const query = { kind: "query", ltime: 1, name: "q", payload: new Uint8Array(0) } as const;
  for (const id of [41, 42, 43]) bench.api.emit({ ...query, id, expiresIn: 60_000 });
  await client.take(6);
  for (const ID of [1, 2, 3]) client.request("respond", 10 + ID, { ID, Payload: null });
  expect(await client.take(3)).toEqual([
    error(11, "No pending queries matching ID"),
    ok(12),
    ok(13),
  ]);
});

test("a client that goes away takes its subscriptions along", async () => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.request("stream", 2, { Type: "*" }).request("monitor", 3, { LogLevel: "info" });
  await client.take(2);
  expect(bench.api.subscriptions).toBe(2);
  client.destroy();
  await until("the subscriptions to end", () => bench.api.subscriptions === 0);
});

test("a client that does not read loses records, and nobody waits for it", async () => {
  const bench = await Bench.start({ limits: { queuedRecords: 8 } });
  const slow = await (await bench.client()).greet();
  const quick = await (await bench.client()).greet();
  slow.request("stream", 2, { Type: "*" }).request("monitor", 3, { LogLevel: "info" });
  await slow.take(2);
  slow.pause();
  const payload = Buffer.alloc(64 * 1024);
  const sent = 1_000;
  // More than any system keeps for a socket, in one go: only the queue and the drops can take it.
  for (let ltime = 1; ltime <= sent; ltime += 1) bench.api.emit({ ...deploy, ltime, payload });
  quick.request("members", 2);
  expect(await quick.take(2)).toEqual([ok(2), { Members: [] }]);
  slow.resume();
  await until("the drops to be told", () => bench.warnings.length === 2);
  const lost = bench.server.counters.droppedRecords;
  expect(bench.warnings).toEqual([
    expect.stringMatching(/^warn rpc client is too slow, dropping records .*"seq":2,"dropped":1/),
    expect.stringMatching(`"seq":2,"dropped":${lost}`),
  ]);
  expect(lost).toBeGreaterThan(0);
  bench.api.log("after");
  bench.api.emit(deploy);
  const rest = (await slow.take(2 * (sent - lost) + 4)) as { LTime?: number; Log?: string }[];
  const ltimes = rest.flatMap(({ LTime }) => (LTime === undefined ? [] : [LTime]));
  const firstOnes = Array.from({ length: sent - lost }, (_, index) => index + 1);
  expect(ltimes).toEqual([...firstOnes, 7]);
  expect(rest.filter(({ Log }) => Log !== undefined)).toEqual([{ Log: "after" }]);
});

test("a client that asks without reading is not read either", async () => {
  const bench = await Bench.start();
  const tags = { long: "x".repeat(500) };
  bench.api.known = Array.from({ length: 2_000 }, (_, index) => member(`m${index}`, { tags }));
  const client = await (await bench.client()).greet();
  client.pause();
  const asked = 20;
  for (let seq = 2; seq < 2 + asked; seq += 1) client.request("members", seq);
  const other = await (await bench.client()).greet();
  await other.request("members", 2).take(2);
  // The slow client's 20 answers are 25 MB; the agent made those that the system had room for.
  expect(bench.server.counters.requests).toBeLessThan(asked);
  client.resume();
  expect(await client.take(2 * asked)).toHaveLength(2 * asked);
});

test("a server that closes ends every connection, and waits for none that does not read", async () => {
  const bench = await Bench.start({ limits: { flushTimeout: 30 } });
  const slow = await (await bench.client()).greet();
  const idle = await (await bench.client()).greet();
  slow.request("stream", 2, { Type: "*" });
  await slow.take(1);
  slow.pause();
  const payload = Buffer.alloc(64 * 1024);
  for (let count = 0; count < 400; count += 1) bench.api.emit({ ...deploy, payload });
  await bench.server.close();
  expect(await idle.rest()).toEqual([]);
  expect(bench.api.subscriptions).toBe(0);
});
