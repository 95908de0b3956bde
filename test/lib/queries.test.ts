import { expect, test } from "vitest";
import {
  type Agent,
  KeyError,
  OperatorError,
  type QueryReply,
  RpcClient,
} from "../../src/lib/index.js";
import { until } from "../support/wait.js";
import { embed, freshIp, gossipOf } from "./embedding.js";

async function all(replies: AsyncIterable<QueryReply>): Promise<string[]> {
  const told: string[] = [];
  for await (const reply of replies) {
    const text = reply.type === "ack" ? "" : ` ${new TextDecoder().decode(reply.payload)}`;
    told.push(`${reply.type} ${reply.from}${text}`);
  }
  return told.sort();
}

/** Two members who know each other; the second answers `load`, and a client of the first. */
async function pair(options: object = {}): Promise<{ one: Agent; two: Agent; client: RpcClient }> {
  const one = await embed({ name: "one", rpcAddr: `${freshIp()}:0`, ...options });
  const two = await embed({ name: "two", join: [gossipOf(one)], ...options });
  two.on("query:load", (query) => query.respond(`${new TextDecoder().decode(query.payload)}!`));
  await until("one knows two", () => one.members().length === 2);
  const client = await RpcClient.connect({ address: one.rpcAddress });
  return { one, two, client };
}

test("a query brings acks and answers, asked by the agent or by a client", async () => {
  const { one, client } = await pair();
  const options = { requestAck: true, timeout: 400 };
  const [ours, clients] = await Promise.all([
    all(one.query("load", "how much", options)),
    all(client.query("load", "how much", options)),
  ]);
  expect(ours).toEqual(["ack one", "ack two", "response two how much!"]);
  expect(clients).toEqual(ours);
  const others = await all(one.query("load", "", { filterNodes: ["one"], timeout: 200 }));
  expect(others).toEqual([]);
  client.close();
});

test("a loop that is left gives the query up", async () => {
  const { one, client } = await pair();
  for (const replies of [one.query("load"), client.query("load")]) {
    for await (const reply of replies) {
      expect(reply.from).toBe("two");
      break;
    }
  }
  expect(await client.stats()).toMatchObject({ agent: { name: "one" } });
  client.close();
});

test("a query ends with the agent", async () => {
  const agent = await embed();
  const waiting = all(agent.query("load", "", { timeout: 60_000 }));
  waiting.catch(() => {});
  await until("it is asked", () => agent.stats().serf?.query_time !== "1");
  await agent.stop();
  const ended = new OperatorError("the agent has ended: stopped");
  await expect(waiting).rejects.toThrow(ended);
  await expect(all(agent.query("load"))).rejects.toThrow(ended);
});

test("what is no query is refused when it is asked", async () => {
  const agent = await embed();
  await expect(all(agent.query("_serf_conflict"))).rejects.toThrow(OperatorError);
  await expect(all(agent.query("x", "y".repeat(2_000)))).rejects.toThrow(OperatorError);
  await expect(all(agent.query("x", "", { relayFactor: 256 }))).rejects.toThrow(
    new OperatorError('"relayFactor" must be 0 to 255, not 256'),
  );
  await expect(all(agent.query("x", "", { timeout: -1 }))).rejects.toThrow(
    new OperatorError('"timeout" must be milliseconds, not negative, not -1'),
  );
});

test("an answer is given once, and a second one does no harm", async () => {
  const agent = await embed();
  const refusals: unknown[] = [];
  agent.on("query:once", async (query) => {
    await query.respond("first");
    void query.respond("unseen");
    await query.respond("second").catch((error: unknown) => refusals.push(error));
  });
  const told = await all(agent.query("once", "", { timeout: 200 }));
  expect(told).toEqual([`response ${agent.self.name} first`]);
  expect(refusals).toEqual([expect.any(OperatorError)]);
});

const keys = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)].map((key) => key.toString("base64"));
const [first, second] = keys as [string, string];

test("keys are installed, used, removed and listed on all members", async () => {
  const { one, client } = await pair({ encryptKey: first });
  await one.installKey(second);
  expect((await client.listKeys()).keys).toEqual({ [first]: 2, [second]: 2 });
  await client.useKey(second);
  const report = await one.removeKey(first);
  expect(report).toMatchObject({ numNodes: 2, numResponses: 2, numErrors: 0, messages: {} });
  expect((await one.listKeys()).keys).toEqual({ [second]: 2 });
  const refused = await one.removeKey(second).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(KeyError);
  expect(refused).toMatchObject({ report: { numNodes: 2, numErrors: 2 } });
  await expect(client.removeKey(second)).rejects.toThrow(KeyError);
  client.close();
});

test("without encryption there are no keys", async () => {
  const agent = await embed();
  await expect(agent.listKeys()).rejects.toThrow(OperatorError);
});

test("coordinates tell how far members are from each other", async () => {
  const { one, client } = await pair();
  expect(one.coordinate("nobody")).toBeUndefined();
  expect(one.rtt("nobody")).toBeUndefined();
  await until("one has measured two", () => one.rtt("two") !== undefined);
  expect(one.coordinate("two")).toMatchObject({
    vec: expect.any(Array),
    height: expect.any(Number),
  });
  expect(one.rtt("two")).toBeGreaterThan(0);
  expect(one.rtt("two", "one")).toBe(one.rtt("one", "two"));
  expect(await client.rtt("two")).toBeGreaterThan(0);
  expect(await client.rtt("nobody")).toBeUndefined();
  client.close();
});
