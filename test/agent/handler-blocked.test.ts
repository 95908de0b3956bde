import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { RpcClient } from "../../src/rpc/client.js";
import { until } from "../support/wait.js";
import { agentTest as test } from "./agent-process.js";

test("5,000 events while a handler is blocked: the agent serves, and the handler ends up right", async ({
  directory,
  start,
}) => {
  const told = () => {
    const path = join(directory, "told");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  const script = [
    `cd '${directory}' || exit; echo >begun`,
    `until [ -e open ] || [ ! -d '${directory}' ]; do sleep 0.05; done`,
    '{ echo "event $SERF_EVENT $SERF_USER_EVENT"; cat; } >>told',
  ].join("; ");
  const a = await start(["-profile=local", "-tag=n=0", `-event-handler=*=${script}`]);
  await until("the handler runs", () => existsSync(join(directory, "begun")));
  const client = await RpcClient.connect({ host: a.ip, port: 7373, authKey: "" });
  let streamed = 0;
  await client.stream("user", () => {
    streamed += 1;
  });

  const b = await start(["-profile=local", `-join=${a.gossip}`], { name: "b" });
  await client.setTags(new Map([["n", "1"]]), []);
  await until("they wait", () => a.output.includes("Received event: member-update"));
  const sent: Promise<void>[] = [];
  for (let count = 1; count <= 5_000; count += 1) {
    sent.push(client.userEvent(`e${count}`, Buffer.from("x"), false));
    if (count % 1_000 !== 0) continue;
    await client.setTags(new Map([["n", String(1 + count / 1_000)]]), []);
    expect((await client.members()).map(({ name }) => name).sort()).toEqual(["a", "b"]);
  }
  await Promise.all(sent);
  const c = await start(["-profile=local"], { name: "c" });
  expect(await c.cli(["join", a.gossip])).toMatchObject({ code: 0 });
  await until("all are there", async () => Object.keys(await b.statuses()).join() === "a,b,c");
  await until("the handler heard of c", () => a.output.split("event: member-join").length > 3);
  await until("the stream goes on", () => streamed >= 500, { last: () => streamed });
  expect(told()).toBe("");

  writeFileSync(join(directory, "open"), "");
  await until("user events are told", () => told().includes("event user"));
  const [before = ""] = told().split("event user");
  expect(before.split("\n")).toEqual([
    "event member-join ",
    `a\t${a.ip}\t\tn=0`,
    "event member-join ",
    `b\t${b.ip}\t\t`,
    `c\t${c.ip}\t\t`,
    "event member-update ",
    `a\t${a.ip}\t\tn=6`,
    "",
  ]);
  expect(a.output).toMatch(/WARN\] +agent: handler is behind, events were dropped .*dropped=1 /);
  client.close();
});
