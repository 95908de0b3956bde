import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { documentedFaults, paths, schemaFaultsOf } from "../http/documented.js";
import type { Agent } from "../support/agents.js";
import { until } from "../support/wait.js";
import { agentTest, runAgent } from "./agent-process.js";
import { eventsOf, httpUrl, withHttp } from "./http-client.js";

const test = agentTest.concurrent;

// Many processes begin at the same time.
vi.setConfig({ testTimeout: 60_000 });

async function getJson(agent: Agent, path: string): Promise<unknown> {
  return await (await fetch(httpUrl(agent) + path)).json();
}

test("a running agent answers all that is documented, as it is documented", async ({
  directory,
  start,
}) => {
  const [a, b] = [
    await withHttp(start, [
      `-event-handler=member-join,user=echo done`,
      `-event-handler=state=exit 3`,
      `-handler-journal=${join(directory, "journal")}`,
    ]),
    await start(["-tag=role=web", "-profile=local"], { name: "b" }),
  ];
  await b.cli(["join", a.gossip]);
  const reads = Object.keys(paths).filter((path) => paths[path]?.get && path !== "/v1/events");
  await until("a run failed", async () =>
    JSON.stringify(await getJson(a, "/v1/handlers/log")).includes('"failed"'),
  );
  await until("it is settled", async () => (await fetch(`${httpUrl(a)}/readyz`)).ok);
  for (const path of reads) {
    const answer = await fetch(httpUrl(a) + path);
    const type = answer.headers.get("content-type")?.replace(/;.*/, "") ?? "";
    const faults = documentedFaults("GET", path, answer.status, type, await answer.text());
    expect(faults, path).toEqual([]);
    expect([path, answer.status]).toEqual([path, path === "/v1/lb" ? 404 : 200]);
  }
  const web = await getJson(a, "/v1/members?tag=role=web&status=alive");
  expect(web).toMatchObject([{ name: "b", address: b.gossip, tags: { role: "web" } }]);
  expect(await getJson(a, "/v1/members?name=nobody")).toEqual([]);
  expect(await getJson(a, "/v1/members?name=(")).toMatchObject({ error: { code: "bad_request" } });
  expect(await getJson(a, "/v1/self")).toMatchObject({ name: "a", members: { alive: 2 } });
});

test("what happens is told as it happens, across a break of the connection", async ({ start }) => {
  const a = await withHttp(start);
  const events = await eventsOf(a);
  const b = await start(["-profile=local"], { name: "b" });
  await b.cli(["join", a.gossip]);
  await events.until("member", { event: "member-join", members: [{ name: "b" }] });
  await b.cli(["event", "deploy", "v2"]);
  await events.until("user", { name: "deploy", payload: "v2" });
  events.close();
  await b.cli(["tags", "-set", "role=web"]);
  b.signal("SIGKILL");
  await until("it is failed", async () => (await a.statuses()).b === "failed");
  const again = await eventsOf(a, events.lastId);
  await again.until("suspicion", { deed: { kind: "suspected", node: "b" } });
  await again.until("deed", { deed: { kind: "gone", node: "b", state: "failed" } });
  await again.until("member", {
    event: "member-failed",
    members: [{ name: "b", status: "failed" }],
  });
  expect(again.names).not.toContain("reset");
  for (const { name, data } of [...events.all, ...again.all]) {
    const shape =
      { member: "MemberEvent", user: "UserEvent", query: "QueryEvent" }[name] ?? "Entry";
    expect(schemaFaultsOf(shape, data), name).toEqual([]);
  }
  again.close();
});

