import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Topics } from "../../../src/observe/topics.js";
import { runCli } from "../../support/agents.js";
import { until } from "../../support/wait.js";
import { agentTest, freshIp, untilPrinted } from "../agent-process.js";

const test = agentTest.concurrent;

const key = "cg8StVXbQJ0gPvMd9o7yrg==";

test("an agent that is killed while a handler runs: the next one knows, and has it told again who was lost", async ({
  directory,
  start,
}) => {
  const path = (name: string): string => join(directory, name);
  writeFileSync(path("key"), key);
  const body = `cat >>${path("in")}; cat ${path("key")}; echo $$ >${path("pid")}; test -e ${path("fixed")} || exec sleep 60`;
  const args = [
    `-event-handler=retry:member-leave=${body}`,
    `-handler-journal=${path("journal")}`,
    `-encrypt=${key}`,
  ];
  const ip = freshIp();
  const first = await start(args, { ip });
  const other = await start([`-encrypt=${key}`, `-join=${ip}`, "-tag=role=web"], { name: "b" });
  await other.cli(["leave"]);
  await until("the handler hangs", () => existsSync(path("pid")));
  first.signal("SIGKILL");
  await first.exited;
  process.kill(Number(readFileSync(path("pid"), "utf8")));
  writeFileSync(path("fixed"), "");

  const second = await start(args, { ip });
  const ask = (...words: string[]) =>
    runCli("gossipd", ["handlers", ...words], { env: { SERF_RPC_ADDR: second.rpc } });
  const log = async (): Promise<Topics["handlers-log"]["answer"]["runs"]> =>
    JSON.parse((await ask("log", "-format", "json")).stdout).runs;
  const runs = await until("it is told again", async () => {
    const all = await log();
    return all.some(({ cause, result }) => cause === "recovery" && result === "ok") && all;
  });
  expect(
    runs.map(({ cause, event, nodes, result }) => [cause, event, nodes.join(), result]),
  ).toEqual([
    ["event", "member-leave", "b", "interrupted"],
    ["recovery", "member-leave", "b", "ok"],
  ]);
  const told = readFileSync(path("in"), "utf8").trimEnd().split("\n");
  expect(told[0]).toMatch(/^b\t127\.\d+\.\d+\.\d+\tweb\trole=web$/);
  expect(told).toEqual([told[0], told[0]]);

  const again = await ask("rerun");
  expect(again).toMatchObject({ code: 0 });
  expect(again.stdout).toContain("for member-leave b\nRun 3: ok");
  expect(again.stdout).toContain("    | ***\n");
  const state = await second.cli(["handlers"]);
  expect(state.stdout).toContain(`retry:member-leave=${body}\n`);
  expect(state.stdout).toContain(`Journal: ${path("journal")}\n`);
  expect(readFileSync(path("journal"), "utf8")).not.toContain(key);
  expect((await second.cli(["info"])).stdout).toContain(`retry:member-leave: = ${body}`);
});

test("a journal that cannot be one is refused at the start", async ({ directory, start }) => {
  const path = join(directory, "notes.txt");
  writeFileSync(path, "mine\n");
  await expect(start([`-handler-journal=${path}`])).rejects.toThrow(
    `-handler-journal ${path}: this file is no journal of ours`,
  );
  expect(readFileSync(path, "utf8")).toBe("mine\n");
});

test("a reload adds and takes away handlers that run again", async ({ directory, start }) => {
  const config = join(directory, "c.json");
  const handlers = (...list: string[]): void =>
    writeFileSync(config, JSON.stringify({ event_handlers: list }));
  handlers("retry:user:go=exit 1");
  const agent = await start([`-config-file=${config}`]);
  await agent.cli(["event", "go"]);
  await untilPrinted(agent, "handler failed, runs again");
  const before = await agent.cli(["handlers"]);
  expect(before.code).toBe(1);
  expect(before.stdout).toMatch(/rests until try \d+ in/);
  handlers("user:go=true");
  agent.signal("SIGHUP");
  await untilPrinted(agent, "event handler added");
  await agent.cli(["event", "go"]);
  await until("the new one ran", async () => {
    const { stdout } = await agent.cli(["handlers"]);
    return (
      stdout.includes("last run     ") &&
      stdout.startsWith("user:go=true") &&
      !stdout.includes("exit 1")
    );
  });
  expect((await agent.cli(["handlers"])).code).toBe(0);
});
