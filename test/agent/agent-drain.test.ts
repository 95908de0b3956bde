import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { Agent } from "../support/agents.js";
import { until } from "../support/wait.js";
import { agentTest, linesOf, untilPrinted } from "./agent-process.js";

// Two processes for each, and all side by side.
vi.setConfig({ testTimeout: 60_000 });

const test = agentTest.extend<{ group: Group }>({
  group: async ({ start }, use) => {
    const folder = mkdtempSync(join(tmpdir(), "gossipd-drain-"));
    const state = join(folder, "state");
    writeFileSync(state, "serving");
    // A load balancer as a script sees it: what it says of the node that is in the payload is in a file.
    const script = `read -r node; printf '{"balancer":"edge","node":"%s","state":"%s","inUse":2}\\n' "$node" "$(cat ${state})"`;
    const balancer = await start(
      ["-profile=local", "-tag=balancer=edge", `-event-handler=query:lb-drained=${script}`],
      { name: "lb" },
    );
    await use({
      balancer,
      say: (text) => writeFileSync(state, text),
      join: (args = []) =>
        start(["-profile=local", `-join=${balancer.ip}`, ...args], { name: "web" }),
      stateSeen: async () =>
        (await balancer.members()).find(({ name }) => name === "web")?.tags.state,
    });
    rmSync(folder, { recursive: true });
  },
}).concurrent;

interface Group {
  readonly balancer: Agent;
  /** What the balancer says from now on. */
  readonly say: (state: string) => void;
  readonly join: (args?: readonly string[]) => Promise<Agent>;
  /** The tag `state` of the node that leaves, as the balancer has it. */
  readonly stateSeen: () => Promise<string | undefined>;
}

test.for(["a signal", "leave"])(
  "an agent that ends by %s stays until the load balancer has taken it out",
  async (how, { directory, group }) => {
    const tags = join(directory, "tags.json");
    writeFileSync(tags, '{"role":"web"}');
    const agent = await group.join([`-tags-file=${tags}`]);
    const left = how === "leave" ? agent.cli(["leave"]) : agent.signal("SIGTERM");
    await untilPrinted(agent, "waiting until load balancers send no requests here");
    await until("the balancer knows", async () => (await group.stateSeen()) === "draining");
    await untilPrinted(group.balancer, "Received event: query: lb-drained");
    expect(await group.balancer.statuses()).toEqual({ lb: "alive", web: "alive" });
    expect(agent.output).not.toContain("requesting graceful leave");
    group.say("out");
    expect(await agent.exited).toBe(0);
    await left;
    expect(agent.output).toMatch(/load balancer sends no requests here .*balancer=edge member=lb/);
    expect(await group.balancer.statuses()).toEqual({ lb: "alive", web: "left" });
    // It must not come back drained.
    expect(JSON.parse(readFileSync(tags, "utf8"))).toEqual({ role: "web" });
  },
);

test("an agent leaves after drain_timeout though a balancer did not let it go", async ({
  group,
}) => {
  const agent = await group.join(["-drain-timeout=700ms"]);
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  expect(agent.output).toMatch(
    /\[WARN\] agent: load balancer did not take us out balancer=edge member=lb state=serving inUse=2 took=/,
  );
  expect(await group.balancer.statuses()).toEqual({ lb: "alive", web: "left" });
});

test("a second signal ends the wait at once", async ({ group }) => {
  const agent = await group.join(["-drain-timeout=1h"]);
  agent.signal("SIGTERM");
  await untilPrinted(agent, "waiting until load balancers");
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(1);
});

test.for([
  { what: "a drain_timeout of 0", flags: ["-drain-timeout=0"] },
  { what: "a balancer that failed", flags: [] },
])("with $what an agent leaves as ever", async ({ flags }, { group }) => {
  const agent = await group.join(flags);
  if (flags.length === 0) {
    group.balancer.signal("SIGKILL");
    await until("it is known", async () => (await agent.statuses()).lb === "failed");
  }
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  const lines = linesOf(agent);
  const at = lines.indexOf("==> Gracefully shutting down agent...");
  expect(lines[at + 1]).toBe("    TIME [INFO] agent: requesting graceful leave from Serf");
});

test("an agent whose queries may not be long enough leaves all the same", async ({
  directory,
  group,
}) => {
  const file = join(directory, "c.json");
  writeFileSync(file, '{"query_size_limit":50}');
  const agent = await group.join([`-config-file=${file}`]);
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  expect(agent.output).toContain("[WARN] agent: load balancers cannot be asked reason=");
});

test("an agent in maintenance stays so while it is taken out", async ({ group }) => {
  const agent = await group.join();
  expect(await agent.cli(["maint", "-no-wait"])).toMatchObject({
    code: 0,
    stdout: "web is maint\n",
  });
  agent.signal("SIGTERM");
  await untilPrinted(agent, "waiting until load balancers");
  group.say("out");
  expect(await agent.exited).toBe(0);
  expect(group.balancer.output).not.toContain("draining");
});

test("a node is drained, and made ready, by a command on any other", async ({ group }) => {
  const agent = await group.join();
  const drained = group.balancer.cli(["drain", "web"]);
  await until("it is draining", async () => (await group.stateSeen()) === "draining");
  group.say("out");
  expect(await drained).toEqual({
    code: 0,
    stdout: "web is draining\nedge on lb: out\nweb gets no requests any more\n",
    stderr: "",
  });
  expect(agent.output).toMatch(/state set by another member state=draining from=lb/);
  group.say("serving");
  expect(await group.balancer.cli(["ready", "web"])).toMatchObject({ code: 0 });
  expect(await group.stateSeen()).toBeUndefined();
});

test("only the node that is meant follows lb-state, and says what it does not know", async ({
  group,
}) => {
  await group.join();
  const ask = async (payload: string) => {
    const args = ["query", "-format=json", "-early", "-node=web", "-timeout=2s", "lb-state"];
    const { stdout } = await group.balancer.cli([...args, payload]);
    return (JSON.parse(stdout) as { Responses: object }).Responses;
  };
  expect(await ask("web asleep")).toEqual({
    web: 'error: there is no state "asleep", but ready, draining, maint, starting\n',
  });
  expect(await ask("lb maint")).toEqual({});
  expect(await ask("web starting")).toEqual({ web: "starting\n" });
  expect(await group.stateSeen()).toBe("starting");
});