test("events and queries go out by HTTP", async ({ start }) => {
  const token = { GOSSIPD_HTTP_TOKEN: "s3cret" };
  const a = await withHttp(start, ["-event-handler=query:load=echo 0.5"], { env: token });
  const post = async (path: string, body: object): Promise<unknown> => {
    const headers = { "content-type": "application/json", authorization: "Bearer s3cret" };
    const sent = { method: "POST", headers, body: JSON.stringify(body) };
    return await (await fetch(httpUrl(a) + path, sent)).json();
  };
  const events = await eventsOf(a);
  expect(await post("/v1/event", { name: "deploy", payloadBase64: "/w==" })).toEqual({
    sent: true,
  });
  await events.until("user", { name: "deploy", payload: null, payloadBase64: "/w==" });
  expect(await post("/v1/query", { name: "load", acks: true, timeoutMillis: 700 })).toEqual({
    acks: ["a"],
    responses: [{ from: "a", payload: "0.5\n", payloadBase64: "MC41Cg==" }],
    truncated: false,
  });
  const long = await post("/v1/event", { name: "x".repeat(600) });
  expect(long).toMatchObject({ error: { code: "bad_request" } });
  events.close();
});

test("the load balancer of a running agent is shown and told by HTTP", async ({
  directory,
  start,
}) => {
  const config = join(directory, "proxy.cfg");
  const file = join(directory, "agent.json");
  writeFileSync(config, "# gossipd begin\n# gossipd end\n");
  const pools = [{ name: "web", members: "role=web", port: 80, include_self: true }];
  const edge = {
    name: "edge",
    kind: "command",
    config,
    reload: ["true"],
    line: "server %n",
    pools,
  };
  const section = {
    state_dir: join(directory, "state"),
    settle_time: "50ms",
    settle_limit: "100ms",
  };
  const token = { http_token: "s3cret", tags: { role: "web" } };
  writeFileSync(
    file,
    JSON.stringify({ ...token, load_balancer: { ...section, balancers: [edge] } }),
  );
  const a = await withHttp(start, [`-config-file=${file}`]);
  const events = await eventsOf(a);
  const post = async (body: object): Promise<[number, unknown]> => {
    const headers = { "content-type": "application/json", authorization: "Bearer s3cret" };
    const sent = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(`${httpUrl(a)}/v1/lb`, sent);
    return [answer.status, await answer.json()];
  };
  await until("it is in step", async () => {
    const status = await getJson(a, "/v1/lb");
    expect(schemaFaultsOf("LbStatus", status)).toEqual([]);
    return JSON.stringify(status).includes('"condition":"in step"');
  });
  expect(await post({ kind: "pause" })).toEqual([200, { done: expect.stringContaining("edge") }]);
  expect(await getJson(a, "/v1/lb")).toMatchObject({ balancers: [{ condition: "paused" }] });
  expect(await post({ kind: "resume", balancer: "edge" })).toMatchObject([200, {}]);
  const unknown = await post({ kind: "resume", balancer: "other" });
  expect(unknown).toMatchObject([400, { error: { message: expect.stringContaining("edge") } }]);
  await post({ kind: "override", node: "a", admission: "out", for: "1m" });
  await events.until("balancer", { deed: { kind: "applied", balancer: "edge", nodes: ["a"] } });
  events.close();
});

test("the banner names the addresses, and the sockets go with the agent", async ({
  directory,
  start,
}) => {
  const path = join(directory, "http.sock");
  const agent = await withHttp(start, [`-http-addr=unix:${path}`]);
  expect(agent.output).toContain(`                      HTTP addr: '${agent.ip}:7380'\n`);
  expect(agent.output).toContain(`                      HTTP addr: 'unix:${path}'\n`);
  const events = await eventsOf(agent);
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  expect(existsSync(path)).toBe(false);
  events.close();
});

test("a leaving agent is not ready", async ({ start }) => {
  const agent = await withHttp(start);
  const ready = async (): Promise<boolean | undefined> =>
    (await fetch(`${httpUrl(agent)}/readyz`).catch(() => undefined))?.ok;
  await until("it is ready", ready);
  agent.signal("SIGTERM");
  await until("it is not ready", async () => (await ready()) !== true, { every: 20 });
  await agent.exited;
});

test("an address that cannot be listened at ends the start in one line", async ({ start }) => {
  const agent = await withHttp(start);
  const { code, lines } = await runAgent(`-http-addr=${agent.ip}:7380`);
  const fault = `listen tcp ${agent.ip}:7380: bind: address already in use`;
  expect([code, lines]).toEqual([
    1,
    expect.arrayContaining([`==> Error starting HTTP listener: ${fault}`]),
  ]);
});
