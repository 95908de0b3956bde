import { expect } from "vitest";
import type { Entry } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";
import { agentTest } from "../agent/agent-process.js";
import { eventsOf, httpUrl, withHttp } from "../agent/http-client.js";
import { RawClient, requestFor } from "../http/raw-client.js";
import type { Agent } from "../support/agents.js";
import { pause, until } from "../support/wait.js";

const streams = 500;

/** One of many clients that do what they should not; each gives way to the next. */
const pests: readonly ((agent: Agent) => Promise<void>)[] = [
  async (agent) => {
    const client = await RawClient.open(`${agent.ip}:7380`);
    client.send("\x16\x03\x01 no HTTP at all \r\n\r\n");
    await client.closed;
  },
  async (agent) => {
    const client = await RawClient.open(`${agent.ip}:7380`);
    client.send(requestFor("/", `X: ${"x".repeat(30_000)}\r\n`));
    await client.closed;
  },
  async (agent) => {
    const client = await RawClient.open(`${agent.ip}:7380`);
    client.send(requestFor("/v1/chronicle").repeat(3_000));
    await client.closed;
  },
  async (agent) => {
    const client = await RawClient.open(`${agent.ip}:7380`);
    client.send(requestFor("/v1/members").repeat(10));
    await client.untilAnswered(10);
    client.socket.destroy();
  },
  async (agent) => {
    const body = "x".repeat(200_000);
    const headers = { "content-type": "application/json", authorization: "Bearer wrong" };
    await fetch(`${httpUrl(agent)}/v1/event`, { method: "POST", headers, body }).catch(() => {});
  },
];

/** Connections that stay: halves of requests, and clients that never read what they asked for. */
async function holdOpen(agent: Agent): Promise<RawClient[]> {
  const address = `${agent.ip}:7380`;
  const held: RawClient[] = [];
  for (let count = 0; count < streams; count += 1) {
    const client = await RawClient.open(address);
    client.send(requestFor("/v1/events"));
    if (count % 5 === 0) client.socket.pause();
    held.push(client);
  }
  for (let count = 0; count < 50; count += 1) {
    const [half, deaf] = [await RawClient.open(address), await RawClient.open(address)];
    half.send("GET /v1/members HTTP/1.1\r\nHost: loc");
    deaf.send(requestFor("/v1/openapi.json"));
    deaf.socket.pause();
    held.push(half, deaf);
  }
  return held;
}

async function streamCount(agent: Agent): Promise<number> {
  const text = await (await fetch(`${httpUrl(agent)}/metrics`)).text();
  return Number(/^gossipd_http_streams (\d+)$/m.exec(text)?.[1]);
}

/** What an agent has seen of those kinds. */
async function seen(agent: Agent, ...kinds: Deed["kind"][]): Promise<Entry[]> {
  const answer = await fetch(`${httpUrl(agent)}/v1/chronicle`);
  const { entries } = (await answer.json()) as { entries: Entry[] };
  return entries.filter(({ deed }) => kinds.includes(deed.kind));
}

agentTest(
  "500 event streams, garbage and greedy clients leave membership untouched",
  async ({ start }) => {
    const lan = ["-profile=lan"];
    const [a, b, c] = [
      await withHttp(start, lan),
      await withHttp(start, lan, { name: "b" }),
      await withHttp(start, lan, { name: "c" }),
    ];
    await b.cli(["join", a.gossip]);
    await c.cli(["join", a.gossip]);
    const held = await holdOpen(a);
    await until("all streams are open", async () => (await streamCount(a)) === streams);
    const events = await eventsOf(a);
    const end = performance.now() + 4_000;
    let round = 0;
    while (performance.now() < end) {
      await Promise.all(pests.flatMap((pest) => [pest(a), pest(a)]));
      round += 1;
      // Told to all 501 streams, while all that goes on.
      await b.cli(["event", "-coalesce=false", `round-${round}`]);
      await pause(100);
    }
    await events.until("user", { name: `round-${round}` });
    const reading = held.slice(0, streams).filter((_, index) => index % 5 !== 0);
    await until("every reader has got it", () =>
      reading.every(({ text }) => text.includes(`"round-${round}"`)),
    );
    const agents = [a, b, c];
    const stalls = await Promise.all(agents.map((agent) => seen(agent, "stalled")));
    // Where a process gets no processor for a second, because others have it, it is suspected by right.
    const isStarved = stalls.flat().some(({ deed }) => "how" in deed && deed.how === "paused");
    for (const agent of agents) {
      expect(await seen(agent, "gone", "moved")).toEqual([]);
      expect(isStarved ? [] : await seen(agent, "suspected", "accused")).toEqual([]);
      expect(await agent.statuses()).toEqual({ a: "alive", b: "alive", c: "alive" });
    }
    expect(a.output).not.toMatch(/\[ERR\]/);
    events.close();
    for (const { socket } of held) socket.destroy();
    await until("all places are free again", async () => (await streamCount(a)) === 0);
  },
);
