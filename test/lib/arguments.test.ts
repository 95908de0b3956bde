import { expect, onTestFinished, test } from "vitest";
import { OperatorError, RpcClient } from "../../src/lib/index.js";
import { Life } from "../../src/lib/life.js";
import { embed, freshIp } from "./embedding.js";

/** Both as a program without types sees them. */
// biome-ignore lint/suspicious/noExplicitAny: that is what is tested
type Untyped = any;

async function both(): Promise<{ agent: Untyped; client: Untyped }> {
  const rpcAddr = `${freshIp()}:7373`;
  const agent = await embed({ rpcAddr });
  const client = await RpcClient.connect({ address: rpcAddr });
  onTestFinished(() => client.close());
  return { agent, client };
}

test.for<[call: string, call: (to: Untyped) => unknown, fault: string]>([
  ["userEvent(5)", (to) => to.userEvent(5), '"name" must be a string'],
  [
    "userEvent(name, 5)",
    (to) => to.userEvent("x", 5),
    '"payload" must be a string or bytes in a Uint8Array',
  ],
  [
    "userEvent(name, payload, 1)",
    (to) => to.userEvent("x", "", { coalesce: 1 }),
    '"coalesce" must be a boolean',
  ],
  [
    "query without a payload",
    (to) => to.query("x", { requestAck: true }).next(),
    '"payload" must be a string or bytes in a Uint8Array',
  ],
  [
    "query of one name",
    (to) => to.query("x", "", { filterNodes: "one" }).next(),
    '"filterNodes" must be a list of strings',
  ],
  ["setTags of a number", (to) => to.setTags({ a: 1 }), '"set" must be an object of strings'],
  ["setTags of nothing", (to) => to.setTags(), '"set" must be an object of strings'],
  ["setTags(_, tag)", (to) => to.setTags({}, "a"), '"remove" must be a list of strings'],
  ["join of one", (to) => to.join("10.0.0.5"), '"addresses" must be a list of strings'],
  ["members of a number", (to) => to.members({ name: 5 }), '"name" must be a string'],
  ["forceLeave()", (to) => to.forceLeave(), '"node" must be a string'],
  ["installKey()", (to) => to.installKey(), '"key" must be a string'],
  ["coordinate()", (to) => to.coordinate(), '"node" must be a string'],
  ["on(name)", (to) => to.on("user"), '"listener" must be a function'],
])("%s is refused by agent and client before anybody hears of it", async ([, call, fault]) => {
  const { agent, client } = await both();
  for (const to of [agent, client]) {
    await expect((async () => call(to))()).rejects.toThrow(new OperatorError(fault));
  }
  // The connection goes on.
  expect(await client.members()).toHaveLength(1);
  expect(agent.self.tags).toEqual({});
});

test("a query that is to last for ever is asked all the same", async () => {
  const { agent, client } = await both();
  for (const to of [agent, client]) {
    const replies = to.query("x", "", { requestAck: true, timeout: Number.MAX_VALUE });
    expect(await replies.next()).toEqual({
      done: false,
      value: { type: "ack", from: agent.self.name },
    });
    await replies.return();
  }
});

test("an end that fails is an end for all who wait for it", async () => {
  const life = new Life();
  life.begin(() => Promise.reject(new Error("the disk is gone")));
  await expect(life.end("stopped")).rejects.toThrow("the disk is gone");
  expect(await life.closed).toBe("stopped");
});
