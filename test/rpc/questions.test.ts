import { expect, test } from "vitest";
import type { QueryRecord } from "../../src/rpc/api.js";
import { until } from "../support/wait.js";
import { Bench } from "./bench.js";
import { ok, type Plain, type RawClient } from "./raw-client.js";

const ack = (from: string): QueryRecord => ({ kind: "ack", from });
const response = (from: string, text: string): QueryRecord => {
  return { kind: "response", from, payload: Buffer.from(text) };
};
const done: QueryRecord = { kind: "done" };
const doneRecord: Plain = { From: "", Payload: null, Type: "done" };

async function asking(bench: Bench, body: object, seq = 2): Promise<RawClient> {
  const client = await (await bench.client()).greet();
  return client.request("query", seq, body);
}

test("acks and responses follow the answer, and done comes last", async () => {
  const bench = await Bench.start();
  const client = await asking(bench, { Name: "load", RequestAck: true });
  expect(await client.take(1)).toEqual([ok(2)]);
  const [asked] = bench.api.asked;
  for (const record of [ack("a"), response("b", "1\n"), response("c", ""), done, ack("late")]) {
    asked?.sink(record);
  }
  client.request("stats", 3);
  expect(await client.take(10)).toEqual([
    ok(2),
    { From: "a", Payload: null, Type: "ack" },
    ok(2),
    { From: "b", Payload: "hex:310a", Type: "response" },
    ok(2),
    { From: "c", Payload: null, Type: "response" },
    ok(2),
    doneRecord,
    ok(3),
    {},
  ]);
});

test.for([
  { body: {}, call: "query   [[],[]] false,0," },
  {
    body: {
      FilterNodes: ["a", "b"],
      FilterTags: { role: "w.b" },
      Name: "q",
      Payload: Buffer.from("p"),
      RelayFactor: 255,
      RequestAck: true,
      Timeout: 5_000_000_000n,
    },
    call: 'query q 70 [["a","b"],[["role","w.b"]]] true,255,5000',
  },
  { body: { Name: "q", Timeout: 1_500_000 }, call: "query q  [[],[]] false,0,1.5" },
  // Over at once, as in Serf.
  { body: { Name: "q", Timeout: -5n }, call: "query q  [[],[]] false,0,1" },
  { body: { Name: "q", Timeout: 2n ** 63n - 1n }, call: "query q  [[],[]] false,0,9007199254" },
])("$body is understood", async ({ body, call }) => {
  const bench = await Bench.start();
  expect(await (await asking(bench, body)).take(1)).toEqual([ok(2)]);
  expect(bench.api.calls).toEqual([call]);
});

test.for([-1, 256])("a relay factor of %i does not fit the protocol", async (RelayFactor) => {
  const bench = await Bench.start();
  const client = await asking(bench, { Name: "q", RelayFactor });
  const error = "Relay factor must be between 0 and 255";
  expect(await client.take(1)).toEqual([{ Error: error, Seq: 2 }]);
});

test("a refused query has an error and nothing else", async () => {
  const bench = await Bench.start();
  bench.api.failure = "query exceeds limit of 1024 bytes";
  const client = await asking(bench, { Name: "q" });
  client.request("stats", 3);
  expect(await client.take(3)).toEqual([{ Error: bench.api.failure, Seq: 2 }, ok(3), {}]);
});

test("a query ends when its client goes away", async () => {
  const bench = await Bench.start();
  const client = await asking(bench, { Name: "q" });
  await client.take(1);
  expect(bench.api.asked).toHaveLength(1);
  client.destroy();
  await until("the query to end", () => bench.api.asked.length === 0);
});

test("a client can end its query before the time", async () => {
  const bench = await Bench.start();
  const client = await asking(bench, { Name: "one" });
  client.request("query", 3, { Name: "other" }).request("stop", 4, { Stop: 2 });
  expect(await client.take(5)).toEqual([ok(2), ok(3), ok(2), doneRecord, ok(4)]);
  expect(bench.api.asked.map(({ question }) => question.name)).toEqual(["other"]);
});

