import { once } from "node:events";
import { connect, type Done, type NodeSerf } from "node-serf";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../support/wait.js";
import { Bench } from "./bench.js";
import { member } from "./scripted-api.js";

async function client(port: number): Promise<NodeSerf> {
  const serf = await new Promise<NodeSerf>((resolve, reject) => {
    const made = connect({ port, host: "127.0.0.1" }, (error) =>
      error ? reject(error) : resolve(made),
    );
  });
  onTestFinished(() => void serf.destroy());
  return serf;
}

async function ask(
  serf: NodeSerf,
  command: string,
  { hasBody = false, body }: { hasBody?: boolean; body?: object } = {},
): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const done: Done = (error, answer) => (error ? reject(error) : resolve(answer));
    if (body === undefined) serf.send(command, hasBody, done);
    else serf.send(command, hasBody, body, done);
  });
}

test("node-serf lists, joins, tags, sends events and leaves", async () => {
  const bench = await Bench.start();
  bench.api.known = [member("a", { tags: { role: "web" } }), member("b", { status: "failed" })];
  bench.api.sections = new Map([["agent", new Map([["name", "a"]])]]);
  bench.api.joined = { contacted: 1, error: "" };
  const serf = await client(bench.port);
  expect(await ask(serf, "members", { hasBody: true })).toMatchObject({
    Members: [
      { Name: "a", Port: 7946, Status: "alive", Tags: { role: "web" } },
      { Name: "b", Status: "failed" },
    ],
  });
  const filter = { Tags: { role: "web" }, Status: "alive", Name: "a" };
  expect(await ask(serf, "members-filtered", { hasBody: true, body: filter })).toMatchObject({
    Members: [{ Name: "a" }],
  });
  const join = { Existing: ["127.0.0.1:7947"], Replay: false };
  expect(await ask(serf, "join", { hasBody: true, body: join })).toEqual({ Num: 1 });
  expect(await ask(serf, "stats", { hasBody: true })).toEqual({ agent: { name: "a" } });
  await ask(serf, "event", { body: { Name: "foo", Payload: "text", Coalesce: true } });
  await ask(serf, "tags", { body: { Tags: { k: "v" } } });
  await ask(serf, "force-leave", { body: { Node: "b" } });
  serf.leave();
  await once(serf, "close");
  expect(bench.left).toBe(1);
  expect(bench.api.calls.slice(1)).toEqual([
    "join 127.0.0.1:7947 false",
    "userEvent foo 74657874 true",
    'setTags [["k","v"]] []',
    "forceLeave b false",
    "leave",
  ]);
});

test("node-serf follows events and the log, and stops", async () => {
  const bench = await Bench.start();
  bench.api.backlog = ["2020/01/01 00:00:00 [INFO] agent: hello"];
  const serf = await client(bench.port);
  const seen: unknown[] = [];
  const stream = serf.stream({ Type: "user:foo" }, () => {
    const payload = Buffer.from("p");
    bench.api.emit({ kind: "user", ltime: 4, name: "foo", payload, coalesce: false });
  });
  stream.on("data", (record: unknown) => seen.push(record));
  await until("the event", () => seen.length === 1);
  expect(seen).toMatchObject([{ Event: "user", LTime: 4, Name: "foo", Coalesce: false }]);
  const monitor = serf.monitor({ LogLevel: "DEBUG" });
  const [line] = (await once(monitor, "data")) as [unknown];
  expect(line).toEqual({ Log: "2020/01/01 00:00:00 [INFO] agent: hello" });
  await new Promise<void>((resolve, reject) => {
    stream.stop((error) => (error ? reject(error) : resolve()));
  });
  await until("the stream to end", () => bench.api.subscriptions === 1);
});
