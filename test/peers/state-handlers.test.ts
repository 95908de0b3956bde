import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

describe.skipIf(missingPrograms("serf").length > 0)("a state handler among Serf's members", () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-state-"));
  const config = join(folder, "agent.json");
  const started: Agent[] = [];
  let balancer: Agent;
  const web = new Map<string, Agent>();

  /** Writes its list to a file at once, and refuses to succeed while there is a file `broken`. */
  const script = (file: string): string =>
    `cd ${folder} && echo run >>${file}.runs && [ ! -e broken ] && cat >${file}.new && mv ${file}.new ${file}`;

  const start = async (options: Parameters<typeof Agent.start>[0]): Promise<Agent> => {
    const agent = await Agent.start(options);
    started.push(agent);
    return agent;
  };

  const startWeb = async (kind: Agent["kind"], name: string, host: number): Promise<void> => {
    const args = ["-tag=role=web", "-tag=port=80", `-join=${balancer.gossip}`];
    web.set(name, await start({ kind, name, ip: ip(host), args }));
  };

  const stateOf = (file: string): string[] => {
    const path = join(folder, file);
    if (!existsSync(path)) return ["no file"];
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  };

  const shows = async (file: string, ...lines: string[]): Promise<void> => {
    await until(
      `${file} has ${lines.length} lines`,
      () => JSON.stringify(stateOf(file)) === JSON.stringify(lines),
      { every: 20, last: () => stateOf(file) },
    );
  };

  const line = (name: string, host: number, tags = "port=80,role=web"): string =>
    `${name}\t${ip(host)}\tweb\t${tags}`;

  beforeAll(async () => {
    writeFileSync(config, JSON.stringify({ event_handlers: [`state:role=web=${script("web")}`] }));
    balancer = await start({
      kind: "gossipd",
      name: "lb1",
      ip: ip(1),
      args: [`-config-file=${config}`],
    });
  });

  afterAll(async () => {
    for (const agent of started) await agent.end();
    rmSync(folder, { recursive: true, force: true });
  });

  test("is run at the start, before anybody is there", async () => {
    await shows("web");
  });

  test("has every member that joins, whatever program it runs, and none that does not match", async () => {
    await startWeb("serf", "web1", 2);
    await startWeb("gossipd", "web2", 3);
    await start({ kind: "serf", name: "db1", ip: ip(4), args: [`-join=${balancer.gossip}`] });
    await shows("web", line("web1", 2), line("web2", 3));
  });

  test("learns of a join sooner than Serf tells its handlers of one", async () => {
    const begun = performance.now();
    await startWeb("serf", "web3", 5);
    const joined = performance.now();
    await shows("web", line("web1", 2), line("web2", 3), line("web3", 5));
    const took = performance.now() - joined;
    process.stdout.write(
      `a Serf agent took ${(joined - begun).toFixed(0)} ms to start, its join ${took.toFixed(0)} ms to the file\n`,
    );
    expect(balancer.output).not.toMatch(/member-join[\s\S]*web3[\s\S]*Received event: member-join/);
  });

  test("learns of tags that a Serf agent changes", async () => {
    await web.get("web1")?.cli(["tags", "-set", "state=draining"]);
    const draining = line("web1", 2, "port=80,role=web,state=draining");
    await shows("web", draining, line("web2", 3), line("web3", 5));
    await web.get("web1")?.cli(["tags", "-delete", "role"]);
    await shows("web", line("web2", 3), line("web3", 5));
    await web.get("web1")?.cli(["tags", "-delete", "state", "-set", "role=web"]);
    await shows("web", line("web1", 2), line("web2", 3), line("web3", 5));
  });

  test("drops who leaves and who fails", async () => {
    await web.get("web2")?.cli(["leave"]);
    await shows("web", line("web1", 2), line("web3", 5));
    web.get("web3")?.signal("SIGKILL");
    await shows("web", line("web1", 2));
  });

  test("makes up for what it missed while it failed", async () => {
    writeFileSync(join(folder, "broken"), "");
    const runs = stateOf("web.runs").length;
    await web.get("web1")?.cli(["tags", "-set", "port=81"]);
    await until("it was run twice in vain", () => stateOf("web.runs").length >= runs + 2);
    await shows("web", line("web1", 2));
    rmSync(join(folder, "broken"));
    await shows("web", line("web1", 2, "port=81,role=web"));
  });

  test("that a reload adds is run at once, one that stays is not run for it", async () => {
    const runs = stateOf("web.runs").length;
    const handlers = [`state:role=web=${script("web")}`, `state+json=${script("all")}`];
    writeFileSync(config, JSON.stringify({ event_handlers: handlers }));
    balancer.signal("SIGHUP");
    const all = await until("the second one was run", () => {
      const text = stateOf("all").join("");
      return text.startsWith("{") ? (JSON.parse(text) as { members: { name: string }[] }) : false;
    });
    expect(all.members.map(({ name }) => name)).toEqual(["db1", "lb1", "web1"]);
    expect(stateOf("web.runs")).toHaveLength(runs);
  });
});