test("two queries of one connection do not mix", async () => {
  const bench = await Bench.start();
  const client = await asking(bench, { Name: "one" });
  client.request("query", 3, { Name: "other" });
  await client.take(2);
  const [one, other] = [...bench.api.asked];
  other?.sink(ack("b"));
  one?.sink(ack("a"));
  other?.sink(done);
  one?.sink(done);
  const records = await client.take(8);
  const seqs = records.filter((_, index) => index % 2 === 0).map((header) => header);
  expect(seqs).toEqual([ok(3), ok(2), ok(3), ok(2)]);
});

test("a connection has a limited number of queries at a time", async () => {
  const bench = await Bench.start({ limits: { runningQueries: 1 } });
  const client = await asking(bench, { Name: "one" });
  client.request("query", 3, { Name: "other" });
  const error = "a connection can have 1 queries at a time";
  expect(await client.take(2)).toEqual([ok(2), { Error: error, Seq: 3 }]);
  bench.api.asked[0]?.sink(done);
  client.request("query", 4, { Name: "other" });
  expect(await client.take(3)).toEqual([ok(2), doneRecord, ok(4)]);
});

test("a client that does not read loses answers, but never the last record", async () => {
  const bench = await Bench.start({ limits: { queuedRecords: 3 } });
  const client = await asking(bench, { Name: "q" });
  await client.take(1);
  client.pause();
  const [asked] = bench.api.asked;
  const long = "x".repeat(100_000);
  for (let index = 0; index < 200; index += 1) asked?.sink(response(`n${index}`, long));
  asked?.sink(done);
  expect(bench.warnings.join()).toContain("rpc client is too slow, dropping records");
  client.resume();
  const types: Plain[] = [];
  while (types.at(-1) !== "done") {
    const [, record] = await client.take(2);
    types.push((record as { Type: Plain }).Type);
  }
  expect(types.length).toBeLessThan(201);
});

test("what is said of keys comes with the error", async () => {
  const bench = await Bench.start();
  bench.api.report = {
    messages: new Map([["a", "no"]]),
    keys: new Map([
      ["z", 1],
      ["y", 300],
    ]),
    numNodes: 3,
    numResponses: 2,
    numErrors: 1,
    error: "1/3 nodes reported failure",
  };
  const client = await (await bench.client()).greet();
  const body = { Messages: { a: "no" }, NumErr: 1, NumNodes: 3, NumResp: 2 };
  const error = "1/3 nodes reported failure";
  client.request("list-keys", 2).request("use-key", 3, { Key: "a2V5" });
  expect(await client.take(4)).toEqual([
    { Error: error, Seq: 2 },
    { Keys: { y: 300, z: 1 }, ...body },
    { Error: error, Seq: 3 },
    { Keys: null, ...body },
  ]);
  expect(bench.api.calls).toEqual(["keys list ", "keys use a2V5"]);
});

test("a refusal of keys or coordinates has the body that clients read", async () => {
  const bench = await Bench.start();
  bench.api.failure = "no";
  const client = await (await bench.client()).greet();
  client.request("list-keys", 2).request("get-coordinate", 3, { Node: "a" }).request("stats", 4);
  const Coord = { Adjustment: 0, Error: 0, Height: 0, Vec: null };
  expect(await client.take(6)).toEqual([
    { Error: "no", Seq: 2 },
    { Keys: {}, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 },
    { Error: "no", Seq: 3 },
    { Coord, Ok: false },
    ok(4),
    {},
  ]);
});

test("every number of a coordinate is a float, also where it is whole", async () => {
  const bench = await Bench.start();
  bench.api.coordinates.set("a", { adjustment: 1, error: -0, height: 2 ** 31, vec: [0, 1, 0.5] });
  const client = await (await bench.client()).greet();
  const before = client.bytes.length;
  client.request("get-coordinate", 2, { Node: "a" });
  await client.take(2);
  const floats = [1, -0, 2 ** 31, 0, 1, 0.5].map((value) => {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return bytes.toString("hex");
  });
  const answer = client.bytes.subarray(before).toString("hex");
  expect(answer.match(/cb[0-9a-f]{16}/g)).toEqual(floats);
});
