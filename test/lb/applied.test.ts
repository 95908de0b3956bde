import { expect, test } from "vitest";
import { servingBalancer, VirtualBalancer } from "./support/virtual-balancer.js";

/** What virtual time a change may take that waits for nothing: views are put together for 5 ms. */
const atOnce = 10;

test("the first round tells of all that are served then", async () => {
  const world = new VirtualBalancer();
  for (const name of ["web1", "web2"]) world.set(name);
  await world.host.until("in step", () => world.isInStep);
  expect(world.rounds.at(-1)).toMatchObject({
    kind: "applied",
    balancer: "edge",
    cause: "the warm-up ended",
    nodes: ["web1", "web2"],
    count: 2,
    version: world.status.version,
  });
});

test("a round tells whom it let in, how, why, and with which version", async () => {
  const world = await servingBalancer(["web1"]);
  world.rounds.length = 0;
  world.set("web2");
  await world.host.advance(atOnce);
  expect(world.rounds).toEqual([
    {
      kind: "applied",
      balancer: "edge",
      way: "runtime",
      took: expect.any(Number),
      cause: "members changed",
      nodes: ["web2"],
      count: 1,
      version: world.status.applied,
    },
  ]);
  await world.host.advance(120_000);
  expect(world.rounds).toHaveLength(1);
});

test("one that failed is told of, though it was taken out before the round", async () => {
  const world = await servingBalancer(["web1", "web2", "web3"]);
  world.rounds.length = 0;
  world.set("web2", { status: "failed" });
  await world.host.advance(atOnce);
  expect(world.rounds).toMatchObject([
    { way: "runtime", nodes: ["web2"], version: world.status.version },
  ]);
});

test("a file that is refused is told once, with the reason, and its recovery", async () => {
  const world = await servingBalancer(["web1", "web2", "web3"]);
  world.rounds.length = 0;
  const good = world.file.text;
  world.file.text = `bad line\n${good}`;
  world.set("web3", { status: "left" });
  await world.host.advance(60_000);
  const failed = world.rounds.filter(({ failure }) => failure !== undefined);
  expect(failed).toHaveLength(1);
  expect(failed[0]?.version).toBeUndefined();
  expect(failed[0]?.failure).toContain(world.status.reason ?? "nothing");
  world.file.text = good;
  await world.host.until("it is well again", () => world.isInStep);
  expect(world.rounds.at(-1)).toMatchObject({ version: world.status.version });
  expect(world.rounds.at(-1)?.failure).toBeUndefined();
});

test("of many only the first are named", async () => {
  const world = await servingBalancer(["web1"]);
  world.rounds.length = 0;
  for (let number = 10; number < 50; number += 1) world.set(`web${number}`);
  await world.host.advance(1_000);
  expect(Math.max(...world.rounds.map(({ nodes }) => nodes.length))).toBe(16);
  const all = world.rounds.reduce((sum, { count }) => sum + count, 0);
  expect(all).toBe(40);
});

test("nothing that is not done is told: not before the view stood still, nor in a dry run", async () => {
  const world = new VirtualBalancer({ dryRun: true });
  world.set("web1");
  await world.host.advance(60_000);
  expect(world.rounds).toEqual([]);
});
