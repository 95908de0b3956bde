import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { until } from "../support/wait.js";
import { agentTest, freshIp, linesOf, untilPrinted } from "./agent-process.js";

const test = agentTest.concurrent;

test("an agent that was killed finds its cluster by its snapshot alone", async ({
  directory,
  start,
}) => {
  const file = join(directory, "snapshot");
  const ip = freshIp();
  const other = await start([], { name: "b b" });
  const before = await start([`-snapshot=${file}`, `-join=${other.ip}`], { ip });
  expect(before.output).toContain("                   Snapshot: true\n");
  await until("both are recorded", () => /^alive: b b /m.test(readFileSync(file, "utf8")));
  before.signal("SIGKILL");
  await before.exited;

  const after = await start([`-snapshot=${file}`], { ip });
  await untilPrinted(after, `Re-joined to previously known node: b b: ${other.gossip}`);
  expect(await after.statuses()).toEqual({ a: "alive", "b b": "alive" });
  await until("the other sees it", async () => (await other.statuses()).a === "alive");
  expect(linesOf(after)).toContain(
    `    TIME [INFO] serf: Attempting re-join to previously known node: b b: ${other.gossip}`,
  );
});

test("it goes on trying until one of the snapshot is there", async ({ directory, start }) => {
  const ip = freshIp();
  const file = join(directory, "snapshot");
  const config = join(directory, "c.json");
  writeFileSync(file, `alive: b ${ip}:7946\n`);
  writeFileSync(config, JSON.stringify({ snapshot_path: file, reconnect_interval: "1s" }));
  const agent = await start([`-config-file=${config}`]);
  await untilPrinted(agent, "[WARN] serf: Failed to re-join any previously known node");
  const other = await start([], { name: "b", ip });
  await untilPrinted(agent, "Re-joined to previously known node: b:");
  await until("both are one", async () => (await other.statuses()).a === "alive");
});

test.for([
  { rejoin: [], members: ["a"] },
  { rejoin: ["-rejoin"], members: ["a", "b"] },
])(
  "after a leave, started with '$rejoin', it knows $members",
  async (row, { directory, start }) => {
    const file = join(directory, "snapshot");
    const ip = freshIp();
    const other = await start([], { name: "b" });
    const before = await start([`-snapshot=${file}`, `-join=${other.ip}`, ...row.rejoin], { ip });
    before.signal("SIGTERM");
    expect(await before.exited).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch(/^leave$/m);

    const after = await start([`-snapshot=${file}`, ...row.rejoin], { ip });
    await until("its members are those", async () => {
      const seen = Object.keys(await after.statuses());
      return seen.join() === row.members.join();
    });
    expect(after.output.includes("re-join")).toBe(row.members.length > 1);
  },
);

test("what it cannot read it says, keeps aside and starts all the same", async ({
  directory,
  start,
}) => {
  const file = join(directory, "snapshot");
  writeFileSync(file, "alive: gone 127.0.0.1\nclock: 41\nclo");
  const agent = await start([`-snapshot=${file}`]);
  await untilPrinted(agent, "[WARN] serf: Unrecognized snapshot line: alive: gone 127.0.0.1");
  expect(agent.output).toContain("last snapshot line was not written to its end");
  expect(readFileSync(`${file}.unreadable-1`, "utf8")).toContain("alive: gone");
  expect(readFileSync(file, "utf8")).toMatch(
    /^clock: 41\nevent-clock: 0\nquery-clock: 0\nalive: a /,
  );
});
