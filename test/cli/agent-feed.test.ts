import { expect, onTestFinished, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { AgentFeed, type FeedState } from "../../src/cli/live/agent-feed.js";
import { RpcClient } from "../../src/rpc/client.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";

const hour = 3_600_000;

/** Follows how many members there are; all that it tells is kept. */
function follow(bench: Bench, interval: number, isPatient = false) {
  const states: FeedState<number>[] = [];
  const feed = new AgentFeed<number>({
    connect: () => RpcClient.connect({ host: "127.0.0.1", port: bench.port, authKey: "" }),
    read: async (agent) => (await agent.members()).length,
    interval,
    isPatient,
    onState: (state) => states.push(state),
  });
  onTestFinished(() => feed.stop());
  return { feed, states, ran: feed.run() };
}

const values = (states: readonly FeedState<number>[]) => states.map(({ value }) => value);

test("an event of the members has it read at once", async () => {
  const bench = await Bench.start();
  const { feed, ran, states } = follow(bench, hour);
  await until("it has read", () => states.length === 1);
  bench.api.known = [member("a")];
  bench.api.emit({ kind: "member", event: "member-join", members: bench.api.known });
  await until("it has read again", () => states.length === 2);
  expect(values(states)).toEqual([0, 1]);
  feed.stop();
  await ran;
});

test("without events it reads from time to time", async () => {
  const bench = await Bench.start();
  const { states } = follow(bench, 10);
  await until("it has read again", () => states.length === 3);
  expect(new Set(values(states))).toEqual(new Set([0]));
});

test("what an agent said last is kept while it is away", async () => {
  const bench = await Bench.start();
  bench.api.known = [member("a")];
  const { states } = follow(bench, hour);
  await until("it has read", () => states.length === 1);
  await bench.server.close();
  await until("it is away", () => states.at(-1)?.kind === "away");
  expect(states.at(-1)).toMatchObject({ kind: "away", value: 1 });
});

test("the first failure is its own, unless it is patient", async () => {
  const bench = await Bench.start();
  await bench.server.close();
  await expect(follow(bench, hour).ran).rejects.toThrow(OperatorError);
  const patient = follow(bench, hour, true);
  await until("it says so", () => patient.states.length > 1);
  patient.feed.stop();
  await patient.ran;
});
